import { Writer } from '../../../kernel/codec/bytes.js';
import { writeSigned } from '../../../kernel/codec/fields.js';
import type { Signed } from '../../../kernel/signed.js';
import { writeBatch } from '../../batch-codec.js';
import { writeInstance, writeInstanceValue } from '../../instance-codec.js';
import { writeShared } from '../../statement-codec.js';
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

export function encodeSettled(instance: Instance, value: InstanceValue, batch: Batch): Uint8Array {
  const writer = new Writer();
  writeInstance(writer, instance);
  writeInstanceValue(writer, value);
  writeBatch(writer, batch);
  return writer.finish();
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
