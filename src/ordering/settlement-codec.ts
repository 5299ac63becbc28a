import { readAll, Writer } from '../kernel/codec/bytes.js';
import { checkRising, readReplica, writeReplica, writeSigned } from '../kernel/codec/fields.js';
import { limits } from '../kernel/codec/limits.js';
import type { ClusterId } from '../kernel/ids.js';
import { readOrderingSigned } from './statement-codec.js';
import { readTouched, writeTouched } from './touched-codec.js';
import type { Settlement } from './types.js';

/** The Decision Module's command, as its requests carry it. */
export function encodeSettlement({ said, touched }: Settlement): Uint8Array {
  const writer = new Writer();
  checkRising(said, ({ replica }) => replica);
  writer.list(said, limits.replicas, ({ replica, reply }) => {
    writeReplica(writer, replica);
    writeSigned(writer, reply);
  });
  writer.flag(touched !== null);
  if (touched) writeTouched(writer, touched);
  return writer.finish();
}

/** Throws `WireError` unless the bytes have the form of a command; checks no signature. */
export function decodeSettlement(cluster: ClusterId, bytes: Uint8Array): Settlement {
  return readAll(bytes, (reader) => {
    const said = reader.list(limits.replicas, () => {
      const replica = readReplica(reader);
      return { replica, reply: readOrderingSigned(reader, cluster, 'spec-reply') };
    });
    checkRising(said, ({ replica }) => replica);
    return { said, touched: reader.flag() ? readTouched(reader) : null };
  });
}
