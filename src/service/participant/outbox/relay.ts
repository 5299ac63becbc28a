import { resendDelayMs } from '../../../kernel/core.js';
import { OccasionalLog } from '../../../kernel/http/log-output.js';
import type { Logger } from '../../../kernel/http/logger.js';
import type { Broker, OutboxMessage } from './messages.js';
import type { OutboxLog } from './outbox-log.js';

export interface OutboxRelayOptions {
  readonly outbox: OutboxLog;
  readonly broker: Broker;
  readonly log: Logger;
  /** The first pause of a topic that the broker did not take; each next is longer. */
  readonly retryAfterMs: number;
  /** Has the records of what is confirmed deleted. False where there is no room for that now. */
  readonly drop: (keys: readonly string[]) => boolean;
}

interface Pause {
  readonly times: number;
  readonly untilMs: number;
}

/** Publishes what is committed, one batch after the other. A topic that the broker does not take delays no other. */
export class OutboxRelay {
  readonly #options: OutboxRelayOptions;
  readonly #log: OccasionalLog;
  readonly #pauses = new Map<string, Pause>();
  #wake = () => {};
  #hasNews = false;
  #isStopping = false;
  #running: Promise<void> = Promise.resolve();

  constructor(options: OutboxRelayOptions) {
    this.#options = options;
    this.#log = new OccasionalLog(options.log);
  }

  start(): void {
    this.#options.outbox.onReady = () => this.#call();
    this.#running = this.#run();
  }

  /** What is not confirmed by now is published after the next start. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#call();
    try {
      await this.#options.broker.close();
    } catch (error) {
      this.#options.log.warn({ err: error }, 'broker-not-closed');
    }
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      const batch = this.#options.outbox.take(this.#paused());
      if (batch.length > 0) await this.#publish(batch);
      else await this.#wait(this.#shortestPauseMs());
    }
  }

  async #publish(batch: readonly OutboxMessage[]): Promise<void> {
    const { broker, outbox, drop, retryAfterMs } = this.#options;
    let confirmed: ReadonlySet<string> = new Set();
    let reason: unknown;
    try {
      confirmed = new Set(await broker.publish(batch));
    } catch (error) {
      reason = error;
    }
    if (this.#isStopping) return;
    const missing = new Set(batch.filter(({ id }) => !confirmed.has(id)).map(({ topic }) => topic));
    for (const topic of new Set(batch.map((message) => message.topic))) {
      if (missing.has(topic)) this.#pause(topic, reason);
      else this.#pauses.delete(topic);
    }
    const keys = outbox.confirmed(confirmed);
    while (keys.length > 0 && !this.#isStopping && !drop(keys)) await this.#wait(retryAfterMs);
  }

  #pause(topic: string, reason: unknown): void {
    const times = (this.#pauses.get(topic)?.times ?? -1) + 1;
    const pauseMs = resendDelayMs(this.#options.retryAfterMs, times);
    this.#pauses.set(topic, { times, untilMs: performance.now() + pauseMs });
    const { waiting } = this.#options.outbox;
    this.#log.write('warn', 'not-published', { err: reason, topic, waiting }, topic);
  }

  #paused(): ReadonlySet<string> {
    const nowMs = performance.now();
    const paused = [...this.#pauses].filter(([, { untilMs }]) => untilMs > nowMs);
    return new Set(paused.map(([topic]) => topic));
  }

  #shortestPauseMs(): number | undefined {
    const nowMs = performance.now();
    const left = [...this.#pauses.values()]
      .map(({ untilMs }) => untilMs - nowMs)
      .filter((ms) => ms > 0);
    return left.length === 0 ? undefined : Math.min(...left);
  }

  #call(): void {
    this.#hasNews = true;
    this.#wake();
  }

  /** Until something is new, or so long. */
  #wait(delayMs: number | undefined): Promise<void> {
    if (this.#hasNews) {
      this.#hasNews = false;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const timer = delayMs === undefined ? undefined : setTimeout(() => this.#wake(), delayMs);
      this.#wake = () => {
        clearTimeout(timer);
        this.#hasNews = false;
        this.#wake = () => {};
        resolve();
      };
    });
  }
}
