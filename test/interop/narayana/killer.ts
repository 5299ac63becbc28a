import { EventEmitter, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../simulation/engine/random.js';

/** The transfers that have ended, for those that wait for more. */
export class Ended {
  readonly #emitter = new EventEmitter();
  #all = 0;
  #answered = 0;

  get all(): number {
    return this.#all;
  }

  /** Those whose client got to know something: the gateway and WildFly serve. */
  get answered(): number {
    return this.#answered;
  }

  add(isAnswered: boolean): void {
    this.#all += 1;
    if (isAnswered) this.#answered += 1;
    this.#emitter.emit('ended');
  }

  /** Gives whether it came to hold before `signal`. */
  async until(holds: () => boolean, signal: AbortSignal): Promise<boolean> {
    while (!holds() && !signal.aborted) {
      await once(this.#emitter, 'ended', { signal }).catch(() => undefined);
    }
    return holds();
  }
}

/** What is killed again and again. */
export interface Target {
  readonly name: string;
  /** Takes its process away (SIGKILL). */
  readonly kill: () => Promise<void>;
  /** Resolves once it serves. */
  readonly start: () => Promise<void>;
}

export interface KillerOptions {
  /** One of them at a time. */
  readonly targets: readonly Target[];
  /** After so many transfers each. */
  readonly after: readonly number[];
  readonly ended: Ended;
  readonly random: Random;
  readonly progress: (line: string) => void;
}

/** A kill comes at a random moment of so many milliseconds; so long what is killed stays away. */
const momentMs = 3000;
const awayMs = 2000;

/** Kills, starts again, and waits until it serves, and transfers end, before it kills again. */
export class Killer {
  kills = 0;
  /** What is begun then fails at once, and tests nothing. */
  whileAway: Promise<void> = Promise.resolve();
  readonly #options: KillerOptions;

  constructor(options: KillerOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { after, ended, random, targets } = this.#options;
    let served = 0;
    for (const count of after) {
      const isDue = () => ended.all >= count && ended.answered >= served;
      if (!(await ended.until(isDue, signal))) return;
      await sleep(random.between(0, momentMs), undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      this.whileAway = this.#killOne(random.pick(targets));
      await this.whileAway;
      served = ended.answered + 1;
    }
  }

  async #killOne({ name, kill, start }: Target): Promise<void> {
    const { progress, random } = this.#options;
    this.kills += 1;
    await kill();
    await sleep(random.between(0, awayMs));
    const begun = performance.now();
    await start();
    progress(`${name} was killed, and serves after ${Math.round(performance.now() - begun)} ms`);
  }
}
