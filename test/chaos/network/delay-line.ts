import { Duplex } from 'node:stream';
import { Fifo } from '../../../src/kernel/core.js';

/** Bytes on the way at the most; then nothing more is taken until some are there. */
const bytesMax = 8 * 1024 * 1024;

type Callback = (error?: Error | null) => void;

interface Chunk {
  readonly bytes: Buffer;
  readonly dueMs: number;
}

/**
 * A way that takes time: what is written can be read as long after as `delayMs` says when it comes. Bytes stay as they
 * are and in their order, also where the delay changes; what comes while others are on the way does not wait for those.
 */
export class DelayLine extends Duplex {
  readonly #delayMs: () => number;
  readonly #nowMs: () => number;
  readonly #onTheWay = new Fifo<Chunk>();
  #bytes = 0;
  #lastDueMs = 0;
  #isWanted = false;
  #hasEnded = false;
  /** Whoever writes waits for room. */
  #hasRoom: Callback | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(delayMs: () => number, nowMs: () => number = () => performance.now()) {
    super();
    this.#delayMs = delayMs;
    this.#nowMs = nowMs;
  }

  override _write(bytes: Buffer, _encoding: string, callback: Callback): void {
    this.#lastDueMs = Math.max(this.#lastDueMs, this.#nowMs() + this.#delayMs());
    this.#onTheWay.push({ bytes, dueMs: this.#lastDueMs });
    this.#bytes += bytes.length;
    if (this.#bytes < bytesMax) callback();
    else this.#hasRoom = callback;
    this.#arrive();
  }

  override _final(callback: Callback): void {
    this.#hasEnded = true;
    callback();
    this.#arrive();
  }

  override _read(): void {
    this.#isWanted = true;
    this.#arrive();
  }

  override _destroy(error: Error | null, callback: Callback): void {
    clearTimeout(this.#timer);
    this.#onTheWay.clear();
    callback(error);
  }

  /** Hands over what is there, and comes back for the rest. */
  #arrive(): void {
    clearTimeout(this.#timer);
    const nowMs = this.#nowMs();
    for (let next = this.#onTheWay.peek(); next && this.#isWanted; next = this.#onTheWay.peek()) {
      if (next.dueMs > nowMs) {
        this.#timer = setTimeout(() => this.#arrive(), next.dueMs - nowMs);
        break;
      }
      this.#onTheWay.shift();
      this.#bytes -= next.bytes.length;
      this.#isWanted = this.push(next.bytes);
    }
    if (this.#hasEnded && this.#onTheWay.length === 0) {
      this.#hasEnded = false;
      this.push(null);
    }
    this.#letMoreIn();
  }

  #letMoreIn(): void {
    const hasRoom = this.#hasRoom;
    if (!hasRoom || this.#bytes >= bytesMax) return;
    this.#hasRoom = undefined;
    hasRoom();
  }
}
