import { describe, expect, it } from 'vitest';
import type { ReplicaId } from '../../../src/kernel/ids.js';
import { signatureOf } from '../../../src/kernel/signed.js';
import { verifyOrderingMessage } from '../../../src/ordering/check-message.js';
import {
  decodeOrderingMessage,
  encodeOrderingMessage,
} from '../../../src/ordering/message-codec.js';
import { encodeSettlement } from '../../../src/ordering/settlement-codec.js';
import {
  type Batch,
  type InstanceValue,
  instanceClient,
  type OrderingMessage,
} from '../../../src/ordering/types.js';
import { makeRequest } from '../../support/ordering-rig.js';
import { KeyedRig, keyedJudge } from './keyed.js';

const rig = new KeyedRig();
const { cluster, keyring } = rig.parties;
const batch: Batch = [makeRequest('a', 1, 'key')];
const value: InstanceValue = keyedJudge.valueOf(batch, [0, 1, 0, 0]);

/** Whether a message, as it comes from a replica, is taken. */
function isTaken(from: number, message: OrderingMessage): boolean {
  const read = decodeOrderingMessage(cluster.id, encodeOrderingMessage(message));
  return verifyOrderingMessage(keyring, () => true, from as ReplicaId, read).ok;
}

function fast(signers: readonly number[], other?: number): OrderingMessage {
  const { statement, bytes } = rig.reply(0, 0, 1, value);
  const signatures = signers.map((signer) =>
    signatureOf(signer as ReplicaId, rig.reply(signer, 0, 1, signer === other ? null : value)),
  );
  return { kind: 'commit-fast', scope: 'ezbft', replies: { statement, bytes, signatures }, batch };
}

function settlement(
  signers: readonly number[],
  index = 1,
  change = (payload: Uint8Array) => payload,
): OrderingMessage {
  const said = signers.map((signer) => ({
    replica: signer as ReplicaId,
    reply: rig.reply(signer, 0, 1, value),
  }));
  const payload = change(encodeSettlement({ said, touched: keyedJudge.touchedBy(batch) }));
  const request = { client: instanceClient(0 as ReplicaId), number: index, payload };
  return { kind: 'requests', scope: 'ezbft-decisions', batch: [request] };
}

describe('what is said of instances', () => {
  it('is its sender’s own, and its proposal the leader’s', () => {
    const reply = rig.reply(2, 0, 1, value);
    expect(isTaken(2, { kind: 'spec-reply', scope: 'ezbft', reply })).toBe(true);
    expect(isTaken(1, { kind: 'spec-reply', scope: 'ezbft', reply })).toBe(false);
    const order = rig.order(0, 1, batch, value.deps);
    expect(isTaken(3, order)).toBe(true);
    expect(isTaken(3, { ...order, order: reply })).toBe(false);
    expect(isTaken(0, { ...order, batch: [makeRequest('a', 1, 'other')] })).toBe(false);
  });

  it.each([
    ['of no such space', 4, 1, [0, 0, 0, 0]],
    ['before the first', 0, 0, [0, 0, 0, 0]],
    ['not after the one before', 0, 2, [0, 0, 0, 0]],
    ['with too few spaces', 0, 1, [0, 0, 0]],
  ])('is refused where it is %s', (_, space, index, deps) => {
    const reply = rig.reply(2, space, index, { ...value, deps });
    expect(isTaken(2, { kind: 'spec-reply', scope: 'ezbft', reply })).toBe(false);
  });

  it('decides fast where all replicas signed the same, and not otherwise', () => {
    expect(isTaken(1, fast([0, 1, 2, 3]))).toBe(true);
    expect(isTaken(1, fast([0, 1, 2]))).toBe(false);
    expect(isTaken(1, fast([0, 1, 2, 3], 3))).toBe(false);
  });

  it('settles an instance where n - f replicas said it, and that instance alone', () => {
    expect(isTaken(1, settlement([0, 1, 3]))).toBe(true);
    expect(isTaken(1, settlement([0, 1]))).toBe(false);
    expect(isTaken(1, settlement([0, 1, 3], 2))).toBe(false);
  });

  /** What the batch touches ends the command: a flag, its client, the number of its keys, and its request. */
  it.each([
    { what: 'a client out of form', fromEnd: 25, byte: 0 },
    { what: 'more keys than there are bytes', fromEnd: 24, byte: 255 },
  ])('settles nothing by what touches $what', ({ fromEnd, byte }) => {
    const changed = (payload: Uint8Array): Uint8Array => {
      const bytes = Uint8Array.from(payload);
      bytes[bytes.length - fromEnd] = byte;
      return bytes;
    };
    expect(isTaken(1, settlement([0, 1, 3], 1, changed))).toBe(false);
  });
});
