import { type Reader, Writer } from '../kernel/codec/bytes.js';
import { sha256 } from '../kernel/digest.js';
import type { Digest } from '../kernel/ids.js';
import { readBatch, readClient, writeBatch, writeClient } from './batch-codec.js';
import { orderingLimits } from './fields.js';
import type { Touched } from './instance-types.js';

/** Forgotten with what is touched. */
const digests = new WeakMap<Touched, Digest>();

export function writeTouched(writer: Writer, { isBarrier, clients, keys, asked }: Touched): void {
  writer.flag(isBarrier);
  writer.list(clients, orderingLimits.batchRequests, (client) => writeClient(writer, client));
  writer.u32(keys.length);
  for (const key of keys) writer.longText(key, orderingLimits.payloadBytes);
  writeBatch(writer, asked);
}

/** Throws `WireError` where the bytes have another form. */
export function readTouched(reader: Reader): Touched {
  const isBarrier = reader.flag();
  const clients = reader.list(orderingLimits.batchRequests, () => readClient(reader));
  const keys: string[] = [];
  // No more than there are bytes: each takes some.
  for (let left = reader.u32(); left > 0; left -= 1) {
    keys.push(reader.longText(orderingLimits.payloadBytes));
  }
  return { isBarrier, clients, keys, asked: readBatch(reader) };
}

/** What values name it by. */
export function digestOfTouched(touched: Touched): Digest {
  const known = digests.get(touched);
  if (known !== undefined) return known;
  const writer = new Writer();
  writeTouched(writer, touched);
  const digest = sha256(writer.finish());
  digests.set(touched, digest);
  return digest;
}
