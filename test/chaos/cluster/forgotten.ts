import { members } from './members.js';
import type { Nodes } from './nodes.js';
import { statuses } from './status.js';

const pollMs = 1000;

/** How many transactions each coordinator has forgotten, in all the lives of its process. */
export class Forgotten {
  readonly #nodes: Nodes;
  readonly #past = new Map<string, number>();
  readonly #present = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;
  #isAsking = false;

  /** Asks them all the time; what a process forgets shortly before its death is not counted. */
  constructor(nodes: Nodes) {
    this.#nodes = nodes;
    this.#timer = setInterval(() => void this.#ask(), pollMs);
  }

  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(members.coordinators.map((name) => [name, this.#of(name)]));
  }

  /** One question at a time: an old answer after a new one would look like a new process. */
  async #ask(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    const answers = await statuses(this.#nodes);
    for (const [index, name] of members.coordinators.entries()) {
      const forgotten = answers[index]?.forgotten;
      if (forgotten === undefined) continue;
      const before = this.#present.get(name) ?? 0;
      if (forgotten < before) this.#past.set(name, (this.#past.get(name) ?? 0) + before);
      this.#present.set(name, forgotten);
    }
    this.#isAsking = false;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #of(name: string): number {
    return (this.#past.get(name) ?? 0) + (this.#present.get(name) ?? 0);
  }
}
