import type { CommonOutput, TimerInput } from '../../../src/kernel/core.js';
import type { Recorder } from './recorder.js';

/** What is logged besides a write or a message that says the same. */
const evident = new Set(['activated', 'decided', 'recovering', 'recovered', 'view-entered']);

/** Which messages the network loses. */
export class Losses {
  readonly #rules: ((to: number, words: string) => boolean)[] = [];

  /** Messages to these replicas that the transcript says in words that begin so. */
  add(start: string, to: readonly number[]): void {
    this.#rules.push((receiver, words) => to.includes(receiver) && words.startsWith(start));
  }

  include(to: number, words: string): boolean {
    return this.#rules.some((rule) => rule(to, words));
  }
}

/** Records what replicas of every kind do alike: timers, writes, logs and messages. */
export class Watch {
  readonly recorder: Recorder;
  readonly losses = new Losses();
  readonly #shorten: (key: string) => string;
  /** The timer whose end a replica is about to handle. */
  #timer: string | undefined;

  /** `shorten` puts short names into a key of a store or the name of a timer. */
  constructor(recorder: Recorder, shorten: (key: string) => string) {
    this.recorder = recorder;
    this.#shorten = shorten;
  }

  onInput(input: TimerInput | { readonly kind: string }): void {
    this.#timer = 'name' in input && input.kind === 'timer' ? input.name : undefined;
  }

  /** Hands on the outputs that a transcript shows, in their order. */
  onStep<Output extends { readonly kind: string }>(
    replica: number,
    outputs: readonly Output[],
    onOutput: (output: Output) => void,
  ): void {
    const timer = this.#timer;
    this.#timer = undefined;
    const shown = outputs.filter(({ kind }) => kind !== 'start-timer' && kind !== 'stop-timer');
    if (timer !== undefined && shown.length > 0) {
      this.recorder.add(replica, `timer ${this.#shorten(timer)} runs out`);
    }
    for (const output of shown) onOutput(output);
  }

  onCommon(replica: number, output: CommonOutput): void {
    if (output.kind === 'persist') {
      this.recorder.addWrite(replica, this.#shorten(output.key), output.value === null);
    } else if (output.kind === 'log' && !evident.has(output.event)) {
      this.recorder.add(replica, `log ${output.event}`);
    }
  }

  onSend(from: number, to: readonly number[], words: string): void {
    const lost = to.filter((receiver) => this.losses.include(receiver, words));
    const arrived = to.filter((receiver) => !lost.includes(receiver));
    if (arrived.length > 0) this.recorder.add(from, words, arrived);
    if (lost.length > 0) this.recorder.add(from, `${words} (lost)`, lost);
  }
}

/** All replicas but this one. */
export function othersThan(replica: number, n: number): number[] {
  return Array.from({ length: n }, (_, other) => other).filter((other) => other !== replica);
}
