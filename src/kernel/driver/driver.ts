import type { Logger } from 'pino';
import { type Core, type StoreWrite, turnDelayMs } from '../core.js';
import { costs } from '../costs.js';
import { Sequencer } from '../sequencer.js';
import type { Store } from '../store/store.js';

/** What a driver runs: a core, its store, and what performs its outputs. */
export interface DriverOptions<Input, Output> {
  /** The state machine that it runs. */
  readonly core: Core<Input, Output>;
  /** The driver closes it when it stops. */
  readonly store: Store;
  /** Performs one output of the core's own. Must not throw: that stops the driver for good. */
  readonly perform: (output: Output) => void;
  /** A logger of pino. */
  readonly log: Logger;
  /**
   * Called once where the core or `perform` threw or the store failed: memory and disk may differ,
   * and nothing is performed any more. The process should end.
   */
  readonly onFatal: (error: Error) => void;
  /** While so many outputs wait for the disk, `submit` refuses; 65 536 unless given. */
  readonly highWaterMark?: number;
  /** Called where a turn of the core has ended, before anything of it leaves. */
  readonly turnEnded?: (() => void) | undefined;
}

/**
 * Runs a core on this machine: hands it inputs one at a time and performs its outputs in the order
 * that `Sequencer` keeps, with a store and with real time.
 *
 * @example
 * ```ts
 * import { Driver, type OrderingEngine, type OrderingOutput, openStore } from 'concordat/ordering';
 * import { pino } from 'pino';
 *
 * // Runs an engine; `perform` sends its messages.
 * export async function run(engine: OrderingEngine, perform: (output: OrderingOutput) => void) {
 *   const store = await openStore('data/ordering');
 *   const onFatal = () => process.exit(1);
 *   const driver = new Driver({ core: engine, store, perform, log: pino(), onFatal });
 *   await driver.start();
 *   return driver;
 * }
 * ```
 */
export class Driver<Input, Output extends { readonly kind: string }> {
  readonly #options: DriverOptions<Input, Output>;
  readonly #highWaterMark: number;
  readonly #timers: Timers;
  readonly #sequencer: Sequencer<Input, Output>;
  #state: 'new' | 'running' | 'stopping' | 'failed' = 'new';
  #turnEndedAtMs = 0;
  #onIdle: (() => void) | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: DriverOptions<Input, Output>) {
    this.#options = options;
    this.#highWaterMark = options.highWaterMark ?? 65_536;
    const { core, store, perform, log } = options;
    // A store that throws, where it should reject, fails as well.
    const written = async (writes: readonly StoreWrite[]): Promise<void> => store.write(writes);
    this.#sequencer = new Sequencer({
      core,
      perform,
      write: (writes, done) => {
        written(writes)
          .then(
            () => done(),
            (cause: unknown) => done({ cause }),
          )
          .then(() => this.#reportIdle());
      },
      ...(core.underWay === undefined
        ? {}
        : { gather: (endTurn: () => void) => this.#gather(endTurn) }),
      startTimer: (name, delayMs) => {
        if (this.#state === 'running') this.#timers.start(name, delayMs);
      },
      stopTimer: (name) => this.#timers.stop(name),
      log: ({ level, data, event }) => log[level](data, event),
      turnEnded: options.turnEnded,
      onFailed: (cause) => this.#fail(cause),
    });
    // Not subject to the high-water mark: a core that has lost a timer may wait for ever.
    this.#timers = new Timers((name) => {
      this.#sequencer.handle({ kind: 'timer', name });
      this.#reportIdle();
    });
  }

  /**
   * Restores the core from the store and performs what it says to that.
   * Rejects where the store cannot be read.
   */
  async start(): Promise<void> {
    if (this.#state !== 'new') throw new Error('the driver has been started already');
    const records = await this.#options.store.load();
    if (this.#state !== 'new') return;
    this.#state = 'running';
    this.#sequencer.restore(records);
  }

  /**
   * Hands an input to the core. False, and no effect, where the driver is not running or too many
   * outputs wait; the sender will come again.
   */
  submit(input: Input): boolean {
    if (this.#state !== 'running' || this.#sequencer.length >= this.#highWaterMark) return false;
    this.#sequencer.handle(input);
    return true;
  }

  /**
   * A turn takes at the least what is there to be read now. With more transactions under way it takes longer, counted
   * from the end of the turn before: they share its write, its signature and its messages.
   */
  #gather(endTurn: () => void): void {
    const turnMs = turnDelayMs(this.#options.core.underWay ?? 0);
    const waitMs = this.#turnEndedAtMs + turnMs - performance.now();
    const end = () => {
      costs.turns += 1;
      this.#turnEndedAtMs = performance.now();
      endTurn();
      this.#reportIdle();
    };
    if (waitMs < 1) setImmediate(end);
    else setTimeout(end, waitMs);
  }

  /** Takes no more inputs, stops timers, performs what waits, and closes the store. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    if (this.#state !== 'failed') this.#state = 'stopping';
    this.#timers.stopAll();
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
      this.#reportIdle();
    });
    await this.#options.store.close();
  }

  #fail(cause: unknown): void {
    this.#state = 'failed';
    this.#timers.stopAll();
    const error = cause instanceof Error ? cause : new Error(String(cause));
    this.#options.log.fatal({ err: error }, 'driver-failed');
    this.#options.onFatal(error);
    this.#reportIdle();
  }

  #reportIdle(): void {
    if (this.#sequencer.isIdle) this.#onIdle?.();
  }
}
/** The longest delay of `setTimeout`; a longer one would fire at once. */
const maxDelayMs = 2 ** 31 - 1;

/** Named one-shot timers. */
class Timers {
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #onExpiry: (name: string) => void;

  constructor(onExpiry: (name: string) => void) {
    this.#onExpiry = onExpiry;
  }

  /** Starts the timer, or starts it again from now. */
  start(name: string, delayMs: number): void {
    this.stop(name);
    const step = Math.min(delayMs, maxDelayMs);
    const timer = setTimeout(() => {
      this.#timers.delete(name);
      if (step < delayMs) this.start(name, delayMs - step);
      else this.#onExpiry(name);
    }, step);
    this.#timers.set(name, timer);
  }

  stop(name: string): void {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }

  stopAll(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }
}
