import {
  type CommonOutput,
  type Core,
  type TimerInput,
  turnDelayMs,
} from '../../../src/kernel/core.js';
import { Sequencer } from '../../../src/kernel/sequencer.js';
import type { Host } from './process.js';

export interface SimDriverOptions<Input, Output> {
  readonly core: Core<Input, Output>;
  readonly host: Host;
  readonly perform: (output: Output) => void;
  readonly log: (output: Extract<CommonOutput, { kind: 'log' }>) => void;
}

/** The production driver's `Sequencer`, with a disk and a clock in virtual time. */
export class SimDriver<Input, Output extends { readonly kind: string }> {
  readonly #host: Host;
  readonly #sequencer: Sequencer<Input, Output>;
  readonly #timers = new Map<string, number>();
  #timersMade = 0;

  constructor({ core, host, perform, log }: SimDriverOptions<Input, Output>) {
    this.#host = host;
    this.#sequencer = new Sequencer({
      core,
      perform,
      log,
      write: (writes, done) => host.disk.write(writes, () => host.after(0, done)),
      ...(core.underWay === undefined
        ? {}
        : {
            gather: (endTurn) => host.after(turnDelayMs(core.underWay ?? 0), endTurn),
            // As with a signer of batches: what a turn writes goes first.
            turnEnded: () => {},
          }),
      startTimer: (name, delayMs) => this.#startTimer(name, delayMs),
      stopTimer: (name) => this.#timers.delete(name),
      onFailed: (cause) => host.fail(cause),
      isAlive: () => host.survivesOutput(),
    });
  }

  get load(): { readonly timers: number; readonly outputs: number } {
    return { timers: this.#timers.size, outputs: this.#sequencer.length };
  }

  start(): void {
    this.#sequencer.restore(this.#host.disk.load());
  }

  submit(input: Input | TimerInput): void {
    this.#sequencer.handle(input);
  }

  #startTimer(name: string, delayMs: number): void {
    this.#timersMade += 1;
    const made = this.#timersMade;
    this.#timers.set(name, made);
    this.#host.after(delayMs, () => {
      if (this.#timers.get(name) !== made) return;
      this.#timers.delete(name);
      this.submit({ kind: 'timer', name });
    });
  }
}
