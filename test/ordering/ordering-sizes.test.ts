import { expect, it } from 'vitest';
import { WireError, Writer } from '../../src/kernel/codec/bytes.js';
import { limits } from '../../src/kernel/codec/limits.js';
import { clientId, digest, replicaId, view } from '../../src/kernel/ids.js';
import { signOrdering } from '../../src/ordering/check-message.js';
import { orderingLimits } from '../../src/ordering/fields.js';
import { decodeOrderingMessage, encodeOrderingMessage } from '../../src/ordering/message-codec.js';
import type { Batch, OrderingMessage, SequenceNumber } from '../../src/ordering/types.js';
import { testCluster } from '../support/keys.js';

const parties = testCluster();
const { id: cluster } = parties.cluster;
const name = clientId('c'.repeat(63));
const { batchBytes, batchRequests, messageBytes } = orderingLimits;

function batchOf(count: number, bytes: number): Batch {
  return Array.from({ length: count }, (_, index) => ({
    ...{ client: name, number: index + 1, payload: new Uint8Array(Math.floor(bytes / count)) },
  }));
}

function committed(batch: Batch): OrderingMessage {
  const { statement, bytes, signature } = signOrdering(parties.replicaSign(0), cluster, {
    ...{
      kind: 'phase',
      phase: 'commit',
      scope: 'pbft',
      view: view(1),
      sequence: 1 as SequenceNumber,
    },
    digest: digest('ab'.repeat(32)),
  });
  const signatures = Array.from({ length: limits.replicas }, (_, replica) => ({
    replica: replicaId(replica),
    signature,
  }));
  const commits = { statement, bytes, signatures };
  return { kind: 'committed', scope: 'pbft', commits, batch };
}

it('the largest batch fits into a message with its proof', () => {
  for (const count of [4, batchRequests]) {
    const encoded = encodeOrderingMessage(committed(batchOf(count, batchBytes)));
    expect(encoded.length).toBeLessThan(messageBytes / 2);
    expect(decodeOrderingMessage(cluster, encoded).kind).toBe('committed');
  }
});

it('a larger batch is neither sent nor taken', () => {
  const batch = batchOf(5, batchBytes + 5);
  expect(() => encodeOrderingMessage({ kind: 'requests', scope: 'pbft', batch })).toThrow(
    WireError,
  );
  // As one writes it that does not mind the bound.
  const small = batchOf(5, 5);
  const head = encodeOrderingMessage({ kind: 'requests', scope: 'pbft', batch: [] });
  const writer = new Writer();
  writer.raw(head.subarray(0, head.length - 2));
  writer.list(small, batchRequests, (request) => {
    writer.text(name, limits.nameBytes);
    writer.u64(request.number);
    writer.bytes(new Uint8Array(Math.floor(batchBytes / 5) + 1));
  });
  expect(() => decodeOrderingMessage(cluster, writer.finish())).toThrow('batch too long');
});
