import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { type DecisionProof, type Slot, slotKey } from '../../../src/agreement/messages.js';
import { activationSlotRequest } from '../../../src/agreement/values.js';
import type { StoreWrite, TimerInput } from '../../../src/kernel/core.js';
import { Driver } from '../../../src/kernel/driver/driver.js';
import { openStore, type Store } from '../../../src/kernel/store/store.js';
import { Decisions } from '../../../src/transaction/coordinator/node/decisions.js';
import { temporaryDirectory } from '../../kernel/support/directory.js';
import { Story } from '../../support/banking-story.js';
import { storedAs } from '../../support/decisions.js';
import { Evidence } from '../../support/evidence.js';
import { testCluster } from '../../support/keys.js';
import { Rig } from '../../support/rig.js';

interface Decided {
  readonly kind: 'decided';
  readonly proof: DecisionProof;
}

const evidence = new Evidence(testCluster());
const { id } = evidence.of.cluster;
const outcome: Slot = { kind: 'outcome', tid: evidence.tid };
const activation: Slot = {
  kind: 'activation',
  request: activationSlotRequest(evidence.request(0).statement),
};
const proof = evidence.decision(evidence.commitValue());
const written = storedAs(proof);

let store: Store;
let decisions: Decisions;
let ended: AbortController;

beforeEach(async () => {
  store = await openStore(await temporaryDirectory());
  decisions = new Decisions(id, store);
  ended = new AbortController();
  return () => store.close();
});

/** Persists and then puts out the decision, as the coordinator does, at a driver with the store. */
async function driverOn(disk: Store, to: Decisions): Promise<(proof: DecisionProof) => void> {
  const driver = new Driver<Decided, Decided>({
    core: {
      restore: () => [],
      handle: (input: Decided | TimerInput) =>
        input.kind === 'timer' ? [] : [{ kind: 'persist', ...storedAs(input.proof) }, input],
    },
    store: disk,
    perform: (output) => to.onDecided(output.proof),
    log: pino({ level: 'silent' }),
    onFatal: (error) => {
      throw error;
    },
  });
  await driver.start();
  return (decided) => void driver.submit({ kind: 'decided', proof: decided });
}

describe('the decisions of a coordinator', () => {
  it('are told of once they are on disk, to all that wait', async () => {
    const waiting = [outcome, outcome].map((slot) => decisions.of(slot, ended.signal));
    const decide = await driverOn(store, decisions);
    decide(proof);
    for (const told of await Promise.all(waiting)) expect(told).toEqual(proof);
  });

  it('are told of if they were on disk before', async () => {
    await store.write([written]);
    expect(await decisions.of(outcome, ended.signal)).toEqual(proof);
  });

  it('are not told of before the write has ended', async () => {
    let end = (): void => {};
    const disk: Store = {
      ...store,
      load: () => Promise.resolve([]),
      write: () => new Promise((resolve) => (end = resolve)),
    };
    const slow = new Decisions(id, disk);
    let told = false;
    const waiting = slow.of(outcome, ended.signal).then(() => {
      told = true;
    });
    const decide = await driverOn(disk, slow);
    decide(proof);
    await new Promise(setImmediate);
    expect(told).toBe(false);
    end();
    await waiting;
  });

  it('are those of the slot asked for', async () => {
    const waiting = decisions.of(activation, ended.signal);
    decisions.onDecided(proof);
    const decided = evidence.decision(evidence.activationValue());
    // It goes on waiting when the record is deleted.
    await store.write([{ key: storedAs(decided).key, value: null }]);
    decisions.onDecided(decided);
    expect(await waiting).toEqual(decided);
  });

  it('are not waited for any longer than is wanted', async () => {
    const waiting = decisions.of(outcome, ended.signal);
    ended.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(decisions.of(outcome, ended.signal)).rejects.toThrow('enough');
    decisions.onDecided(proof);
  });

  it('are put out once by each replica, right after their write', () => {
    const rig = new Rig();
    const slots = new Map<number, string[]>();
    rig.onStep = (replica, outputs) => {
      const writes: StoreWrite[] = [];
      for (const output of outputs) {
        if (output.kind === 'persist') writes.push({ key: output.key, value: output.value });
        if (output.kind !== 'decided') continue;
        expect(writes).toContainEqual(storedAs(output.proof));
        const slot = slotKey(output.proof.commits.statement.slot);
        slots.set(replica, [...(slots.get(replica) ?? []), slot]);
      }
    };
    const story = new Story(rig);
    const tid = story.transfer(1);
    story.outcome(tid);
    rig.runUntil(() => rig.stores.every((one) => one.has(`finished/${tid}`)));
    for (let replica = 0; replica < rig.n; replica += 1) {
      expect(slots.get(replica)?.map((slot) => slot.slice(0, 2))).toEqual(['a:', 'o:']);
    }
  });
});
