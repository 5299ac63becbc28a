import { hexOf } from '../../kernel/codec/text.js';
import type { StoredRecord } from '../../kernel/core.js';
import { type Digest, digest, enlistmentId, transactionId } from '../../kernel/ids.js';
import { type EnlistmentRef, refKey } from './messages.js';

/** The prepared records: `participant/prepared/<transaction>/<enlistment>`. */
export const preparedPrefix = 'participant/prepared/';
const digestBytes = 32;

export interface PreparedRecord {
  readonly ref: EnlistmentRef;
  readonly digest: Digest;
  /** What the application gave with its vote. */
  readonly record: Uint8Array;
}

export function preparedKey(ref: EnlistmentRef): string {
  return preparedPrefix + refKey(ref);
}

/** The operation's digest and then the application's record. */
export function writePreparedValue(operation: Digest, record: Uint8Array): Uint8Array {
  const value = new Uint8Array(digestBytes + record.length);
  for (let i = 0; i < digestBytes; i++) {
    value[i] = Number.parseInt(operation.slice(2 * i, 2 * i + 2), 16);
  }
  value.set(record, digestBytes);
  return value;
}

/** Throws `RangeError` where the record is damaged: a vote stands behind it, so it is not skipped. */
export function readPreparedRecord({ key, value }: StoredRecord): PreparedRecord {
  const [tid = '', enlistment = ''] = key.slice(preparedPrefix.length).split('/');
  return {
    ref: { tid: transactionId(tid), enlistment: enlistmentId(enlistment) },
    digest: digest(hexOf(value, 0, Math.min(digestBytes, value.length))),
    record: value.slice(digestBytes),
  };
}
