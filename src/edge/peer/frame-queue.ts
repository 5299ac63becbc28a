import { Fifo } from '../fifo.js';

const maxFrames = 4096;
const maxBytes = 32 * 1024 * 1024;

/**
 * Frames that wait for one peer. When it is full the oldest goes: protocols repeat what matters,
 * and the latest is what a peer that comes back needs most.
 */
export class FrameQueue {
  readonly #frames = new Fifo<Buffer>();
  #bytes = 0;
  #dropped = 0;

  get length(): number {
    return this.#frames.length;
  }

  /** How many frames have been dropped since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  push(frame: Buffer): void {
    this.#frames.push(frame);
    this.#bytes += frame.length;
    while (this.#frames.length > maxFrames || this.#bytes > maxBytes) {
      this.shift();
      this.#dropped += 1;
    }
  }

  shift(): Buffer | undefined {
    const frame = this.#frames.shift();
    this.#bytes -= frame?.length ?? 0;
    return frame;
  }
}
