import type { Logger } from 'pino';
import type { CommonOutput, Core, TimerInput } from '../../core/effects.js';
import { Fifo } from '../fifo.js';
import type { Store, StoreWrite } from '../store/store.js';
import { Timers } from './timers.js';

export interface DriverOptions<Input, Output> {
  readonly core: Core<Input, Output>;
  /** The driver closes it when it stops. */
  readonly store: Store;
  /** Performs one output of the core's own. Must not throw: that stops the driver for good. */
  readonly perform: (output: Output) => void;
  readonly log: Logger;
  /**
   * Called once where the core or `perform` threw or the store failed: memory and disk may differ,
   * and nothing is performed any more. The process should end.
   */
  readonly onFatal: (error: Error) => void;
  /** While so many outputs wait for the disk, `submit` refuses; 65 536 unless given. */
  readonly highWaterMark?: number;
}

/**
 * Runs a core: hands it inputs one at a time and performs its outputs in their order, where nothing
 * that follows a `persist` leaves before the write is on disk ("persist before you send").
 *
 * Group commit: while one write is under way the persists behind it gather; the next write takes
 * them all. Outputs with no unwritten `persist` before them are performed at once.
 */
export class Driver<Input, Output extends { readonly kind: string }> {
  readonly #options: DriverOptions<Input, Output>;
  readonly #highWaterMark: number;
  readonly #timers: Timers;
  readonly #queue = new Fifo<Output | CommonOutput>();
  /** Persists in the queue that no write has taken yet. */
  #unwritten: StoreWrite[] = [];
  /** Persists in the queue that are on disk: the queue may move past so many. */
  #synced = 0;
  #writing = false;
  #performing = false;
  #state: 'new' | 'running' | 'stopping' | 'failed' = 'new';
  #onIdle: (() => void) | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: DriverOptions<Input, Output>) {
    this.#options = options;
    this.#highWaterMark = options.highWaterMark ?? 65_536;
    // Not subject to the high-water mark: a core that has lost a timer may wait for ever.
    this.#timers = new Timers((name) => this.#handle({ kind: 'timer', name }));
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
    this.#take(() => this.#options.core.restore(records));
  }

  /**
   * Hands an input to the core. False, and no effect, where the driver is not running or too many
   * outputs wait; the sender will come again.
   */
  submit(input: Input): boolean {
    if (this.#state !== 'running' || this.#queue.length >= this.#highWaterMark) return false;
    this.#handle(input);
    return true;
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

  #handle(input: Input | TimerInput): void {
    this.#take(() => this.#options.core.handle(input));
  }

  #take(step: () => readonly (Output | CommonOutput)[]): void {
    try {
      for (const output of step()) {
        this.#queue.push(output);
        if (isCommon(output) && output.kind === 'persist') this.#unwritten.push(output);
      }
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#advance();
  }

  /** Does what can be done now. The write goes first: the disk works while outputs are performed. */
  #advance(): void {
    this.#write();
    this.#performReady();
    this.#reportIdle();
  }

  #write(): void {
    if (this.#writing || this.#unwritten.length === 0 || this.#state === 'failed') return;
    const writes = this.#unwritten;
    this.#unwritten = [];
    this.#writing = true;
    this.#options.store.write(writes.map(({ key, value }) => ({ key, value }))).then(
      () => {
        this.#writing = false;
        this.#synced += writes.length;
        this.#advance();
      },
      (error: unknown) => {
        this.#writing = false;
        this.#fail(error);
      },
    );
  }

  /** Performs from the front of the queue up to the first persist that is not on disk. */
  #performReady(): void {
    // An output may submit an input; the loop below comes to what that gives, in its order.
    if (this.#performing) return;
    this.#performing = true;
    try {
      while (this.#state !== 'failed') {
        const output = this.#queue.peek();
        if (output === undefined) break;
        if (isCommon(output) && output.kind === 'persist') {
          if (this.#synced === 0) break;
          this.#synced -= 1;
        }
        this.#queue.shift();
        this.#perform(output);
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#performing = false;
    }
  }

  #perform(output: Output | CommonOutput): void {
    if (!isCommon(output)) {
      this.#options.perform(output);
      return;
    }
    switch (output.kind) {
      case 'persist':
        return;
      case 'start-timer':
        if (this.#state === 'running') this.#timers.start(output.name, output.delayMs);
        return;
      case 'stop-timer':
        this.#timers.stop(output.name);
        return;
      case 'log':
        this.#options.log[output.level](output.data, output.event);
        return;
    }
  }

  #fail(cause: unknown): void {
    if (this.#state === 'failed') return;
    this.#state = 'failed';
    this.#timers.stopAll();
    this.#queue.clear();
    this.#unwritten = [];
    const error = cause instanceof Error ? cause : new Error(String(cause));
    this.#options.log.fatal({ err: error }, 'driver-failed');
    this.#options.onFatal(error);
    this.#reportIdle();
  }

  #reportIdle(): void {
    if (this.#queue.length === 0 && !this.#writing && !this.#performing) this.#onIdle?.();
  }
}

function isCommon(output: { readonly kind: string }): output is CommonOutput {
  switch (output.kind as CommonOutput['kind']) {
    case 'persist':
    case 'start-timer':
    case 'stop-timer':
    case 'log':
      return true;
    default:
      return false;
  }
}
