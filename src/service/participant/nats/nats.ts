import { setImmediate } from 'node:timers/promises';
import { type JetStreamClient, jetstream } from '@nats-io/jetstream';
import {
  connect,
  headers,
  type NatsConnection,
  type NodeConnectionOptions,
} from '@nats-io/transport-node';
import type { Broker, OutboxMessage } from '../outbox/messages.js';

/** The settings of `nats`. */
export interface NatsOptions {
  /**
   * Where the servers are and who the participant is there, in the words of `connect` of `@nats-io/transport-node`.
   * `waitOnFirstConnect` has no effect.
   */
  readonly connection: NodeConnectionOptions;
  /** How long the server may take to confirm one message, in milliseconds; 5,000 unless given. */
  readonly confirmMs?: number;
}

/** Has the key of a message that has one. */
const keyHeader = 'Concordat-Key';
const usualConfirmMs = 5_000;

/**
 * NATS JetStream as where an outbox publishes. A message goes to the subject that its topic names, as JSON text, with its
 * id as `Nats-Msg-Id` and its key as `Concordat-Key`. Some stream of the server must take the subject: make it, and let
 * its `duplicate_window` be longer than a participant may be down, and it stores no message twice.
 *
 * Needs the packages `@nats-io/transport-node` and `@nats-io/jetstream`. It connects with the first message; a server that
 * is down is tried again.
 *
 * @example
 * ```ts
 * import { nats } from 'concordat/nats';
 *
 * export const broker = nats({ connection: { servers: 'nats.internal:4222' } });
 * ```
 */
export function nats(options: NatsOptions): Broker {
  return new NatsBroker(options);
}

interface Connected {
  readonly connection: NatsConnection;
  readonly client: JetStreamClient;
}

class NatsBroker implements Broker {
  readonly #options: NatsOptions;
  #connected: Promise<Connected> | undefined;
  /** Ends the wait for a connection. */
  #giveUp: (reason: Error) => void = () => {};
  #isClosed = false;

  constructor(options: NatsOptions) {
    this.#options = options;
  }

  async publish(messages: readonly OutboxMessage[]): Promise<readonly string[]> {
    const { client } = await this.#connect();
    const lanes = new Map<string, OutboxMessage[]>();
    for (const message of messages) {
      const lane = `${message.topic} ${message.key ?? ''}`;
      lanes.set(lane, [...(lanes.get(lane) ?? []), message]);
    }
    const confirmed: string[] = [];
    const ended = await Promise.allSettled(
      [...lanes.values()].map((lane) => this.#publishLane(client, lane, confirmed)),
    );
    const failed = ended.find((lane) => lane.status === 'rejected');
    if (failed !== undefined && confirmed.length === 0) throw failed.reason;
    return confirmed;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#giveUp(closed());
    const connected = await this.#connected?.catch(() => undefined);
    // What was just sent is written first: the client listens to no errors of its socket once it closes it.
    await setImmediate();
    await connected?.connection.close();
  }

  /** One after the other: sent at once, the second could be stored though the first is lost. */
  async #publishLane(
    client: JetStreamClient,
    lane: readonly OutboxMessage[],
    confirmed: string[],
  ): Promise<void> {
    const timeout = this.#options.confirmMs ?? usualConfirmMs;
    for (const { id, topic, key, text } of lane) {
      const own = headers();
      if (key !== undefined) own.set(keyHeader, key);
      await client.publish(topic, text, { msgID: id, headers: own, timeout });
      confirmed.push(id);
    }
  }

  #connect(): Promise<Connected> {
    if (this.#isClosed) return Promise.reject(closed());
    this.#connected ??= this.#open();
    return this.#connected;
  }

  async #open(): Promise<Connected> {
    const opening = connect({
      ...{ maxReconnectAttempts: -1, ...this.#options.connection },
      // The outbox tries again by itself; the client could not be stopped.
      waitOnFirstConnect: false,
    });
    const givenUp = new Promise<never>((_, reject) => {
      this.#giveUp = reject;
    });
    try {
      const connection = await Promise.race([opening, givenUp]);
      // Also where the server has closed it for good: the next message opens another one.
      void connection.closed().then(() => {
        this.#connected = undefined;
      });
      return { connection, client: jetstream(connection) };
    } catch (error) {
      this.#connected = undefined;
      opening.then(
        (late) => late.close(),
        () => {},
      );
      throw error;
    }
  }
}

function closed(): Error {
  return new Error('the broker is closed');
}
