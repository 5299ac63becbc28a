import type { Logger } from '../../kernel/http/logger.js';
import type { PlainClient } from '../../soap/plain-client.js';
import { notificationAction, writeNotification } from '../../transaction/soap/coordination.js';
import type { ActivityKey, GatewayOutput } from '../core/messages.js';
import { endpointOf, ownEndpoint } from './endpoints.js';

type Output<Kind> = Extract<GatewayOutput, { readonly kind: Kind }>;

export interface OutboxOptions {
  readonly client: Pick<PlainClient, 'notify'>;
  /** Where plain participants answer. */
  readonly coordinator: string;
  readonly told: (activity: ActivityKey, isTaken: boolean) => void;
  readonly log: Logger;
}

/** Sends to plain software; to each participant one message at a time, and of those that wait the last. */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #next = new Map<string, Output<'send'> | undefined>();

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  send(output: Output<'send'>): void {
    const isUnderWay = this.#next.has(output.key);
    this.#next.set(output.key, isUnderWay ? output : undefined);
    if (!isUnderWay) void this.#send(output);
  }

  async tell({ activity, to, outcome, relatesTo }: Output<'tell'>): Promise<void> {
    const name = outcome === 'committed' ? 'Committed' : 'Aborted';
    const isTaken = await this.#notify(name, to, relatesTo === undefined ? {} : { relatesTo });
    this.#options.told(activity, isTaken);
  }

  async #send(output: Output<'send'>): Promise<void> {
    const { key, to, message } = output;
    await this.#notify(message, to, { from: ownEndpoint(this.#options.coordinator, key) });
    const next = this.#next.get(key);
    this.#next.delete(key);
    if (next !== undefined) this.send(next);
  }

  /** What is not taken is sent again by the core, or asked for again. */
  async #notify(
    name: Output<'send'>['message'] | 'Committed' | 'Aborted',
    to: Output<'send'>['to'],
    way: Pick<Parameters<PlainClient['notify']>[1], 'from' | 'relatesTo'>,
  ): Promise<boolean> {
    const { version } = to;
    const action = notificationAction(name);
    try {
      await this.#options.client.notify(endpointOf(to), {
        ...{ action, version, body: writeNotification(name) },
        ...way,
      });
      return true;
    } catch (error) {
      this.#options.log.info({ err: error, name }, 'not-delivered');
      return false;
    }
  }
}
