import { Deferred } from './session-log.js';

/** Up to where a session's operations shall be ordered, and up to where its home has been asked for that. */
export class Commits {
  #waiting: { upTo: number; done: Deferred<void> }[] = [];
  #wanted = 0;
  #asked = 0;

  get wanted(): number {
    return this.#wanted;
  }

  get isWanted(): boolean {
    return this.#asked < this.#wanted;
  }

  want(upTo: number): void {
    this.#wanted = upTo;
  }

  /** Resolves once a home has been asked. */
  wait(upTo: number): Promise<void> {
    const done = new Deferred<void>();
    this.#wanted = upTo;
    this.#waiting.push({ upTo, done });
    return done.promise;
  }

  asked(upTo: number): void {
    this.#asked = Math.max(this.#asked, upTo);
    for (const { upTo: wanted, done } of this.#waiting) if (wanted <= upTo) done.resolve();
    this.#waiting = this.#waiting.filter(({ upTo: wanted }) => wanted > upTo);
  }

  /** The next home has to be asked again for all after these. */
  askAgainAfter(sequence: number): void {
    this.#asked = Math.min(this.#asked, sequence);
  }

  fail(error: Error): void {
    for (const { done } of this.#waiting) done.reject(error);
    this.#waiting = [];
  }
}
