import type { StoredRecord } from '../../kernel/core.js';
import type { TransactionId } from '../../kernel/ids.js';
import type {
  ActivityKey,
  CompletionKey,
  Decision,
  DialogueRequest,
  Outcome,
  PlainEndpoint,
} from './messages.js';

export const activityPrefix = 'activity/';
export const enlistmentPrefix = 'enlistment/';

/** What is on disk of an activity. */
export interface ActivityRecord {
  readonly key: ActivityKey;
  readonly completion: CompletionKey;
  readonly request: DialogueRequest;
  readonly expiresMs: number;
  readonly tid?: TransactionId | undefined;
  /** Where the client that completes it is sent the outcome. */
  readonly client?: PlainEndpoint | undefined;
  /** What the client asked for. */
  readonly asked?: Decision | undefined;
  /** The message by which it asked. */
  readonly askedBy?: string | undefined;
  /** What the initiators are asked for, until they answer. */
  readonly decision?: Decision | undefined;
  readonly outcome?: Outcome | undefined;
  /** Whether the client has taken the outcome. */
  readonly isTold: boolean;
}

export function writeRecord(record: object): Uint8Array {
  return utf8(JSON.stringify(record));
}

/** The records under a prefix. Throws `RangeError` where one is damaged: a promise may stand behind it. */
export function readRecords<Content>(
  records: readonly StoredRecord[],
  prefix: string,
): readonly Content[] {
  return records
    .filter(({ key }) => key.startsWith(prefix))
    .map(({ key, value }) => {
      try {
        return JSON.parse(new TextDecoder().decode(value)) as Content;
      } catch {
        throw new RangeError(`a damaged record of the gateway: ${key}`);
      }
    });
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
