import { describe, expect, it } from 'vitest';
import type { ReplicaId } from '../../src/kernel/ids.js';
import { signOrdering } from '../../src/ordering/check-message.js';
import { StableStore } from '../../src/ordering/core/checkpoints.js';
import { Snapshot, type StableCheckpoint } from '../../src/ordering/core/client-table.js';
import { type OrderingOutput, orderingDefaults } from '../../src/ordering/core/engine.js';
import { Outbox } from '../../src/ordering/core/outbox.js';
import { StateTransfer } from '../../src/ordering/core/state-transfer.js';
import { orderingLimits } from '../../src/ordering/fields.js';
import { testCluster } from '../support/keys.js';

const parties = testCluster();
const { cluster } = parties;
const replicas = [0, 1, 2, 3] as ReplicaId[];

function outboxOf(self: number): Outbox {
  return new Outbox(
    {
      ...orderingDefaults,
      cluster: cluster.id,
      resilience: cluster.resilience,
      self: self as ReplicaId,
      sign: parties.replicaSign(self),
    },
    'pbft',
  );
}

/** Bytes that differ from one chunk to the next. */
function stateOf(bytes: number, seed = 0): Uint8Array {
  const state = new Uint8Array(bytes);
  const view = new DataView(state.buffer);
  for (let at = 0; at + 4 <= bytes; at += 1024) view.setUint32(at, at + seed);
  return state;
}

function checkpointOf(position: number, snapshot: Snapshot): StableCheckpoint {
  const { digest } = snapshot;
  const statement = { kind: 'checkpoint', scope: 'pbft', position, digest } as const;
  const signed = replicas.slice(0, 3).map((replica) => ({
    replica,
    ...signOrdering(parties.replicaSign(replica), cluster.id, statement),
  }));
  const bytes = signed[0]?.bytes ?? new Uint8Array();
  return { certificate: { statement, bytes, signatures: signed }, snapshot };
}

/** One replica that fetches, and what the others answer. */
class Fetching {
  readonly outbox = outboxOf(3);
  readonly done: StableCheckpoint[] = [];
  readonly transfer = new StateTransfer(this.outbox, (one) => this.done.push(one));
  /** Chunks that each was asked for. */
  readonly asked = new Map<number, number>();
  inFlightMax = 0;
  answer: (holder: number, bytes: Uint8Array) => Uint8Array | undefined = (_holder, bytes) => bytes;
  #timers = 0;

  start(from: number, { certificate, snapshot }: StableCheckpoint, own?: Snapshot): void {
    const { manifest } = snapshot;
    this.transfer.start(from as ReplicaId, { certificate, manifest }, own);
  }

  /** Answers requests, and lets the timer run out where nothing is under way, until it has the state. */
  run({ snapshot }: StableCheckpoint, roundsMax = 10_000): void {
    for (let round = 0; round < roundsMax && this.done.length === 0; round += 1) {
      const requests = this.outbox.take().flatMap((output) => this.#requestIn(output));
      this.inFlightMax = Math.max(this.inFlightMax, requests.length);
      if (requests.length === 0) {
        this.#timers += 1;
        this.transfer.onTimer('fetch-state');
      }
      for (const { to, digest } of requests) {
        this.asked.set(to, (this.asked.get(to) ?? 0) + 1);
        const bytes = snapshot.chunk(digest);
        const answered = bytes && this.answer(to, bytes);
        if (answered) this.transfer.onChunk(answered);
      }
    }
  }

  get timersRanOut(): number {
    return this.#timers;
  }

  #requestIn(output: OrderingOutput) {
    if (output.kind !== 'send' || output.message.kind !== 'fetch-chunk') return [];
    return [{ to: output.to, digest: output.message.digest }];
  }
}

const large = 40 * 1024 * 1024;

describe('the transfer of a state', () => {
  it('brings 40 MiB in chunks of a bounded size, a bounded number at once', () => {
    const state = checkpointOf(64, Snapshot.of(stateOf(1000), [stateOf(large)]));
    const sizes = state.snapshot.manifest.chunks.map(
      (digest) => state.snapshot.chunk(digest)?.length ?? 0,
    );
    expect(Math.max(...sizes)).toBe(orderingLimits.chunkBytes);
    const fetching = new Fetching();
    fetching.start(0, state);
    fetching.run(state);
    const [got] = fetching.done;
    expect(Buffer.compare(got?.snapshot.machine ?? new Uint8Array(), stateOf(large))).toBe(0);
    expect(Buffer.compare(got?.snapshot.own ?? new Uint8Array(), stateOf(1000))).toBe(0);
    expect(fetching.inFlightMax).toBeLessThanOrEqual(8);
    expect(fetching.timersRanOut).toBe(0);
    expect([...fetching.asked]).toEqual([[0, 161]]);
  });

  it.each([
    ['lies', (bytes: Uint8Array) => bytes.map((byte) => byte ^ 1)],
    ['is silent', () => undefined],
  ])('goes on with another holder where one %s, and keeps what it has', (_what, lie) => {
    const state = checkpointOf(64, Snapshot.of(stateOf(1000), [stateOf(large)]));
    const fetching = new Fetching();
    let good = 50;
    fetching.answer = (holder, bytes) => {
      if (holder !== 0) return bytes;
      good -= 1;
      return good > 0 ? bytes : lie(bytes);
    };
    fetching.start(0, state);
    fetching.run(state);
    expect(fetching.done).toHaveLength(1);
    // Once it had still brought something, and once nothing.
    expect(fetching.timersRanOut).toBe(2);
    expect(fetching.asked.get(1)).toBe(161 - 49);
    expect(
      Buffer.compare(fetching.done[0]?.snapshot.machine ?? state.snapshot.own, stateOf(large)),
    ).toBe(0);
  });

  it('fetches only what differs from the state at hand, and from an older one under way', () => {
    const before = Snapshot.of(stateOf(1000), [stateOf(large)]);
    const machine = stateOf(large);
    machine[3 * orderingLimits.chunkBytes] = 255;
    const state = checkpointOf(128, Snapshot.of(stateOf(900, 7), [machine]));
    const fetching = new Fetching();
    fetching.start(0, state, before);
    fetching.run(state);
    expect(fetching.asked.get(0)).toBe(2);

    const changing = new Fetching();
    const old = checkpointOf(64, before);
    changing.start(0, old);
    changing.run(old, 10);
    changing.start(1, state);
    changing.start(0, old);
    changing.run(state);
    expect(changing.done[0]?.certificate.statement.position).toBe(128);
    expect(changing.asked.get(0)).toBeGreaterThan(70);
    expect((changing.asked.get(0) ?? 0) + (changing.asked.get(1) ?? 0)).toBeLessThan(161 + 2 + 9);
  });

  it('ends where the replica got there without it', () => {
    const state = checkpointOf(64, Snapshot.of(stateOf(1000), [stateOf(large)]));
    const fetching = new Fetching();
    fetching.start(0, state);
    fetching.transfer.passed(64);
    fetching.run(state, 20);
    expect(fetching.done).toEqual([]);
  });
});

describe('stable checkpoints', () => {
  const small = (text: string): Snapshot =>
    Snapshot.of(new Uint8Array(), [new TextEncoder().encode(text)]);
  const chunkOf = (snapshot: Snapshot) => {
    const [digest] = snapshot.manifest.chunks;
    if (digest === undefined) throw new Error('no chunk');
    return digest;
  };

  it('keep the state that is being fetched while newer ones come, for a while', () => {
    const outbox = outboxOf(0);
    const store = new StableStore(outbox);
    const states = ['one', 'two', 'three', 'four'].map(small);
    const [one, two, three, four] = states as [Snapshot, Snapshot, Snapshot, Snapshot];
    outbox.advance(1000);
    store.adopt(checkpointOf(64, one));
    expect(store.chunk(chunkOf(one))).toBeDefined();
    store.adopt(checkpointOf(128, two));
    store.adopt(checkpointOf(192, three));
    expect(store.chunk(chunkOf(one))).toBeDefined();
    expect(store.chunk(chunkOf(two))).toBeUndefined();
    outbox.advance(60_000);
    store.adopt(checkpointOf(256, four));
    expect(store.chunk(chunkOf(one))).toBeUndefined();
  });

  it('are whole on disk, wherever a crash cuts the writes off', () => {
    const outbox = outboxOf(0);
    const store = new StableStore(outbox);
    const first = Snapshot.of(stateOf(1000), [stateOf(600_000)]);
    const second = Snapshot.of(stateOf(1000, 5), [stateOf(900_000)]);
    store.adopt(checkpointOf(64, first));
    const disk = new Map<string, Uint8Array>();
    const write = (outputs: readonly OrderingOutput[], to: Map<string, Uint8Array>): void => {
      for (const output of outputs) {
        if (output.kind !== 'persist') continue;
        if (output.value) to.set(output.key, output.value);
        else to.delete(output.key);
      }
    };
    write(outbox.take(), disk);
    store.adopt(checkpointOf(128, second));
    const writes = outbox.take();
    for (let count = 0; count <= writes.length; count += 1) {
      const cut = new Map(disk);
      write(writes.slice(0, count), cut);
      const records = [...cut].map(([key, value]) => ({ key, value }));
      const after = outboxOf(0);
      const restored = new StableStore(after).restore(records);
      expect([64, 128]).toContain(restored?.certificate.statement.position);
      // What no state names is swept up.
      write(after.take(), cut);
      expect(cut.size - 1).toBe(restored?.snapshot.manifest.chunks.length);
    }
  });
});
