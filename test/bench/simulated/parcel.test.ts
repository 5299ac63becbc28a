import { describe, expect, it, vi } from 'vitest';
import { requestsOf, signaturesOf, weigh } from '../../../bench/simulated/parcel.js';
import { clientId, type ReplicaId } from '../../../src/kernel/ids.js';
import { Keyring } from '../../../src/kernel/keys.js';
import { signOrdering, verifyOrderingMessage } from '../../../src/ordering/check-message.js';
import { AntipaxosEngine } from '../../../src/ordering/core/antipaxos/engine.js';
import { Judge } from '../../../src/ordering/core/ezbft/interference.js';
import { PbftEngine } from '../../../src/ordering/core/pbft/engine.js';
import { encodeOrderingMessage } from '../../../src/ordering/message-codec.js';
import { encodeSettlement } from '../../../src/ordering/settlement-codec.js';
import { instanceClient, type OrderingMessage } from '../../../src/ordering/types.js';
import { type EngineFactory, makeRequest, OrderingRig } from '../../support/ordering-rig.js';

const factories: Record<string, EngineFactory<AntipaxosEngine | PbftEngine>> = {
  antipaxos: (options, machine) =>
    new AntipaxosEngine({ ...options, exclusion: 'S1', timeoutMaxMs: 5000 }, machine),
  pbft: (options, machine) => new PbftEngine(options, machine),
};

/** Messages of a run in which one replica falls silent, another falls behind, and both come back. */
function messagesOf(factory: EngineFactory<AntipaxosEngine | PbftEngine>) {
  const rig = new OrderingRig(factory, { options: { checkpointInterval: 4 } });
  const seen: { from: ReplicaId; message: OrderingMessage }[] = [];
  rig.tamper = (from, _to, message) => {
    seen.push({ from: from as ReplicaId, message });
    return [message];
  };
  const load = (numbers: readonly number[]) => {
    for (const number of numbers) rig.submit(1 + (number % 3), 'client', number);
    rig.runUntil(() => rig.haveApplied(Math.max(...numbers)));
  };
  load([1, 2, 3]);
  rig.crash(0);
  load([4, 5, 6, 7, 8, 9]);
  rig.start(0);
  rig.runUntil(() => rig.haveApplied(9));
  rig.runFor(5000);
  return { seen, parties: rig.parties };
}

const enoughOfAKind = 40;

function hexOf(signature: Uint8Array): string {
  return Buffer.from(signature).toString('hex');
}

describe.each(Object.entries(factories))('the weight of messages of %s', (_name, factory) => {
  it('counts the signatures that a verification checks', () => {
    const { seen, parties } = messagesOf(factory);
    const kinds = new Map<string, number>();
    for (const { from, message } of seen) {
      const times = (kinds.get(message.kind) ?? 0) + 1;
      kinds.set(message.kind, times);
      if (times > enoughOfAKind) continue;
      const keyring = Keyring.of(parties.cluster);
      const verifies = vi.spyOn(keyring, 'verifies');
      expect(verifyOrderingMessage(keyring, () => true, from, message).ok).toBe(true);
      // Each once: what was verified is remembered.
      const checked = verifies.mock.calls.map(([, , signature]) => hexOf(signature));
      const counted = signaturesOf(parties.cluster.id, message).map(hexOf);
      expect(new Set(counted), message.kind).toEqual(new Set(checked));
    }
    expect(kinds.size).toBeGreaterThan(5);
  });
});

describe('the weight of a bundle', () => {
  it('is that of its requests one by one', () => {
    const { cluster } = new OrderingRig((options, machine) => new PbftEngine(options, machine))
      .parties;
    const many = Array.from({ length: 8 }, (_, index) =>
      makeRequest('c1', index + 1, 'x'.repeat(9)),
    );
    const bundle = { client: clientId('c1'), number: 1, payload: new Uint8Array() };
    const bytesOf = (batch: typeof many) =>
      encodeOrderingMessage({ kind: 'batch', scope: 'pbft', batch }).length;
    const parcel = weigh(
      cluster.id,
      { kind: 'batch', scope: 'pbft', batch: [bundle] },
      { bundle: 8, requestBytes: 9 },
    );
    expect(parcel.bytes).toBe(bytesOf(many));
    expect(parcel.requests).toBe(8);
    expect(requestsOf(parcel.message)).toEqual([bundle]);
  });

  it('counts in what ezBFT settles by what it touches alone', () => {
    const { parties } = new OrderingRig((options, machine) => new PbftEngine(options, machine));
    const { cluster } = parties;
    const bundle = { client: clientId('c1'), number: 1, payload: new Uint8Array() };
    const judge = new Judge({ interferes: () => false, keysOf: () => ['key'] });
    const reply = signOrdering(parties.replicaSign(0), cluster.id, {
      kind: 'spec-reply',
      scope: 'ezbft',
      instance: { space: 0 as ReplicaId, index: 1 },
      value: judge.valueOf([bundle], [0, 0, 0, 0]),
    });
    const said = [{ replica: 0 as ReplicaId, reply }];
    const bytesOf = (bundled: number) => {
      const payload = encodeSettlement({ said, touched: judge.touchedBy([bundle]) });
      const batch = [{ client: instanceClient(0 as ReplicaId), number: 1, payload }];
      const message = { kind: 'batch', scope: 'ezbft-decisions', batch } as const;
      return weigh(cluster.id, message, { bundle: bundled, requestBytes: 500 }).bytes;
    };
    // A length and two letters, a length and three.
    expect(bytesOf(8) - bytesOf(1)).toBe(7 * (4 + 2 + 4 + 3));
  });
});
