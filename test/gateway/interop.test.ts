import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../system/support/eventually.js';
import { GatewayCluster } from './support/gateway-cluster.js';
import type { Endpoint } from './support/plain-messages.js';
import type { Context, PlainParty, Received } from './support/plain-party.js';

/**
 * The scenarios of the WS-TX interoperability rounds (WSTF sc007), as the coordinator's side sees them: the gateway is C,
 * the plain party is both I and P, and what a scenario's proxy drops is not answered here.
 */

let cluster: GatewayCluster;
let party: PlainParty;

beforeAll(async () => {
  cluster = await GatewayCluster.start();
  party = cluster.party;
}, 60_000);
afterAll(() => cluster.stop());

/** One run of a scenario: its client and participants have names of their own. */
class Scenario {
  readonly #id = randomUUID().slice(0, 8);
  readonly client = this.name('I');
  context!: Context;
  completion!: Endpoint;

  static async begin(): Promise<Scenario> {
    const scenario = new Scenario();
    scenario.context = await party.create(`${cluster.url}/activation`);
    return scenario;
  }

  name(instance: string): Endpoint {
    return party.endpoint(`${instance}-${this.#id}`);
  }

  /** What it has received, faults too. */
  of(instance: string): string[] {
    return party.of(this.name(instance).instance);
  }

  /** `script`: answers to what the participant receives, by the number of the message; the usual ones after it. */
  participant(instance: string, script: readonly (string | undefined)[] = []): Endpoint {
    const own = this.name(instance);
    let count = 0;
    cluster.participant(own.instance);
    const usual = party.participants.get(own.instance);
    party.participants.set(own.instance, async (message: Received) => {
      const isScripted = count < script.length;
      const answer = script[count];
      count += 1;
      if (!isScripted) return usual?.(message);
      if (answer !== undefined && message.from) await party.notify(answer, message.from, own);
    });
    return own;
  }

  register(protocol: 'Volatile2PC' | 'Durable2PC', own: Endpoint): Promise<Endpoint> {
    return party.register(this.context, protocol, own);
  }

  async complete(decision: 'Commit' | 'Rollback'): Promise<void> {
    this.completion = await party.register(this.context, 'Completion', this.client);
    const { status, text } = await party.notify(decision, this.completion, this.client);
    expect([status, text], 'a one-way message is answered by 202 alone').toEqual([202, '']);
  }

  async ends(outcome: 'Committed' | 'Aborted'): Promise<void> {
    await eventually(`the client gets ${outcome}`, () => this.of('I').length > 0);
    expect(this.of('I')).toEqual([outcome]);
  }

  received(instance: string, count: number): Promise<void> {
    return eventually(`${instance} has ${count}`, () => this.of(instance).length >= count);
  }
}

describe('the interoperability scenarios', () => {
  it.concurrent('1.1 CompletionCommit', async () => {
    const s = await Scenario.begin();
    await s.complete('Commit');
    await s.ends('Committed');
  });

  it.concurrent('1.2 CompletionRollback', async () => {
    const s = await Scenario.begin();
    await s.complete('Rollback');
    await s.ends('Aborted');
  });

  it.concurrent('2.1 Commit', async () => {
    const s = await Scenario.begin();
    await s.register('Durable2PC', s.participant('D'));
    await s.complete('Commit');
    await s.ends('Committed');
    expect(s.of('D')).toEqual(['Prepare', 'Commit']);
  });

  it.concurrent('2.2 Rollback', async () => {
    const s = await Scenario.begin();
    await s.register('Durable2PC', s.participant('D'));
    await s.complete('Rollback');
    await s.ends('Aborted');
    expect(s.of('D')).toEqual(['Rollback']);
  });

  it.concurrent('3.1 Phase2Rollback', async () => {
    const s = await Scenario.begin();
    await s.register('Volatile2PC', s.participant('V'));
    await s.register('Durable2PC', s.participant('D', ['Aborted']));
    await s.complete('Commit');
    await s.ends('Aborted');
    expect([s.of('V'), s.of('D')]).toEqual([['Prepare', 'Rollback'], ['Prepare']]);
  });

  it.concurrent('3.2 Readonly', async () => {
    const s = await Scenario.begin();
    await s.register('Durable2PC', s.participant('D1', ['ReadOnly']));
    await s.register('Durable2PC', s.participant('D2'));
    await s.complete('Commit');
    await s.ends('Committed');
    expect([s.of('D1'), s.of('D2')]).toEqual([['Prepare'], ['Prepare', 'Commit']]);
  });

  it.concurrent('3.3 VolatileAndDurable', async () => {
    const s = await Scenario.begin();
    const own = s.name('V');
    party.participants.set(own.instance, async ({ from }) => {
      await s.register('Durable2PC', s.participant('D'));
      if (from) await party.notify('ReadOnly', from, own);
    });
    await s.register('Volatile2PC', own);
    await s.complete('Commit');
    await s.ends('Committed');
    expect([s.of('V'), s.of('D')]).toEqual([['Prepare'], ['Prepare', 'Commit']]);
  });

  it.concurrent('4.1 EarlyReadonly', async () => {
    const s = await Scenario.begin();
    const v = s.participant('V');
    const coordinator = await s.register('Volatile2PC', v);
    await s.register('Durable2PC', s.participant('D'));
    await party.notify('ReadOnly', coordinator, v);
    await s.complete('Commit');
    await s.ends('Committed');
    expect([s.of('V'), s.of('D')]).toEqual([[], ['Prepare', 'Commit']]);
  });

  it.concurrent('4.2 EarlyAborted', async () => {
    const s = await Scenario.begin();
    const v = s.participant('V');
    const coordinator = await s.register('Volatile2PC', v);
    await s.register('Durable2PC', s.participant('D'));
    // Before Aborted: afterwards the activity takes no client any more.
    const completion = await party.register(s.context, 'Completion', s.client);
    await party.notify('Aborted', coordinator, v);
    await s.received('D', 1);
    expect(s.of('D')).toEqual(['Rollback']);
    await party.notify('Commit', completion, s.client);
    await s.ends('Aborted');
  });

  it.concurrent('5.1 ReplayCommit', async () => {
    const s = await Scenario.begin();
    const d = s.participant('D', ['Prepared', undefined]);
    const coordinator = await s.register('Durable2PC', d);
    await s.complete('Commit');
    await s.received('D', 2);
    await party.notify('Prepared', coordinator, d);
    await s.ends('Committed');
    expect(s.of('D')).toEqual(['Prepare', 'Commit', 'Commit']);
  });

  it.concurrent('5.2 RetryPreparedCommit', async () => {
    const s = await Scenario.begin();
    await s.register('Durable2PC', s.participant('D1'));
    await s.register('Durable2PC', s.participant('D2', [undefined]));
    await s.complete('Commit');
    await s.ends('Committed');
    expect(s.of('D2')).toEqual(['Prepare', 'Prepare', 'Commit']);
  });

  it.concurrent('5.3 RetryPreparedAbort', async () => {
    const s = await Scenario.begin();
    const d = s.participant('D', [undefined, undefined, undefined]);
    const coordinator = await s.register('Durable2PC', d);
    await s.complete('Commit');
    await eventually('a Rollback is lost', () => s.of('D').includes('Rollback'));
    await party.notify('Prepared', coordinator, d);
    await s.ends('Aborted');
    expect(s.of('D').slice(-2)).toEqual(['Rollback', 'Rollback']);
  });

  it.concurrent('5.4 RetryCommit', async () => {
    const s = await Scenario.begin();
    await s.register('Durable2PC', s.participant('D', ['Prepared', undefined]));
    await s.complete('Commit');
    await s.ends('Committed');
    expect(s.of('D')).toEqual(['Prepare', 'Commit', 'Commit']);
  });

  it.concurrent('5.5 PreparedAfterTimeout', async () => {
    const s = await Scenario.begin();
    const v = s.participant('V', ['Prepared', undefined, undefined, undefined]);
    const toV = await s.register('Volatile2PC', v);
    const d = s.participant('D', [undefined, undefined, undefined]);
    const toD = await s.register('Durable2PC', d);
    await s.complete('Commit');
    const isLost = (instance: string) => s.of(instance).includes('Rollback');
    await eventually('two Rollbacks are lost', () => isLost('V') && isLost('D'));
    await party.notify('Prepared', toD, d);
    await party.notify('Prepared', toV, v);
    await eventually('the fault is there', () => s.of('V').includes('Fault'));
    const fault = party.received.find(({ name, instance }) => {
      return name === 'Fault' && instance === v.instance;
    });
    expect(fault?.text).toContain('UnknownTransaction');
    expect(fault?.text).toContain('wsat/2006/06/fault');
    await s.ends('Aborted');
    expect(s.of('D').slice(-2)).toEqual(['Rollback', 'Rollback']);
  });

  it.concurrent('5.6 LostCommitted', async () => {
    const s = await Scenario.begin();
    await s.register('Durable2PC', s.participant('D', ['Prepared', undefined]));
    await s.complete('Commit');
    await s.ends('Committed');
    expect(s.of('D')).toEqual(['Prepare', 'Commit', 'Commit']);
  });
});
