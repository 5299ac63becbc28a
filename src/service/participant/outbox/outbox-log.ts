import type { StoredRecord } from '../../../kernel/core.js';
import {
  type ApplicationVote,
  type ApplicationWrite,
  type EnlistmentRef,
  refKey,
} from '../../../transaction/participant/messages.js';
import { jsonText, payloadBytesMax } from '../../json.js';
import { Refusal } from '../operations.js';
import type { Outbox, OutboxMessage } from './messages.js';
import {
  messageKey,
  type PreparedMessages,
  preparedMessagesKey,
  readOutboxRecord,
  writeOutboxRecord,
} from './outbox-records.js';

const limits = {
  /** Messages that wait, those of calls included whose outcome is not known. */
  messages: 10_000,
  bytes: 16 * 1024 * 1024,
  /** A topic that the broker does not take leaves room for others. */
  messagesOfTopic: 2_500,
  bytesOfTopic: 4 * 1024 * 1024,
  messagesOfCall: 64,
  bytesOfCall: 256 * 1024,
  /** Published at a time. */
  batch: 100,
};
const topicLengthMax = 128;
const topicRule = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/;
const keyRule = /^[\x20-\x7e]{1,200}$/;

/** A call's messages, from its begin to its end. */
interface Call {
  readonly messages: OutboxMessage[];
  /** It has voted: no more are taken. */
  isOver: boolean;
  isReadOnly: boolean;
  /** The keys of its rows, once it commits, or may have committed in an earlier run. */
  rows: readonly string[];
}

interface Row {
  readonly message: OutboxMessage;
  /** Its commit is done, and with the participant's store. */
  isReady: boolean;
}

/** What waits, of one topic or of all. */
interface Waiting {
  readonly messages: number;
  readonly bytes: number;
}

const nothing: Waiting = { messages: 0, bytes: 0 };

/** A vote, with what is to be made durable together with it. */
export interface Voted {
  readonly vote: ApplicationVote;
  readonly writes: readonly ApplicationWrite[];
}

/**
 * Messages of operations, from `send` to the broker's confirmation. They are on disk with the vote, and they are rows of
 * the outbox, or gone, with the end of the enlistment, each in one atomic write with the participant's own record.
 *
 * Rows are in the order in which commits began. A message whose commit is still under way holds later ones of its
 * topic back: where a transaction has seen what another one changed, its messages leave after the other one's, also if
 * the resource's answer to the first commit comes later, or the participant is killed before it comes.
 */
export class OutboxLog {
  readonly #isOpen: boolean;
  readonly #calls = new Map<string, Call>();
  readonly #rows = new Map<string, Row>();
  #stamp = 0;
  #all = nothing;
  readonly #byTopic = new Map<string, Waiting>();
  /** Called where a row may leave. */
  onReady: () => void = () => {};

  /** `isOpen`: whether the participant has an outbox. */
  constructor(isOpen: boolean) {
    this.#isOpen = isOpen;
  }

  /** Messages that wait for the broker. */
  get waiting(): number {
    return this.#rows.size;
  }

  /**
   * At the start. `isInDoubt`: whether the enlistment is on record as prepared. The keys of records that are of no use
   * any more. Throws `RangeError` where a record is damaged.
   */
  restore(
    records: readonly StoredRecord[],
    isInDoubt: (ref: string) => boolean,
  ): readonly string[] {
    const found: { readonly key: string; readonly stamp: number; readonly row: Row }[] = [];
    const dropped: string[] = [];
    for (const record of records.map(readOutboxRecord)) {
      if (record.kind === 'message') {
        const { key, stamp, message } = record;
        found.push({ key, stamp, row: { message, isReady: true } });
        this.#count([message], 1);
        continue;
      }
      const { ref, prepared } = record;
      if (!isInDoubt(ref)) {
        dropped.push(preparedMessagesKey(ref));
        continue;
      }
      for (const [key, row] of this.#heldAgain(ref, prepared)) {
        found.push({ key, stamp: prepared.stamp, row });
      }
    }
    for (const { key, stamp, row } of found.sort((a, b) => (a.key < b.key ? -1 : 1))) {
      this.#rows.set(key, row);
      this.#stamp = Math.max(this.#stamp, stamp);
    }
    return dropped;
  }

  begin(ref: EnlistmentRef): Outbox {
    const call: Call = { messages: [], isOver: false, isReadOnly: false, rows: [] };
    if (this.#isOpen) this.#calls.set(refKey(ref), call);
    return {
      send: (topic, message, { key } = {}) => {
        if (!this.#isOpen) throw new Error('the participant has no outbox: name its broker');
        if (call.isOver) throw new Error('the call is over');
        const { length } = call.messages;
        const id = `${refKey(ref)}/${length}`;
        this.#add(call, {
          id,
          topic,
          ...(key === undefined ? {} : { key }),
          text: jsonText(message, payloadBytesMax),
        });
      },
    };
  }

  /** A call that has sent something is to commit, also where the resource itself has nothing to. */
  vote(ref: EnlistmentRef, vote: ApplicationVote): Voted {
    const call = this.#calls.get(refKey(ref));
    if (call !== undefined) call.isOver = true;
    if (call === undefined || call.messages.length === 0 || vote.vote === 'aborted') {
      return { vote, writes: [] };
    }
    call.isReadOnly = vote.vote === 'readOnly';
    const { isReadOnly, messages } = call;
    const prepared = { stamp: this.#next(), isReadOnly, messages };
    const writes = [writeOutboxRecord(preparedMessagesKey(refKey(ref)), prepared)];
    return vote.vote === 'readOnly'
      ? { vote: { vote: 'prepared', record: new Uint8Array() }, writes }
      : { vote, writes };
  }

  /** Whether the resource has nothing to commit of what the participant has voted for. */
  isReadOnly(ref: EnlistmentRef): boolean {
    return this.#calls.get(refKey(ref))?.isReadOnly === true;
  }

  /** Before the resource commits: from now on its messages have their place. What to write with the end. */
  commit(ref: EnlistmentRef): readonly ApplicationWrite[] {
    const call = this.#calls.get(refKey(ref));
    if (call === undefined || call.messages.length === 0) return [];
    if (call.rows.length === 0) {
      const stamp = this.#next();
      call.rows = call.messages.map((_, index) => messageKey(stamp, index));
      for (const [index, message] of call.messages.entries()) {
        this.#rows.set(call.rows[index] ?? '', { message, isReady: false });
      }
    }
    return [
      ...call.rows.map((key, index) =>
        writeOutboxRecord(key, call.messages[index] as OutboxMessage),
      ),
      { key: preparedMessagesKey(refKey(ref)), value: null },
    ];
  }

  /** The end is with the participant's store: its messages may leave. */
  committed(ref: EnlistmentRef): void {
    const call = this.#calls.get(refKey(ref));
    this.#calls.delete(refKey(ref));
    for (const key of call?.rows ?? []) {
      const row = this.#rows.get(key);
      if (row !== undefined) row.isReady = true;
    }
    if (call !== undefined && call.rows.length > 0) this.onReady();
  }

  /** What to write with the end. */
  rollBack(ref: EnlistmentRef): readonly ApplicationWrite[] {
    const call = this.#calls.get(refKey(ref));
    if (call === undefined) return [];
    call.isOver = true;
    this.#calls.delete(refKey(ref));
    this.#count(call.messages, -1);
    for (const key of call.rows) this.#rows.delete(key);
    if (call.rows.length > 0) this.onReady();
    return call.messages.length === 0
      ? []
      : [{ key: preparedMessagesKey(refKey(ref)), value: null }];
  }

  /** What may leave next, in its order, without these topics. */
  take(paused: ReadonlySet<string>): readonly OutboxMessage[] {
    const held = new Set(paused);
    const taken: OutboxMessage[] = [];
    for (const { message, isReady } of this.#rows.values()) {
      if (!isReady) held.add(message.topic);
      if (held.has(message.topic)) continue;
      taken.push(message);
      if (taken.length >= limits.batch) break;
    }
    return taken;
  }

  /** The broker has these: the keys of their records, which are of no use any more. */
  confirmed(ids: ReadonlySet<string>): readonly string[] {
    const keys: string[] = [];
    for (const [key, { message, isReady }] of this.#rows) {
      if (!isReady || !ids.has(message.id)) continue;
      keys.push(key);
      this.#rows.delete(key);
      this.#count([message], -1);
    }
    return keys;
  }

  #heldAgain(ref: string, { stamp, isReadOnly, messages }: PreparedMessages): Map<string, Row> {
    const rows = messages.map((_, index) => messageKey(stamp, index));
    this.#calls.set(ref, { messages: [...messages], isOver: true, isReadOnly, rows });
    this.#count(messages, 1);
    return new Map(messages.map((message, at) => [rows[at] ?? '', { message, isReady: false }]));
  }

  #add(call: Call, message: OutboxMessage): void {
    requireNames(message);
    const bytes = bytesOf([...call.messages, message]);
    if (call.messages.length >= limits.messagesOfCall || bytes > limits.bytesOfCall) {
      throw new Refusal('TooManyMessages');
    }
    if (!this.#hasRoomFor(message)) throw new Refusal('OutboxFull');
    call.messages.push(message);
    this.#count([message], 1);
  }

  #count(messages: readonly OutboxMessage[], sign: 1 | -1): void {
    for (const message of messages) {
      const { topic } = message;
      this.#all = sum(this.#all, message, sign);
      const ofTopic = sum(this.#byTopic.get(topic) ?? nothing, message, sign);
      if (ofTopic.messages > 0) this.#byTopic.set(topic, ofTopic);
      else this.#byTopic.delete(topic);
    }
  }

  #hasRoomFor(message: OutboxMessage): boolean {
    const all = sum(this.#all, message, 1);
    const ofTopic = sum(this.#byTopic.get(message.topic) ?? nothing, message, 1);
    return (
      all.messages <= limits.messages &&
      all.bytes <= limits.bytes &&
      ofTopic.messages <= limits.messagesOfTopic &&
      ofTopic.bytes <= limits.bytesOfTopic
    );
  }

  #next(): number {
    this.#stamp += 1;
    return this.#stamp;
  }
}

/** A client may have chosen them. */
function requireNames({ topic, key }: OutboxMessage): void {
  if (typeof topic !== 'string' || topic.length > topicLengthMax || !topicRule.test(topic)) {
    throw new RangeError(`a topic is words with dots between them, ${topicLengthMax} characters`);
  }
  if (key !== undefined && (typeof key !== 'string' || !keyRule.test(key))) {
    throw new RangeError('a key is printable ASCII, 1 to 200 characters');
  }
}

function sum({ messages, bytes }: Waiting, message: OutboxMessage, sign: 1 | -1): Waiting {
  return { messages: messages + sign, bytes: bytes + sign * bytesOf([message]) };
}

function bytesOf(messages: readonly OutboxMessage[]): number {
  return messages.reduce((sum, { id, topic, key, text }) => {
    return sum + id.length + topic.length + (key?.length ?? 0) + text.length;
  }, 0);
}
