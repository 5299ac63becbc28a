import { createHash } from 'node:crypto';
import type { ActivationValue, SlotResult } from '../vocabulary/agreement.js';
import type { TransactionId } from '../vocabulary/ids.js';
import { activationContent } from './activation-slot.js';

/**
 * The collective UUID of an activation (Zhao §4.1): SHA-256 over the sorted proposals and the
 * request's content, its first 16 bytes shaped as a UUID version 8 (RFC 9562 §5.8).
 *
 * A hash and not the paper's average: with an average, whoever reveals last chooses the result.
 * Throws `RangeError` where the value holds no request.
 */
export function collectiveTransactionId(value: ActivationValue): TransactionId {
  const [request] = value.requests;
  if (request === undefined) throw new RangeError('an activation without a request');
  const hash = createHash('sha256')
    .update('concordat/1 collective uuid')
    .update(activationContent(request.statement), 'hex');
  for (const uuid of value.proposals.map(({ statement }) => statement.uuid).sort()) {
    hash.update(uuid, 'hex');
  }
  const bytes = hash.digest().subarray(0, 16);
  bytes.writeUInt8(0x80 | (bytes.readUInt8(6) & 0x0f), 6);
  bytes.writeUInt8(0x80 | (bytes.readUInt8(8) & 0x3f), 8);
  const hex = bytes.toString('hex');
  const groups = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)];
  return [...groups, hex.slice(20)].join('-') as TransactionId;
}

/** What an activation slot decides with this value. Throws `RangeError` where the value holds no request. */
export function activationResult(value: ActivationValue): SlotResult {
  const [request] = value.requests;
  if (request === undefined) throw new RangeError('an activation without a request');
  const content = activationContent(request.statement);
  return { kind: 'activation', tid: collectiveTransactionId(value), content };
}
