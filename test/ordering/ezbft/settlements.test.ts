import { describe, expect, it } from 'vitest';
import type { ReplicaId } from '../../../src/kernel/ids.js';
import type { Signed } from '../../../src/kernel/signed.js';
import { orderingDefaults } from '../../../src/ordering/core/engine.js';
import { EzbftEngine } from '../../../src/ordering/core/ezbft/engine.js';
import { encodeSettlement } from '../../../src/ordering/settlement-codec.js';
import { digestOfTouched } from '../../../src/ordering/touched-codec.js';
import {
  instanceClient,
  type OrderingRequest,
  type SpecReply,
  type Touched,
} from '../../../src/ordering/types.js';
import { makeRequest, OrderingRig } from '../../support/ordering-rig.js';
import { KeyedRig, keyedJudge } from './keyed.js';

const nothing: Touched = { isBarrier: false, clients: [], keys: [], asked: [] };

/** Messages take ten milliseconds, nothing waits for a batch, and this replica is a liar. */
function rigWithout(liar: number): KeyedRig {
  const rig = new KeyedRig({ options: { batchDelayMs: 0, idleDelayMs: 0 } });
  rig.latencyMinMs = 10;
  rig.latencyMaxMs = 10;
  rig.crash(liar);
  return rig;
}

/** What replicas say of the instance, as it leaves them. */
function saidOf(rig: KeyedRig, space: number): Map<number, Signed<SpecReply>> {
  const said = new Map<number, Signed<SpecReply>>();
  rig.tamper = (from, _to, message) => {
    const isOwn = message.kind === 'spec-order' && message.order.statement.instance.space === from;
    const reply = message.kind === 'spec-reply' ? message.reply : isOwn && message.order;
    if (reply && reply.statement.instance.space === space) said.set(from, reply);
    return [message];
  };
  return said;
}

describe('what a batch touches', () => {
  it('is named by a replica as the batch has it, whatever the leader says', () => {
    const rig = rigWithout(3);
    const said = saidOf(rig, 3);
    const batch = [makeRequest('a', 1, 'key x')];
    const value = { ...keyedJudge.valueOf(batch, [0, 0, 0, 0]), touched: digestOfTouched(nothing) };
    const order = rig.reply(3, 3, 1, value);
    for (const to of [0, 1, 2])
      rig.transmit(3, to, { kind: 'spec-order', scope: 'ezbft', order, batch });
    rig.runUntil(() => rig.haveApplied(1));
    const touched = [...said.values()].map(({ statement }) => statement.value?.touched);
    expect(touched).toEqual([0, 1, 2].map(() => digestOfTouched(keyedJudge.touchedBy(batch))));
  });

  it('is not taken from a command that says otherwise than the replies', () => {
    const rig = rigWithout(0);
    const space = 1;
    const said = saidOf(rig, space);
    const batch = [makeRequest('a', 1, 'key x')];
    rig.submit(space, 'a', 1, 'key x');
    rig.runUntil(() => said.size === 3);
    const replies = [...said]
      .sort(([a], [b]) => a - b)
      .map(([replica, reply]) => ({ replica: replica as ReplicaId, reply }));
    const command = {
      client: instanceClient(space as ReplicaId),
      number: 1,
      payload: encodeSettlement({ said: replies, touched: nothing }),
    };
    for (const to of [1, 2, 3]) rig.transmit(0, to, rig.proposed(0, 1, [command]));
    rig.runUntil(() => rig.haveApplied(1), 60_000);
    for (const replica of [1, 2, 3]) expect(rig.logged(replica, 'proposal-refused')).toBe(1);
    expect(rig.history(1).join()).toContain(`${batch[0]?.client}:1`);
  });
});

describe('what a checkpoint covers', () => {
  /** The Decision Module still knows of it, and would not take what is fast for a value that knew it. */
  it('is named by what is new, so that what is fast stands', () => {
    const rig = new KeyedRig({
      options: { checkpointInterval: 4, batchDelayMs: 0, idleDelayMs: 0 },
    });
    const liar = 3;
    rig.crash(liar);
    const isEmpty = () => rig.stores.slice(0, liar).every((store) => isCovered([...store.keys()]));
    for (let number = 1; number < 16 && !isEmpty(); number += 1) {
      rig.submit(0, 'a', number, 'key x');
      rig.runUntil(() => rig.haveApplied(number));
      rig.runFor(1_000);
    }
    const before = rig.history(0).length;
    rig.tamper = (from, _to, message) => {
      const isOrder = message.kind === 'spec-order' && from === 1;
      if (isOrder) agreeWithOne(rig, message.order.statement);
      return [message];
    };
    rig.submit(1, 'b', 1, 'key x');
    rig.runUntil(() => rig.haveApplied(before + 1));
    rig.runFor(1_000);
    const stored = [...(rig.stores[0]?.keys() ?? [])];
    expect(stored.some((key) => key.startsWith('ezbft/fast/1.'))).toBe(true);
    expect(rig.engine(0).settled).toBeGreaterThan(before);
    rig.checkKeys();

    function agreeWithOne(at: KeyedRig, { instance, value }: SpecReply): void {
      const reply = at.reply(liar, instance.space, instance.index, value);
      at.transmit(liar, 0, { kind: 'spec-reply', scope: 'ezbft', reply });
    }
  });

  function isCovered(stored: readonly string[]): boolean {
    return stored.includes('ezbft/stable') && !stored.some((key) => key.startsWith('ezbft/said/'));
  }
});

describe('a batch that is settled', () => {
  it('does not travel with the command', () => {
    const keysOf = () => ['one'];
    const rig = new OrderingRig(
      (options, machine) => new EzbftEngine(options, Object.assign(machine, { keysOf })),
      { options: { batchDelayMs: 0, idleDelayMs: 0 } },
    );
    let longest = 0;
    rig.tamper = (_from, _to, message) => {
      const isCommand = message.scope === 'ezbft-decisions' && 'batch' in message;
      const bytes = isCommand ? message.batch.map(({ payload }) => payload.length) : [];
      longest = Math.max(longest, ...bytes);
      return [message];
    };
    for (const home of [0, 1, 2, 3]) rig.submit(home, `c${home}`, 1, `one ${'x'.repeat(100_000)}`);
    rig.runUntil(() => rig.haveApplied(4));
    expect(longest).toBeGreaterThan(0);
    expect(longest).toBeLessThan(2_000);
    rig.checkOrder();
  });

  it('is fetched soon, and from one replica, by one that the leader left out', () => {
    const rig = rigWithout(3);
    const leftOut = 2;
    const batch = [makeRequest('a', 1, 'key x')];
    const order = rig.order(3, 1, batch, [0, 0, 0, 0]);
    for (const to of [0, 1]) rig.transmit(3, to, order);
    const reply = { kind: 'spec-reply', scope: 'ezbft', reply: order.order } as const;
    rig.transmit(3, leftOut, reply);
    rig.runUntil(() => rig.haveApplied(1), orderingDefaults.resendAfterMs);
    expect(rig.count('fetch-instance')).toBe(1);
    expect(rig.count('batch')).toBe(1);
  });

  /** Replica 2 gets neither the first order nor what an honest replica says of it; a liar says it, and has nothing. */
  function toldByALiarAlone(): KeyedRig {
    const rig = rigWithout(3);
    const lost = new Set<string>();
    rig.tamper = (from, to, message) => {
      const what = `${from} ${message.kind}`;
      const isLost = to === 2 && /spec-(order|reply)/.test(message.kind) && !lost.has(what);
      if (isLost) lost.add(what);
      return isLost ? [] : [message];
    };
    rig.submit(0, 'a', 1, 'key x');
    const value = keyedJudge.valueOf([makeRequest('a', 1, 'key x')], [0, 0, 0, 0]);
    const reply = rig.reply(3, 0, 1, value);
    for (const to of [0, 1, 2]) rig.transmit(3, to, { kind: 'spec-reply', scope: 'ezbft', reply });
    return rig;
  }

  it('is fetched though a liar alone has said here that it has it', () => {
    const rig = toldByALiarAlone();
    rig.runUntil(() => rig.haveApplied(1), 10_000);
    expect(rig.count('fetch-instance')).toBeLessThan(4);
  });

  it('is asked for ever more seldom where nobody answers', () => {
    const rig = toldByALiarAlone();
    rig.runUntil(() => rig.haveApplied(1, [0, 1]));
    rig.crash(0);
    rig.crash(1);
    rig.runFor(60_000);
    const before = rig.count('fetch-instance');
    expect(before).toBeGreaterThan(3);
    rig.runFor(60_000);
    expect(rig.count('fetch-instance') - before).toBeLessThan(40);
  });

  it('is fetched besides sixteen that nobody has', () => {
    const rig = new KeyedRig({ options: { batchDelayMs: 0, idleDelayMs: 0, pipelineDepth: 64 } });
    rig.crash(3);
    const hidden = 16;
    rig.tamper = (_from, to, message) => {
      if (to === 2 && message.kind === 'spec-order') return [];
      const isHidden = message.kind === 'fetch-instance' && message.instance.index <= hidden;
      return isHidden ? [] : [message];
    };
    for (let number = 1; number <= hidden + 1; number += 1) {
      rig.submit(0, `a${number}`, 1, `key${number} x`);
      const batch = [makeRequest(`a${number}`, 1, `key${number} x`)];
      const value = keyedJudge.valueOf(batch, [number - 1, 0, 0, 0]);
      const reply = rig.reply(3, 0, number, value);
      for (const to of [0, 1]) rig.transmit(3, to, { kind: 'spec-reply', scope: 'ezbft', reply });
      rig.runUntil(() => rig.haveApplied(number, [0, 1]));
    }
    rig.runFor(2_000);
    expect(rig.count('batch')).toBeGreaterThan(0);
  });

  it('is taken though its client is gone since', () => {
    let isKnown = true;
    const rig = new KeyedRig({
      options: { batchDelayMs: 0, idleDelayMs: 0 },
      isGenuine: () => isKnown,
    });
    rig.latencyMinMs = 10;
    rig.latencyMaxMs = 10;
    rig.crash(3);
    const order = rig.order(3, 1, [makeRequest('a', 1, 'key x')], [0, 0, 0, 0]);
    for (const to of [0, 1]) rig.transmit(3, to, order);
    rig.runFor(30);
    isKnown = false;
    rig.runUntil(() => rig.haveApplied(1), 10_000);
  });

  it('does not keep an order with the same batch from being replied to', () => {
    const rig = new KeyedRig({
      options: { batchDelayMs: 0, idleDelayMs: 0, resendAfterMs: 4_000, suspectAfterMs: 20_000 },
    });
    const liar = 3;
    rig.crash(liar);
    let isLosing = true;
    let hasReplied = false;
    rig.tamper = (from, to, message) => {
      const isOfInstance = message.kind === 'spec-order' || message.kind === 'spec-reply';
      if (isLosing && to === 2 && isOfInstance) return [];
      if (!isLosing && from === 2 && message.kind === 'spec-reply') hasReplied = true;
      return message.kind === 'fetch-instance' ? [] : [message];
    };
    const batch = [makeRequest('a', 1, 'key x')];
    const value = keyedJudge.valueOf(batch, [0, 0, 0, 0]);
    const reply = rig.reply(liar, 0, 1, value);
    for (const to of [0, 1]) rig.transmit(liar, to, { kind: 'spec-reply', scope: 'ezbft', reply });
    rig.submit(0, 'a', 1, 'key x');
    rig.runUntil(() => rig.haveApplied(1, [0, 1]), 60_000);
    rig.runFor(40);
    isLosing = false;
    rig.transmit(liar, 2, rig.order(liar, 1, batch, [1, 0, 0, 0]));
    rig.runFor(100);
    expect(rig.history(2)).toHaveLength(1);
    expect(hasReplied).toBe(true);
  });
});

describe('keys', () => {
  const openWith = (keysOf: (request: OrderingRequest, self: number) => readonly string[]) =>
    new OrderingRig(
      (options, machine) =>
        new EzbftEngine(
          options,
          Object.assign(machine, {
            keysOf: (request: OrderingRequest) => keysOf(request, options.self),
          }),
        ),
      { options: { batchDelayMs: 0, idleDelayMs: 0 } },
    );

  it('may come in another order at each replica', () => {
    const rig = openWith((_request, self) =>
      ['one', 'two', 'three', 'four'].map((_, at, all) => all[(at + self) % all.length] ?? ''),
    );
    rig.submit(0, 'a', 1, 'x');
    rig.runUntil(() => rig.haveApplied(1), 10_000);
  });

  it('are the same after a restart, while anything is under way; else the replica says so and does not start', () => {
    let version = 1;
    const rig = openWith(() => [`key ${version}`]);
    rig.tamper = (_from, _to, message) => (message.kind === 'spec-reply' ? [] : [message]);
    rig.submit(0, 'a', 1, 'x');
    rig.runFor(100);
    rig.crash(0);
    version = 2;
    expect(() => rig.start(0)).toThrow('change keysOf when nothing is under way');
    version = 1;
    rig.start(0);
    rig.tamper = (_from, _to, message) => [message];
    rig.runUntil(() => rig.haveApplied(1));
    rig.runUntilIdle();
    version = 2;
    for (const replica of [0, 1, 2, 3]) rig.crash(replica);
    for (const replica of [0, 1, 2, 3]) rig.start(replica);
    rig.submit(1, 'b', 1, 'x');
    rig.runUntil(() => rig.haveApplied(2));
    rig.checkOrder();
  });

  /** Of eight groups before, and sixteen after: what was settled before shares a group with what is new. */
  it('may change when nothing is under way, also with what the Decision Module still knows', () => {
    let groups = 8;
    const rig = openWith(({ payload }) => [
      `group ${Number(new TextDecoder().decode(payload)) % groups}`,
    ]);
    rig.crash(3);
    rig.submit(0, 'a', 1, '9');
    rig.runUntil(() => rig.haveApplied(1));
    rig.start(3);
    rig.runUntil(() => rig.haveApplied(1), 60_000);
    rig.runUntilIdle();
    for (const replica of [0, 1, 2, 3]) rig.crash(replica);
    groups = 16;
    for (const replica of [0, 1, 2, 3]) rig.start(replica);
    rig.runUntilIdle();
    // Fast at all but one, which has it settled.
    rig.tamper = (from, to, message) =>
      from === 3 && to === 0 && message.kind === 'spec-reply' ? [] : [message];
    rig.submit(1, 'b', 1, '1');
    rig.runUntil(() => rig.haveApplied(2), 20_000);
    rig.runFor(10_000);
    rig.checkOrder();
  });
});
