import type { CommonOutput, Core, TimerInput } from '../../src/core/effects.js';
import { Fifo } from '../../src/edge/fifo.js';
import type { DiskWrite } from './disk.js';
import type { Host } from './process.js';

export interface SimDriverOptions<Input, Output> {
  readonly core: Core<Input, Output>;
  readonly host: Host;
  readonly perform: (output: Output) => void;
  readonly log: (output: Extract<CommonOutput, { kind: 'log' }>) => void;
}

/**
 * The production driver's rules (`src/edge/driver`) in virtual time: outputs in their order, nothing
 * after a `persist` before it is on disk, and one write at a time that takes all that has gathered.
 */
export class SimDriver<Input, Output extends { readonly kind: string }> {
  readonly #options: SimDriverOptions<Input, Output>;
  readonly #queue = new Fifo<Output | CommonOutput>();
  readonly #timers = new Map<string, number>();
  #unwritten: DiskWrite[] = [];
  #synced = 0;
  #writing = false;
  #performing = false;
  #timersMade = 0;

  constructor(options: SimDriverOptions<Input, Output>) {
    this.#options = options;
  }

  get load(): { readonly timers: number; readonly outputs: number } {
    return { timers: this.#timers.size, outputs: this.#queue.length };
  }

  start(): void {
    const { core, host } = this.#options;
    this.#take(() => core.restore(host.disk.load()));
  }

  submit(input: Input | TimerInput): void {
    this.#take(() => this.#options.core.handle(input));
  }

  #take(step: () => readonly (Output | CommonOutput)[]): void {
    try {
      for (const output of step()) {
        this.#queue.push(output);
        if (isCommon(output) && output.kind === 'persist') this.#unwritten.push(output);
      }
    } catch (error) {
      return this.#options.host.fail(error);
    }
    this.#advance();
  }

  #advance(): void {
    this.#write();
    this.#performReady();
  }

  #write(): void {
    if (this.#writing || this.#unwritten.length === 0) return;
    const writes = this.#unwritten;
    this.#unwritten = [];
    this.#writing = true;
    const { host } = this.#options;
    host.disk.write(writes, () =>
      host.after(0, () => {
        this.#writing = false;
        this.#synced += writes.length;
        this.#advance();
      }),
    );
  }

  #performReady(): void {
    if (this.#performing) return;
    this.#performing = true;
    for (;;) {
      const output = this.#queue.peek();
      if (output === undefined) break;
      if (isCommon(output) && output.kind === 'persist') {
        if (this.#synced === 0) break;
        this.#synced -= 1;
      }
      this.#queue.shift();
      if (!this.#options.host.survivesOutput()) return;
      this.#perform(output);
    }
    this.#performing = false;
  }

  #perform(output: Output | CommonOutput): void {
    if (!isCommon(output)) return this.#options.perform(output);
    switch (output.kind) {
      case 'persist':
        return;
      case 'start-timer':
        return this.#startTimer(output.name, output.delayMs);
      case 'stop-timer':
        this.#timers.delete(output.name);
        return;
      case 'log':
        return this.#options.log(output);
    }
  }

  #startTimer(name: string, delayMs: number): void {
    this.#timersMade += 1;
    const made = this.#timersMade;
    this.#timers.set(name, made);
    this.#options.host.after(delayMs, () => {
      if (this.#timers.get(name) !== made) return;
      this.#timers.delete(name);
      this.submit({ kind: 'timer', name });
    });
  }
}

function isCommon(output: { readonly kind: string }): output is CommonOutput {
  const { kind } = output;
  return kind === 'persist' || kind === 'start-timer' || kind === 'stop-timer' || kind === 'log';
}
