import type { Ballot, Slot, SlotResult } from '../vocabulary/agreement.js';
import type { Attempt, Digest, ReplicaId, TransactionId, View } from '../vocabulary/ids.js';
import type { Outcome } from '../vocabulary/statements.js';
import { WireError } from './error.js';
import { limits } from './limits.js';
import type { Reader } from './reader.js';
import type { Writer } from './writer.js';

/** A choice among named alternatives, as one byte: its position. */
export interface Choice<Name extends string> {
  write(writer: Writer, name: Name): void;
  read(reader: Reader): Name;
}

export function choice<const Name extends string>(...names: readonly Name[]): Choice<Name> {
  return {
    write(writer, name) {
      const index = names.indexOf(name);
      if (index < 0) throw new WireError(`none of ${names.join(', ')}: ${name}`);
      writer.u8(index);
    },
    read(reader) {
      const name = names[reader.u8()];
      if (name === undefined) throw new WireError(`none of ${names.join(', ')}`);
      return name;
    },
  };
}

const slotKind = choice<Slot['kind']>('activation', 'outcome');
export const outcome = choice<Outcome>('commit', 'abort');

/** An id that is a name; `parse` is its constructor in `vocabulary/ids.ts`. */
export function readName<Id extends string>(reader: Reader, parse: (text: string) => Id): Id {
  const text = reader.text(limits.nameBytes);
  try {
    return parse(text);
  } catch (cause) {
    throw new WireError('a name out of form', { cause });
  }
}

/** Checks the name's form: what is written must be readable. */
export function writeName<Id extends string>(
  writer: Writer,
  name: Id,
  parse: (text: string) => Id,
): void {
  try {
    parse(name);
  } catch (cause) {
    throw new WireError('a name out of form', { cause });
  }
  writer.text(name, limits.nameBytes);
}

export function writeReplica(writer: Writer, replica: ReplicaId): void {
  writer.u16(replica);
}

export function readReplica(reader: Reader): ReplicaId {
  return reader.u16() as ReplicaId;
}

export function writeDigest(writer: Writer, digest: Digest): void {
  writer.hex(digest, 32);
}

export function readDigest(reader: Reader): Digest {
  return reader.hex(32) as Digest;
}

export function writeTransactionId(writer: Writer, tid: TransactionId): void {
  if (!uuidForm.test(tid)) throw new WireError('not a transaction id');
  writer.hex(tid.replaceAll('-', ''), 16);
}

const uuidForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function readTransactionId(reader: Reader): TransactionId {
  const hex = reader.hex(16);
  const groups = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)];
  return `${groups.join('-')}-${hex.slice(20)}` as TransactionId;
}

export function writeView(writer: Writer, view: View): void {
  writer.u64(view);
}

export function readView(reader: Reader): View {
  return reader.u64() as View;
}

export function writeBallot(writer: Writer, ballot: Ballot): void {
  writeView(writer, ballot.view);
  writer.u32(ballot.attempt);
}

export function readBallot(reader: Reader): Ballot {
  const view = readView(reader);
  return { view, attempt: reader.u32() as Attempt };
}

export function writeSlot(writer: Writer, slot: Slot): void {
  slotKind.write(writer, slot.kind);
  if (slot.kind === 'activation') writeDigest(writer, slot.request);
  else writeTransactionId(writer, slot.tid);
}

export function readSlot(reader: Reader): Slot {
  const kind = slotKind.read(reader);
  return kind === 'activation'
    ? { kind, request: readDigest(reader) }
    : { kind, tid: readTransactionId(reader) };
}

/** The slot before it says which kind of result this is, so no byte repeats it. */
export function writeResult(writer: Writer, slot: Slot, result: SlotResult): void {
  if (slot.kind !== result.kind) throw new WireError(`${slot.kind} slot, ${result.kind} result`);
  if (result.kind === 'outcome') return outcome.write(writer, result.outcome);
  writeTransactionId(writer, result.tid);
  writeDigest(writer, result.content);
}

export function readResult(reader: Reader, slot: Slot): SlotResult {
  return slot.kind === 'activation'
    ? { kind: slot.kind, tid: readTransactionId(reader), content: readDigest(reader) }
    : { kind: slot.kind, outcome: outcome.read(reader) };
}

/** Throws unless the keys rise: lists that mean sets have one encoding, and no duplicates. */
export function checkRising<T>(items: readonly T[], key: (item: T) => string | number): void {
  let last: string | number | undefined;
  for (const item of items) {
    const next = key(item);
    if (last !== undefined && !(last < next)) throw new WireError('list out of order');
    last = next;
  }
}
