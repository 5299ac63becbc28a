import type { CommonOutput, Core, TimerInput } from '../../../src/kernel/core.js';

const EVENT = 'deferred';

/**
 * What a core does in memory counts only once all that it has written by then is on disk: a crash before
 * that undoes it, and nobody has heard of it. So it is told at the end of the step's outputs.
 */
export class Deferred {
  #waiting: (() => void)[] = [];

  add(run: () => void): void {
    this.#waiting.push(run);
  }

  /** The core, with outputs that tell what was added during the step. */
  around<Input, Output>(core: Core<Input, Output>): Core<Input, Output> {
    return {
      restore: (records) => this.#with(core.restore(records)),
      handle: (input: Input | TimerInput) => this.#with(core.handle(input)),
    };
  }

  /** Whether the note is one of these; then what was added is told. */
  static tells({ event, data }: Extract<CommonOutput, { kind: 'log' }>): boolean {
    if (event !== EVENT || !('runs' in data)) return false;
    for (const run of data.runs as (() => void)[]) run();
    return true;
  }

  #with<Output>(outputs: readonly (Output | CommonOutput)[]): readonly (Output | CommonOutput)[] {
    if (this.#waiting.length === 0) return outputs;
    const runs = this.#waiting;
    this.#waiting = [];
    return [...outputs, { kind: 'log', level: 'debug', event: EVENT, data: { runs } }];
  }
}
