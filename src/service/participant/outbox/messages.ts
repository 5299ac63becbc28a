import type { Json } from '../../json.js';

/** A message that has left an operation, and waits for the broker. */
export interface OutboxMessage {
  /**
   * The transaction, the enlistment and the number of the message in its call. It is the same each time the message is
   * published: by it a broker or a consumer knows a duplicate.
   */
  readonly id: string;
  readonly topic: string;
  /** Messages of one topic with the same key, or with none, leave in the order in which their transactions committed. */
  readonly key?: string;
  /** The message itself, as JSON text in ASCII. */
  readonly text: string;
}

/**
 * Where the messages of committed transactions go. The outbox calls `publish` again for what is not confirmed, so a broker
 * may receive a message twice, and each time with the same id.
 *
 * @example
 * ```ts
 * import type { Broker } from 'concordat/participant';
 *
 * // Hands each message to a service that takes it by PUT, with the id for a name.
 * export const broker: Broker = {
 *   async publish(messages) {
 *     const confirmed: string[] = [];
 *     for (const { id, topic, text } of messages) {
 *       const url = `http://messages.internal/${topic}/${encodeURIComponent(id)}`;
 *       const { ok } = await fetch(url, { method: 'PUT', body: text });
 *       if (!ok) break;
 *       confirmed.push(id);
 *     }
 *     return confirmed;
 *   },
 *   async close() {},
 * };
 * ```
 */
export interface Broker {
  /**
   * Publishes messages. Resolves with the ids of those that the broker has confirmed: it does not lose them any more.
   * Of one topic and key it sends a message only after the one before is confirmed. A topic of which a message is
   * missing, or all of them where it rejects, is published again after a pause. It always ends: the next messages wait
   * for it.
   */
  publish(messages: readonly OutboxMessage[]): Promise<readonly string[]>;
  /** The participant stops. Ends a `publish` that is under way. */
  close(): Promise<void>;
}

/** Sends messages as part of a transaction. */
export interface Outbox {
  /**
   * Has the message published if the transaction commits, and not else. Throws `Refusal` with `OutboxFull` where too much
   * waits for the broker, of the topic or of all, and with `TooManyMessages` where the call sends too many or too long ones; `RangeError` where
   * topic, key or message is not as it should be; and where the participant has no outbox, or the call is over.
   *
   * `topic`: words of letters, digits, `_` and `-` with dots between them, 128 characters at most. `message`: 16 KiB at
   * most, as JSON. `key`: printable ASCII, 1 to 200 characters.
   */
  send(topic: string, message: Json, options?: { readonly key?: string }): void;
}
