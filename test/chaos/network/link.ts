import { setTimeout as sleep } from 'node:timers/promises';
import { slowBytesPerSecond } from './network.js';

const slowDelayMs = 20;

/** The way from one node to another, for all connections between the two. */
export class Link {
  /** How long bytes are on the way besides, each of them; those that come later do not wait for it. */
  delayMs = 0;
  #restored: Promise<void> | undefined;
  #restore: () => void = () => {};
  /** How many of its two ends are slow. */
  #slowEnds = 0;

  cut(): void {
    if (this.#restored !== undefined) return;
    this.#restored = new Promise((resolve) => {
      this.#restore = resolve;
    });
  }

  restore(): void {
    this.#restored = undefined;
    this.#restore();
  }

  slow(): void {
    this.#slowEnds += 1;
  }

  hasten(): void {
    this.#slowEnds -= 1;
  }

  /** Resolves when so many bytes have got through; while the link is cut that is not at all. */
  async pass(bytes: number): Promise<void> {
    while (this.#restored !== undefined) await this.#restored;
    if (this.#slowEnds > 0) await sleep(slowDelayMs + (bytes / slowBytesPerSecond) * 1000);
    while (this.#restored !== undefined) await this.#restored;
  }
}
