import { type Reader, WireError, type Writer } from '../kernel/codec/bytes.js';
import { readDigest, readReplica, writeDigest, writeReplica } from '../kernel/codec/fields.js';
import { limits } from '../kernel/codec/limits.js';
import type { OrderingScope } from './common-types.js';
import type { Instance, InstanceValue, SpecReply } from './instance-types.js';

export function writeInstance(writer: Writer, { space, index }: Instance): void {
  writeReplica(writer, space);
  writer.u64(index);
}

export function readInstance(reader: Reader): Instance {
  const space = readReplica(reader);
  return { space, index: reader.u64() };
}

/** One index for each space. */
export function writeIndexes(writer: Writer, indexes: readonly number[]): void {
  writer.list(indexes, limits.replicas, (index) => writer.u64(index));
}

export function readIndexes(reader: Reader): readonly number[] {
  return reader.list(limits.replicas, () => reader.u64());
}

export function writeInstanceValue(writer: Writer, value: InstanceValue | null): void {
  writer.flag(value !== null);
  if (!value) return;
  writeDigest(writer, value.digest);
  writeDigest(writer, value.touched);
  writeIndexes(writer, value.deps);
}

export function readInstanceValue(reader: Reader): InstanceValue | null {
  if (!reader.flag()) return null;
  const digest = readDigest(reader);
  const touched = readDigest(reader);
  return { digest, touched, deps: readIndexes(reader) };
}

export function writeSpecReply(writer: Writer, { instance, value }: SpecReply): void {
  writeInstance(writer, instance);
  writeInstanceValue(writer, value);
}

export function readSpecReply(reader: Reader, scope: OrderingScope): SpecReply {
  if (scope !== 'ezbft') throw new WireError('an instance outside ezBFT');
  const instance = readInstance(reader);
  return { kind: 'spec-reply', scope, instance, value: readInstanceValue(reader) };
}
