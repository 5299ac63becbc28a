import type { TLSSocket } from 'node:tls';
import { type Reader, readAll, Writer } from '../../kernel/codec/bytes.js';
import { costs } from '../../kernel/costs.js';
import { FrameDecoder, Framing } from '../../kernel/links/frames.js';
import type { SoapMessage } from '../envelope.js';
import { MessageReader, MessageWriter, messageBytesMax } from './message-codec.js';

/** What a member's server is asked for by HTTP CONNECT: a tunnel to its compact binding, of this version. */
export const compactTarget = 'concordat-compact:1';

/** With what stands before the message: number, status, flag. */
export const linkFraming = new Framing(['request', 'answer'], messageBytesMax + 16);

/** What a member sends; `number` says which request an answer is to. */
export type LinkFrame =
  | { readonly kind: 'request'; readonly number: number; readonly message: SoapMessage }
  | {
      readonly kind: 'answer';
      readonly number: number;
      /** An HTTP status, as the answer would have it there. */
      readonly status: number;
      readonly message: SoapMessage | undefined;
    };

/** Both ends of a link: frames out, those of one turn together, and frames in. */
export class Link {
  readonly #socket: TLSSocket;
  readonly #writer = new Writer();
  readonly #messages = new MessageWriter();
  #queue: Buffer[] = [];
  #queuedBytes = 0;

  constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.setNoDelay(true);
  }

  /** Bytes that wait for the other end. */
  get waitingBytes(): number {
    return this.#queuedBytes + this.#socket.writableLength;
  }

  /** Throws `WireError` or `RangeError` where it cannot be written; the link is of no use then. */
  send(frame: LinkFrame): void {
    if (this.#socket.destroyed) return;
    const bytes = this.#encode(frame);
    if (frame.kind === 'request') {
      costs.exchanges += 1;
      costs.exchangeBytes += bytes.length;
    }
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    if (this.#queue.length === 1) setImmediate(() => this.#flush());
  }

  /**
   * `take` receives each frame, and how many bytes it has. `broken` receives what is wrong with one, or what `take` throws; the link
   * is closed then.
   */
  onFrame(take: (frame: LinkFrame, bytes: number) => void, broken: (error: unknown) => void): void {
    const decoder = new FrameDecoder(linkFraming);
    const messages = new MessageReader();
    this.#socket.on('data', (chunk: Buffer) => {
      try {
        for (const { channel, bytes } of decoder.push(chunk)) {
          if (this.#socket.destroyed) return;
          const frame = readAll(bytes, (reader) => readFrame(channel, reader, messages));
          take(frame, bytes.length);
        }
      } catch (error) {
        broken(error);
        this.#socket.destroy();
      }
    });
  }

  #encode(frame: LinkFrame): Buffer {
    const writer = this.#writer;
    writer.u32(frame.number);
    if (frame.kind === 'answer') {
      writer.u16(frame.status);
      writer.flag(frame.message !== undefined);
    }
    if (frame.message !== undefined) this.#messages.write(writer, frame.message);
    return linkFraming.encode(frame.kind, writer.finish());
  }

  #flush(): void {
    const frames = this.#queue;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#socket.cork();
    for (const frame of frames) this.#socket.write(frame);
    this.#socket.uncork();
  }
}

function readFrame(kind: LinkFrame['kind'], reader: Reader, messages: MessageReader): LinkFrame {
  const number = reader.u32();
  if (kind === 'request') return { kind, number, message: messages.read(reader) };
  const status = reader.u16();
  return { kind, number, status, message: reader.flag() ? messages.read(reader) : undefined };
}
