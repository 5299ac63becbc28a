import type { StoredRecord } from '../../../kernel/core.js';
import type { ApplicationWrite } from '../../../transaction/participant/messages.js';
import { parseJson } from '../../json.js';
import type { OutboxMessage } from './messages.js';

/** Begins the keys of all records of an outbox. */
export const outboxPrefix = 'outbox/';
const messagePrefix = `${outboxPrefix}message/`;
const preparedPrefix = `${outboxPrefix}prepared/`;

/** What a call sends, once its vote is on record. */
export interface PreparedMessages {
  /** Orders votes and commits of one participant. */
  readonly stamp: number;
  /** The resource itself has nothing to commit, and does not know of the call any more. */
  readonly isReadOnly: boolean;
  readonly messages: readonly OutboxMessage[];
}

/** A record of an outbox, read back. */
export type OutboxRecord =
  | { readonly kind: 'prepared'; readonly ref: string; readonly prepared: PreparedMessages }
  | {
      readonly kind: 'message';
      readonly key: string;
      readonly stamp: number;
      readonly message: OutboxMessage;
    };

export function preparedMessagesKey(ref: string): string {
  return preparedPrefix + ref;
}

/** Keys are in the order of stamps, and of the messages of one call. */
export function messageKey(stamp: number, index: number): string {
  return `${messagePrefix}${String(stamp).padStart(16, '0')}/${String(index).padStart(4, '0')}`;
}

export function writeOutboxRecord(
  key: string,
  content: PreparedMessages | OutboxMessage,
): ApplicationWrite {
  return { key, value: new TextEncoder().encode(JSON.stringify(content)) };
}

/** Throws `RangeError` where it is damaged: what is committed must leave. */
export function readOutboxRecord({ key, value }: StoredRecord): OutboxRecord {
  const content = parseJson(new TextDecoder().decode(value), Number.MAX_SAFE_INTEGER);
  if (typeof content !== 'object' || content === null) throw damaged(key);
  if (key.startsWith(preparedPrefix) && 'messages' in content) {
    const prepared = content as unknown as PreparedMessages;
    return { kind: 'prepared', ref: key.slice(preparedPrefix.length), prepared };
  }
  const stamp = Number(key.slice(messagePrefix.length).split('/')[0]);
  if (!key.startsWith(messagePrefix) || !Number.isSafeInteger(stamp) || !('id' in content)) {
    throw damaged(key);
  }
  return { kind: 'message', key, stamp, message: content as unknown as OutboxMessage };
}

function damaged(key: string): RangeError {
  return new RangeError(`a damaged record of the outbox: ${key}`);
}
