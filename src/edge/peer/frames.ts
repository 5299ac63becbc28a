/** Longest frame. A new view with every certificate in it is the longest message there is. */
export const maxFrameBytes = 16 * 1024 * 1024;
const prefixBytes = 4;

/** A frame: its length as unsigned 32-bit big-endian number, then the bytes. */
export function encodeFrame(bytes: Uint8Array): Buffer {
  if (bytes.length === 0 || bytes.length > maxFrameBytes) {
    throw new RangeError(`a frame has 1 to ${maxFrameBytes} bytes, not ${bytes.length}`);
  }
  const frame = Buffer.allocUnsafe(prefixBytes + bytes.length);
  frame.writeUInt32BE(bytes.length, 0);
  frame.set(bytes, prefixBytes);
  return frame;
}

/** The peer broke the framing. Nothing that follows can be understood. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

/**
 * Takes a byte stream apart. Holds at most one frame that is not complete, in memory that grows
 * with what has come, not with what the length promises.
 */
export class FrameDecoder {
  #buffer = Buffer.alloc(0);
  #filled = 0;

  /**
   * The frames that the chunk completes, each a copy, so that one that is kept does not keep the
   * whole chunk in memory. Throws `FrameError` at a length of 0 or above the limit.
   */
  *push(chunk: Buffer): Generator<Uint8Array> {
    let rest = chunk;
    while (rest.length > 0) {
      const wanted = this.#wanted();
      const taken = rest.subarray(0, wanted - this.#filled);
      this.#append(taken, wanted);
      rest = rest.subarray(taken.length);
      if (this.#filled === this.#wanted()) {
        yield new Uint8Array(this.#buffer.subarray(prefixBytes, this.#filled));
        this.#buffer = Buffer.alloc(0);
        this.#filled = 0;
      }
    }
  }

  /** How many bytes the frame has with its prefix; only the prefix while that is not complete. */
  #wanted(): number {
    if (this.#filled < prefixBytes) return prefixBytes;
    const length = this.#buffer.readUInt32BE(0);
    if (length === 0 || length > maxFrameBytes) throw new FrameError(`frame of ${length} bytes`);
    return prefixBytes + length;
  }

  #append(bytes: Buffer, wanted: number): void {
    const needed = this.#filled + bytes.length;
    if (needed > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.min(wanted, Math.max(needed, this.#buffer.length * 2)));
      grown.set(this.#buffer.subarray(0, this.#filled));
      this.#buffer = grown;
    }
    this.#buffer.set(bytes, this.#filled);
    this.#filled = needed;
  }
}
