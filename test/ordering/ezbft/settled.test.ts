import { describe, expect, it } from 'vitest';
import { Writer } from '../../../src/kernel/codec/bytes.js';
import { limits } from '../../../src/kernel/codec/limits.js';
import type { ReplicaId, View } from '../../../src/kernel/ids.js';
import { signatureOf } from '../../../src/kernel/signed.js';
import { signOrdering } from '../../../src/ordering/check-message.js';
import { ClientTable, Snapshot } from '../../../src/ordering/core/client-table.js';
import { orderingDefaults } from '../../../src/ordering/core/engine.js';
import { Judge } from '../../../src/ordering/core/ezbft/interference.js';
import { settledBytesMax } from '../../../src/ordering/core/ezbft/room.js';
import {
  type SettledInstance,
  SettledInstances,
} from '../../../src/ordering/core/ezbft/settled-instances.js';
import { EzbftState } from '../../../src/ordering/core/ezbft/state.js';
import { Outbox } from '../../../src/ordering/core/outbox.js';
import { orderingLimits } from '../../../src/ordering/fields.js';
import type { Batch, Dependencies, Instance } from '../../../src/ordering/types.js';
import { testCluster } from '../../support/keys.js';
import { makeRequest } from '../../support/ordering-rig.js';
import { KeyedRig } from './keyed.js';

const byKeys = new Judge({
  interferes: () => true,
  keysOf: ({ payload }) => [new TextDecoder().decode(payload.subarray(0, 8))],
});
const byPairs = new Judge({ interferes: () => true });

function stateOf(n: number, checkpointInterval: number, judge: Judge): EzbftState {
  const f = Math.floor((n - 1) / 3);
  const parties = testCluster({ n: 4, f: 1 });
  const options = {
    ...orderingDefaults,
    cluster: parties.cluster.id,
    resilience: { n, f },
    self: 0 as ReplicaId,
    sign: parties.replicaSign(0),
    checkpointInterval,
  };
  return new EzbftState(new Outbox(options, 'ezbft'), judge);
}

function bytesOf(settled: SettledInstances): number {
  return settled.write().reduce((sum, part) => sum + part.length, 0);
}

function settledOf(
  judge: Judge,
  instance: Instance,
  batch: Batch,
  deps: Dependencies,
): SettledInstance {
  return { instance, value: judge.valueOf(batch, deps), touched: judge.touchedBy(batch) };
}

function settledWith(state: EzbftState, batch: Batch): SettledInstances {
  const { n } = state.options.resilience;
  const settled = new SettledInstances(state.judge, n, state.settledKept);
  const deps = Array.from({ length: n }, () => 0);
  settled.add(settledOf(state.judge, { space: 0 as ReplicaId, index: 1 }, batch, deps));
  return settled;
}

describe("the Decision Module's state", () => {
  it.each([
    [4, 64],
    [4, 84],
    [64, 64],
    [64, 84],
  ])('fits into a checkpoint, full of what touches most (n = %i, interval %i)', (n, interval) => {
    const state = stateOf(n, interval, byPairs);
    const { keptBytesMax, settledKept } = state;
    const size = keptBytesMax - byPairs.keptBytesOf(makeRequest('c', 1, ''));
    const batch = [makeRequest('c', 1, 'x'.repeat(size))];
    const each = bytesOf(settledWith(state, batch)) * settledKept * n;
    expect(each).toBeLessThanOrEqual(settledBytesMax);
    // Each block of each space may leave a chunk nearly empty.
    const blocks = n * (Math.ceil(settledKept / 64) + 1);
    const chunks = settledBytesMax / orderingLimits.chunkBytes + blocks;
    expect(chunks).toBeLessThan(orderingLimits.chunks);
    expect(n).toBeLessThanOrEqual(limits.replicas);
  });

  it('has no requests where the application gives keys', () => {
    const state = stateOf(4, 64, byKeys);
    const long = [makeRequest('c', 1, 'x'.repeat(orderingLimits.payloadBytes))];
    expect(state.fits(long)).toBe(true);
    expect(bytesOf(settledWith(state, long))).toBeLessThan(256);
  });

  it('refuses a batch that touches more', () => {
    const many = new Judge({
      interferes: () => true,
      keysOf: () => Array.from({ length: 100_000 }, (_, key) => `key ${key}`),
    });
    expect(stateOf(4, 64, many).fits([makeRequest('c', 1, 'x')])).toBe(false);
  });

  it('is what it was when it is read, also where keys are halves of characters', () => {
    const judge = new Judge({ interferes: () => true, keysOf: () => ['\ud800'] });
    const state = stateOf(4, 64, judge);
    const written = settledWith(state, [makeRequest('a', 1, '')]);
    const read = new SettledInstances(judge, 4, state.settledKept);
    read.read(Uint8Array.from(Buffer.concat(written.write())));
    expect([...read.all()]).toEqual([...written.all()]);
    const other = { space: 1 as ReplicaId, index: 1 };
    const touched = judge.touchedBy([makeRequest('b', 1, '')]);
    expect(read.without(other, touched)).toEqual(written.without(other, touched));
    expect(read.without(other, touched)).toHaveLength(1);
  });
});

describe('patience', () => {
  it('grows where barriers of more than f replicas came to nothing, and with those of liars alone never', () => {
    const rig = new KeyedRig();
    const state = stateOf(4, 64, byKeys);
    const { suspectAfterMs } = state.options;
    const loseBarrier = (space: number, index: number, batch: Batch = []) => {
      const entry = state.entry({ space: space as ReplicaId, index });
      const { order } = rig.order(space, index, batch, [0, 0, 0, 0]);
      state.keepOrder(entry, { order, batch });
      state.decide(entry, { value: null, batch: [] });
    };
    for (let index = 1; index <= 40; index += 1) loseBarrier(3, index);
    loseBarrier(2, 1, [makeRequest('a', 1, 'no barrier')]);
    expect(state.patienceMs).toBe(suspectAfterMs);
    loseBarrier(2, 2);
    loseBarrier(2, 3);
    expect(state.patienceMs).toBe(4 * suspectAfterMs);
    for (let index = 4; index <= 40; index += 1) loseBarrier(2, index);
    expect(state.patienceMs).toBe(4096 * suspectAfterMs);
    state.cutAt([0, 0, 40, 40]);
    expect(state.patienceMs).toBe(suspectAfterMs);
  });
});

describe('a replica that was away', () => {
  const away = 3;

  /** It comes back when the Decision Module's log is cut, and the others' log is not. */
  function backAgain(): KeyedRig {
    const rig = new KeyedRig({ options: { checkpointInterval: 8, batchDelayMs: 0 } });
    rig.crash(away);
    for (let number = 1; number <= 6; number += 1) {
      for (const home of [0, 1, 2]) {
        rig.submit(home, `c${home}`, number, `key${home} ${number}`);
        rig.runUntil(() => rig.haveApplied(3 * number - 2 + home));
      }
    }
    rig.start(away);
    rig.runUntil(() => rig.haveApplied(18), 60_000);
    rig.checkKeys();
    return rig;
  }

  it('fetches the batches of what was settled', () => {
    const rig = backAgain();
    expect(rig.count('batch')).toBeGreaterThan(0);
    expect([...(rig.stores[0]?.keys() ?? [])]).not.toContain('ezbft/stable');
  });

  it('has them on its disk then', () => {
    const rig = backAgain();
    for (const replica of [0, 1, 2, away]) rig.crash(replica);
    rig.start(away);
    expect(rig.history(away)).toHaveLength(18);
  });

  it('awaits and refuses nothing out of reach where its own state comes last', () => {
    const rig = new KeyedRig({ options: { batchDelayMs: 0 } });
    for (const other of [0, 1, 2]) rig.crash(other);
    const base = 1_000;
    const settled = new SettledInstances(byKeys, 4, 392);
    for (const space of [0, 1, 2, 3]) {
      for (let index = base + 1; index <= base + 100; index += 1) {
        const batch = [makeRequest(`c${space}`, index, `key${space} x`)];
        const deps = [0, 1, 2, 3].map(() => index - 1);
        settled.add(settledOf(byKeys, { space: space as ReplicaId, index }, batch, deps));
      }
    }
    const own = new Writer();
    new ClientTable().write(own);
    const snapshot = Snapshot.of(own.finish(), settled.write());
    const { cluster } = rig.parties;
    const signed = [0, 1, 2].map((replica) =>
      signOrdering(rig.parties.replicaSign(replica), cluster.id, {
        kind: 'checkpoint',
        scope: 'ezbft-decisions',
        position: base * 2,
        digest: snapshot.digest,
      }),
    );
    const signatures = signed.map((one, replica) => signatureOf(replica as ReplicaId, one));
    const [first] = signed;
    if (!first) throw new Error('nobody has signed');
    const { statement, bytes } = first;
    const certificate = { statement, bytes, signatures };
    let fetched = 0;
    rig.tamper = (_from, to, message) => {
      if (message.kind === 'fetch-instance') fetched += 1;
      const chunk = message.kind === 'fetch-chunk' ? snapshot.chunk(message.digest) : undefined;
      if (chunk && to === 0)
        rig.transmit(0, away, { kind: 'chunk', scope: message.scope, bytes: chunk });
      return [];
    };
    const { manifest } = snapshot;
    rig.transmit(0, away, { kind: 'state', scope: 'ezbft-decisions', certificate, manifest });
    rig.runFor(500);
    expect(rig.engine(away).settled).toBe(base * 2);
    const status = { view: 0 as View, position: base * 4, stable: base * 4 };
    rig.transmit(0, away, { kind: 'status', scope: 'ezbft', ...status });
    rig.runFor(10_000);
    const said = [...(rig.stores[away]?.keys() ?? [])].filter((key) => key.includes('ezbft/said/'));
    expect(said).toEqual([]);
    expect(fetched).toBe(0);
  });
});
