import { type PeerChannel, peerChannels } from './channels.js';

/** Longest message. A new view with every certificate in it, or a snapshot, is the longest there is. */
export const maxMessageBytes = 16 * 1024 * 1024;
const lengthBytes = 4;
const prefixBytes = lengthBytes + 1;

export interface Frame {
  readonly channel: PeerChannel;
  readonly bytes: Uint8Array;
}

/**
 * A frame: the length of what follows as unsigned 32-bit big-endian number, the channel as one byte,
 * then the message.
 */
export function encodeFrame(channel: PeerChannel, bytes: Uint8Array): Buffer {
  if (bytes.length === 0 || bytes.length > maxMessageBytes) {
    throw new RangeError(`a message has 1 to ${maxMessageBytes} bytes, not ${bytes.length}`);
  }
  const frame = Buffer.allocUnsafe(prefixBytes + bytes.length);
  frame.writeUInt32BE(1 + bytes.length, 0);
  frame.writeUInt8(peerChannels.indexOf(channel), lengthBytes);
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
   * whole chunk in memory. Throws `FrameError` at an empty message, one above the limit, and a channel
   * that there is not.
   */
  *push(chunk: Buffer): Generator<Frame> {
    let rest = chunk;
    while (rest.length > 0) {
      const wanted = this.#wanted();
      const taken = rest.subarray(0, wanted - this.#filled);
      this.#append(taken, wanted);
      rest = rest.subarray(taken.length);
      if (this.#filled === this.#wanted()) {
        const bytes = new Uint8Array(this.#buffer.subarray(prefixBytes, this.#filled));
        const channel = this.#channel();
        this.#buffer = Buffer.alloc(0);
        this.#filled = 0;
        yield { channel, bytes };
      }
    }
  }

  /** How many bytes the frame has with its prefix; only the next part of that while it is not complete. */
  #wanted(): number {
    if (this.#filled < lengthBytes) return lengthBytes;
    const length = this.#buffer.readUInt32BE(0);
    if (length < 2 || length > 1 + maxMessageBytes)
      throw new FrameError(`frame of ${length} bytes`);
    if (this.#filled < prefixBytes) return prefixBytes;
    this.#channel();
    return lengthBytes + length;
  }

  #channel(): PeerChannel {
    const number = this.#buffer.readUInt8(lengthBytes);
    const channel = peerChannels[number];
    if (channel === undefined) throw new FrameError(`no channel ${number}`);
    return channel;
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
