import { hash, type KeyObject, sign, verify } from 'node:crypto';
import type { Socket } from 'node:net';
import { encodeFrame, FrameDecoder, peerFraming } from '../../../src/kernel/links/frames.js';
import { decodeBatch, encodeBatch } from '../../../src/ordering/batch-codec.js';
import type { Batch, OrderingRequest } from '../../../src/ordering/types.js';
import { signs } from './control.js';

/** Requests that were executed together, as a replica answers them. */
export interface Answers {
  readonly position: number;
  /** Not executed yet: a digest of what the replica says of the instance they are in. 0 where they are executed. */
  readonly said: number;
  /** Client's index and number, in turn. */
  readonly answered: Uint32Array;
}

const signatureBytes = 64;
const headBytes = 16;
/** A number has so many bytes exactly. */
const saidBytes = 6;

/** Sends and takes frames on a connection; what is sent within one turn of the loop leaves together. */
export class ClientLink {
  readonly #socket: Socket;
  #waiting: Uint8Array[] = [];

  constructor(socket: Socket, onFrame: (bytes: Uint8Array) => void) {
    this.#socket = socket;
    socket.setNoDelay(true);
    const decoder = new FrameDecoder(peerFraming);
    socket.on('data', (chunk: Buffer) => {
      for (const { bytes } of decoder.push(chunk)) onFrame(bytes);
    });
  }

  send(bytes: Uint8Array): void {
    this.#waiting.push(encodeFrame('ordering', bytes));
    if (this.#waiting.length > 1) return;
    setImmediate(() => {
      this.#socket.write(Buffer.concat(this.#waiting));
      this.#waiting = [];
    });
  }
}

export function encodeRequests(batch: Batch): Uint8Array {
  return encodeBatch(batch);
}

export function decodeRequests(bytes: Uint8Array): Batch {
  return decodeBatch(bytes);
}

/** What stands for a statement in an answer. */
export function saidOf(statement: Uint8Array): number {
  return Buffer.from(hash('sha256', statement, 'buffer')).readUIntLE(0, saidBytes) + 1;
}

export function encodeAnswers({ position, said, answered }: Answers): Uint8Array {
  const bytes = Buffer.allocUnsafe(headBytes + answered.length * 4);
  bytes.writeDoubleLE(position, 0);
  bytes.writeDoubleLE(said, 8);
  let at = headBytes;
  for (const value of answered) at = bytes.writeUInt32LE(value, at);
  return bytes;
}

export function decodeAnswers(bytes: Uint8Array): Answers {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const answered = new Uint32Array((bytes.length - headBytes) / 4);
  for (let index = 0; index < answered.length; index += 1) {
    answered[index] = view.getUint32(headBytes + 4 * index, true);
  }
  return { position: view.getFloat64(0, true), said: view.getFloat64(8, true), answered };
}

/** The payload with its client's signature behind it. */
export function signRequest(
  key: KeyObject,
  client: string,
  number: number,
  payload: Uint8Array,
): Uint8Array {
  const signature = sign('sha256', signedBytes(client, number, payload), ieee(key));
  return Buffer.concat([payload, signature]);
}

export function isSigned(key: KeyObject, { client, number, payload }: OrderingRequest): boolean {
  const end = payload.length - signatureBytes;
  if (end < 0) return false;
  const bytes = signedBytes(client, number, payload.subarray(0, end));
  return verify('sha256', bytes, ieee(key), payload.subarray(end));
}

function signedBytes(client: string, number: number, payload: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`concordat-bench/1 ${client} ${number}\n`), payload]);
}

function ieee(key: KeyObject) {
  return { key, dsaEncoding: 'ieee-p1363' as const };
}

/** The first byte of a request that touches what others touch; it is 0 in all others. */
const touchesShared = 1;

export function markShared(payload: Uint8Array): void {
  payload[0] = touchesShared;
}

export function isShared({ client, payload }: OrderingRequest): boolean {
  const ownBytes = payload.length - (signs(client) ? signatureBytes : 0);
  return ownBytes > 0 && payload[0] === touchesShared;
}
