import { type Reader, Writer } from '../kernel/codec/bytes.js';
import {
  checkRising,
  readDigest,
  readReplica,
  readView,
  writeDigest,
  writeReplica,
  writeShared,
  writeSigned,
  writeView,
} from '../kernel/codec/fields.js';
import { limits } from '../kernel/codec/limits.js';
import { sha256 } from '../kernel/digest.js';
import type { Digest } from '../kernel/ids.js';
import { orderingLimits } from './fields.js';
import type { StatementReader } from './statement-reader.js';
import type {
  TwoStepNewView,
  TwoStepViewChange,
  ViewConfirmation,
  ViewStart,
  ViewTable,
} from './two-step-types.js';
import type { OrderingScope } from './types.js';

/** What a confirmation is signed for. */
export function digestOfTable(table: ViewTable): Digest {
  const writer = new Writer();
  writeTable(writer, table);
  return sha256(writer.finish());
}

function writeTable(writer: Writer, { low, digests }: ViewTable): void {
  writer.u64(low);
  writer.list(digests, orderingLimits.window, (digest) => writeDigest(writer, digest));
}

function readTable(reader: Reader): ViewTable {
  const low = reader.u64();
  return { low, digests: reader.list(orderingLimits.window, () => readDigest(reader)) };
}

export function writeStart(writer: Writer, { table, confirmations }: ViewStart): void {
  writeTable(writer, table);
  writeShared(writer, confirmations);
}

export function readStart(read: StatementReader): ViewStart {
  return { table: readTable(read.reader), confirmations: read.shared('confirmation') };
}

export function writeConfirmation(writer: Writer, { view, digest }: ViewConfirmation): void {
  writeView(writer, view);
  writeDigest(writer, digest);
}

export function readConfirmation(reader: Reader, scope: OrderingScope): ViewConfirmation {
  const view = readView(reader);
  return { kind: 'confirmation', scope, view, digest: readDigest(reader) };
}

export function writeTwoStepViewChange(writer: Writer, statement: TwoStepViewChange): void {
  const { view, replica, stable, acked, starts, prepared, committed } = statement;
  checkOrder(statement);
  writeView(writer, view);
  writeReplica(writer, replica);
  writer.flag(stable !== null);
  if (stable) writeShared(writer, stable);
  writer.list(acked, orderingLimits.window, (one) => writeSigned(writer, one));
  writer.list(starts, orderingLimits.window, (one) => writeStart(writer, one));
  writer.list(prepared, orderingLimits.window, ({ prePrepare, prepares }) => {
    writeSigned(writer, prePrepare);
    writeShared(writer, prepares);
  });
  writer.list(committed, orderingLimits.window, (one) => writeShared(writer, one));
}

export function readTwoStepViewChange(
  read: StatementReader,
  scope: OrderingScope,
): TwoStepViewChange {
  const { reader } = read;
  const window = orderingLimits.window;
  const view = readView(reader);
  const replica = readReplica(reader);
  const stable = reader.flag() ? read.shared('checkpoint') : null;
  const acked = reader.list(window, () => read.signed('phase'));
  const starts = reader.list(window, () => readStart(read));
  const prepared = reader.list(window, () => {
    const prePrepare = read.signed('phase');
    return { prePrepare, prepares: read.shared('phase') };
  });
  const committed = reader.list(window, () => read.shared('phase'));
  const kind = 'two-step-view-change';
  const fields = { acked, starts, prepared, committed };
  const statement: TwoStepViewChange = { kind, scope, view, replica, stable, ...fields };
  checkOrder(statement);
  return statement;
}

function checkOrder({ acked, starts, prepared, committed }: TwoStepViewChange): void {
  checkRising(acked, ({ statement }) => statement.sequence);
  checkRising(starts, ({ confirmations }) => confirmations.statement.view);
  checkRising(prepared, ({ prePrepare }) => prePrepare.statement.sequence);
  checkRising(committed, ({ statement }) => statement.sequence);
}

export function writeTwoStepNewView(writer: Writer, { view, viewChanges }: TwoStepNewView): void {
  writeView(writer, view);
  checkRising(viewChanges, ({ statement: { replica } }) => replica);
  writer.list(viewChanges, limits.replicas, (one) => writeSigned(writer, one));
}

export function readTwoStepNewView(read: StatementReader, scope: OrderingScope): TwoStepNewView {
  const view = readView(read.reader);
  const viewChanges = read.reader.list(limits.replicas, () => read.signed('two-step-view-change'));
  checkRising(viewChanges, ({ statement: { replica } }) => replica);
  return { kind: 'two-step-new-view', scope, view, viewChanges };
}
