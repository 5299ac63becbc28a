import { Fifo } from '../core.js';
import { ConcordatError, type NoData, noData } from '../error.js';
import type { ReplicaId } from '../ids.js';

/** The protocols that share the links. A frame names one by its place in this list. */
export const peerChannels = ['agreement', 'ordering', 'sessions'] as const;

export type PeerChannel = (typeof peerChannels)[number];

/** One protocol's side of the links. */
export interface ChannelHandler {
  /** Takes a message whose sender TLS has proved. What throws costs the sender its connection. */
  onMessage(from: ReplicaId, bytes: Uint8Array): void;
  /** The way to this replica is open, for the first time or again: say again what it may lack. */
  onUp?(replica: ReplicaId): void;
}

/** Longest message. A new view with every certificate in it, or a snapshot, is the longest there is. */
export const maxMessageBytes = 16 * 1024 * 1024;
/** A larger buffer has memory of its own; Node takes smaller ones from a pool. */
const sharedUpTo = Buffer.poolSize;
/** A frame may take so many times the room that was full, or twice that where it is all. What is copied is garbage. */
const growth = 8;
const lengthBytes = 4;
const prefixBytes = lengthBytes + 1;
const none = Buffer.alloc(0);

export interface Frame<Channel extends string = PeerChannel> {
  readonly channel: Channel;
  readonly bytes: Uint8Array;
}

/** The channels of a kind of link, and how long a message on it may be. */
export class Framing<Channel extends string> {
  readonly channels: readonly Channel[];
  readonly bytesMax: number;

  constructor(channels: readonly Channel[], bytesMax: number) {
    this.channels = channels;
    this.bytesMax = bytesMax;
  }

  /**
   * A frame: the length of what follows as unsigned 32-bit big-endian number, the channel as one byte,
   * then the message.
   */
  encode(channel: Channel, bytes: Uint8Array): Buffer {
    if (bytes.length === 0 || bytes.length > this.bytesMax) {
      throw new RangeError(`a message has 1 to ${this.bytesMax} bytes, not ${bytes.length}`);
    }
    const frame = Buffer.allocUnsafe(prefixBytes + bytes.length);
    frame.writeUInt32BE(1 + bytes.length, 0);
    frame.writeUInt8(this.channels.indexOf(channel), lengthBytes);
    frame.set(bytes, prefixBytes);
    return frame;
  }
}

/** Of the links between coordinators. */
export const peerFraming = new Framing(peerChannels, maxMessageBytes);

/** A frame of a link between coordinators. */
export function encodeFrame(channel: PeerChannel, bytes: Uint8Array): Buffer {
  return peerFraming.encode(channel, bytes);
}

/** The peer broke the framing. Nothing that follows can be understood. */
export class FrameError extends ConcordatError<'broken-framing', NoData> {
  override readonly name = 'FrameError';
  readonly code = 'broken-framing';
  readonly data = noData;
}

/**
 * Takes a byte stream apart. Holds at most one frame that is not complete, in memory that grows
 * with what has come, not with what the length promises.
 */
export class FrameDecoder<Channel extends string = PeerChannel> {
  readonly #framing: Framing<Channel>;
  #buffer = none;
  #filled = 0;

  constructor(framing: Framing<Channel>) {
    this.#framing = framing;
  }

  /**
   * The frames that the chunk completes, each in memory of its own, so that one that is kept does not keep the
   * whole chunk in memory. Throws `FrameError` at an empty message, one above the limit, and a channel
   * that there is not.
   */
  *push(chunk: Buffer): Generator<Frame<Channel>> {
    let rest = chunk;
    while (rest.length > 0) {
      const whole = this.#filled === 0 ? this.#wholeIn(rest) : undefined;
      if (whole !== undefined) {
        rest = rest.subarray(prefixBytes + whole.bytes.length);
        yield whole;
        continue;
      }
      const wanted = this.#wanted();
      const taken = rest.subarray(0, wanted - this.#filled);
      this.#append(taken, wanted);
      rest = rest.subarray(taken.length);
      if (this.#filled === this.#wanted()) {
        const bytes = this.#message();
        const channel = this.#channelOf(this.#buffer);
        this.#buffer = none;
        this.#filled = 0;
        yield { channel, bytes };
      }
    }
  }

  /** A small buffer shares its memory with others, so the message is copied; a large one is the message's own. */
  #message(): Uint8Array {
    const { buffer, byteOffset } = this.#buffer;
    const message = new Uint8Array(buffer, byteOffset + prefixBytes, this.#filled - prefixBytes);
    return this.#filled > sharedUpTo ? message : message.slice();
  }

  /** The frame at the start of the bytes, where all of it is there. */
  #wholeIn(bytes: Buffer): Frame<Channel> | undefined {
    if (bytes.length < prefixBytes) return undefined;
    const end = lengthBytes + this.#lengthOf(bytes);
    const channel = this.#channelOf(bytes);
    if (bytes.length < end) return undefined;
    return { channel, bytes: new Uint8Array(bytes.subarray(prefixBytes, end)) };
  }

  /** How many bytes the frame has with its prefix; only the next part of that while it is not complete. */
  #wanted(): number {
    if (this.#filled < lengthBytes) return lengthBytes;
    const length = this.#lengthOf(this.#buffer);
    if (this.#filled < prefixBytes) return prefixBytes;
    this.#channelOf(this.#buffer);
    return lengthBytes + length;
  }

  #lengthOf(frame: Buffer): number {
    const length = frame.readUInt32BE(0);
    if (length < 2 || length > 1 + this.#framing.bytesMax)
      throw new FrameError(`frame of ${length} bytes`);
    return length;
  }

  #channelOf(frame: Buffer): Channel {
    const number = frame.readUInt8(lengthBytes);
    const channel = this.#framing.channels[number];
    if (channel === undefined) throw new FrameError(`no channel ${number}`);
    return channel;
  }

  #append(bytes: Buffer, wanted: number): void {
    const needed = this.#filled + bytes.length;
    if (needed > this.#buffer.length) {
      const room = Math.max(needed, this.#buffer.length * growth);
      const grown = Buffer.allocUnsafe(2 * room < wanted ? room : wanted);
      grown.set(this.#buffer.subarray(0, this.#filled));
      this.#buffer = grown;
    }
    this.#buffer.set(bytes, this.#filled);
    this.#filled = needed;
  }
}

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

/**
 * Frames that wait for one peer, a queue for each channel, which take turns: the load of one protocol
 * neither pushes out nor holds up the messages of another.
 */
export class ChannelQueues {
  readonly #queues = peerChannels.map(() => new FrameQueue());
  #turn = 0;

  get length(): number {
    return this.#queues.reduce((sum, queue) => sum + queue.length, 0);
  }

  /** How many frames have been dropped since the start. */
  get dropped(): number {
    return this.#queues.reduce((sum, queue) => sum + queue.dropped, 0);
  }

  push(channel: PeerChannel, frame: Buffer): void {
    this.#queues[peerChannels.indexOf(channel)]?.push(frame);
  }

  shift(): Buffer | undefined {
    for (let skipped = 0; skipped < this.#queues.length; skipped += 1) {
      const frame = this.#queues[this.#turn]?.shift();
      this.#turn = (this.#turn + 1) % this.#queues.length;
      if (frame !== undefined) return frame;
    }
    return undefined;
  }
}
