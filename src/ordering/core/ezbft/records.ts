import { readAll, Writer } from '../../../kernel/codec/bytes.js';
import { writeSigned } from '../../../kernel/codec/fields.js';
import type { ClusterId } from '../../../kernel/ids.js';
import type { Signed } from '../../../kernel/signed.js';
import { readBatch, writeBatch } from '../../batch-codec.js';
import {
  readInstance,
  readInstanceValue,
  writeInstance,
  writeInstanceValue,
} from '../../instance-codec.js';
import { readOrderingSigned, readShared, writeShared } from '../../statement-codec.js';
import type {
  Batch,
  Instance,
  InstanceValue,
  SharedCertificate,
  SpecOrder,
  SpecReply,
} from '../../types.js';

// What a replica has on its disk of one instance.

export function encodeSaid(reply: Signed<SpecReply>, order: SpecOrder | undefined): Uint8Array {
  const writer = new Writer();
  writeSigned(writer, reply);
  writer.flag(order !== undefined);
  if (order) {
    writeSigned(writer, order.order);
    writeBatch(writer, order.batch);
  }
  return writer.finish();
}

export function decodeSaid(
  cluster: ClusterId,
  bytes: Uint8Array,
): { readonly reply: Signed<SpecReply>; readonly order: SpecOrder | undefined } {
  return readAll(bytes, (reader) => {
    const reply = readOrderingSigned(reader, cluster, 'spec-reply');
    if (!reader.flag()) return { reply, order: undefined };
    const order = readOrderingSigned(reader, cluster, 'spec-reply');
    return { reply, order: { order, batch: readBatch(reader) } };
  });
}

export function encodeSettled(instance: Instance, value: InstanceValue, batch: Batch): Uint8Array {
  const writer = new Writer();
  writeInstance(writer, instance);
  writeInstanceValue(writer, value);
  writeBatch(writer, batch);
  return writer.finish();
}

export function decodeSettled(bytes: Uint8Array): {
  readonly instance: Instance;
  readonly value: InstanceValue | null;
  readonly batch: Batch;
} {
  return readAll(bytes, (reader) => ({
    instance: readInstance(reader),
    value: readInstanceValue(reader),
    batch: readBatch(reader),
  }));
}

export function encodeFast(
  replies: SharedCertificate<SpecReply>,
  batch: Batch | undefined,
): Uint8Array {
  const writer = new Writer();
  writeShared(writer, replies);
  writer.flag(batch !== undefined);
  if (batch) writeBatch(writer, batch);
  return writer.finish();
}

export function decodeFast(
  cluster: ClusterId,
  bytes: Uint8Array,
): { readonly replies: SharedCertificate<SpecReply>; readonly batch: Batch | undefined } {
  return readAll(bytes, (reader) => ({
    replies: readShared(reader, cluster, 'spec-reply'),
    batch: reader.flag() ? readBatch(reader) : undefined,
  }));
}
