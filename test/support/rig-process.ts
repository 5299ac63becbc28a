import type { CommonOutput, Core, TimerInput } from '../../src/kernel/core.js';
import { type RigTime, VirtualTimers } from './virtual-time.js';

export interface RigProcessOptions<Output> {
  readonly time: RigTime;
  readonly store: () => Map<string, Uint8Array>;
  /** Sees all outputs of one step in their order, before any is performed. */
  readonly onStep: (outputs: readonly Output[]) => void;
  /** What is neither storage nor a timer. */
  readonly perform: (output: Output) => void;
  /** A timer has run out: the core is to be handed this. */
  readonly onTimer: (input: TimerInput) => void;
  /** It is to crash in the middle of a step. */
  readonly crash: () => void;
}

/** A process of a rig: a core with its store, whose writes take no time, and its timers. */
export class RigProcess<Input, Output, C extends Core<Input, Output>> {
  readonly #options: RigProcessOptions<Output>;
  readonly #timers: VirtualTimers;
  #core: C | undefined;
  /** Outputs that it still performs before it crashes. */
  #outputsLeft: number | undefined;

  constructor(options: RigProcessOptions<Output>) {
    this.#options = options;
    this.#timers = new VirtualTimers(options.time);
  }

  /** Undefined where it is down. */
  get core(): C | undefined {
    return this.#core;
  }

  /** Starts from its store, which gives its records in the order of their keys. */
  start(core: C): void {
    this.#core = core;
    const records = [...this.#options.store()]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => ({ key, value }));
    this.#perform(core.restore(records));
  }

  stop(): void {
    this.#core = undefined;
    this.#outputsLeft = undefined;
    this.#timers.stopAll();
  }

  /** It crashes in the middle of a step: what comes later in the outputs is lost. */
  crashAfterOutputs(count: number): void {
    this.#outputsLeft = count;
  }

  input(input: Input | TimerInput): void {
    if (this.#core) this.#perform(this.#core.handle(input));
  }

  #perform(all: readonly (Output | CommonOutput)[]): void {
    const outputs = all as readonly Output[];
    this.#options.onStep(outputs);
    for (const output of outputs) {
      if (this.#outputsLeft === 0) return this.#options.crash();
      if (this.#outputsLeft !== undefined) this.#outputsLeft -= 1;
      this.#performOne(output);
    }
  }

  #performOne(output: Output): void {
    const common = output as unknown as CommonOutput;
    switch (common.kind) {
      case 'persist':
        if (common.value) this.#options.store().set(common.key, common.value);
        else this.#options.store().delete(common.key);
        return;
      case 'start-timer':
        return this.#timers.start(common.name, common.delayMs, () =>
          this.#options.onTimer({ kind: 'timer', name: common.name }),
        );
      case 'stop-timer':
        return this.#timers.stop(common.name);
      default:
        return this.#options.perform(output);
    }
  }
}

/** Links between a replica that has started and the others come up. */
export function linkUp(
  replica: number,
  alive: Iterable<number>,
  up: (replica: number, other: number) => void,
): void {
  for (const other of alive) {
    if (other === replica) continue;
    up(other, replica);
    up(replica, other);
  }
}
