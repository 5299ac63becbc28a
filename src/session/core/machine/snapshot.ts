import { type Reader, readAll, Writer } from '../../../kernel/codec/bytes.js';
import {
  checkRising,
  choice,
  readDigest,
  readName,
  readReplica,
  writeDigest,
  writeName,
  writeReplica,
} from '../../../kernel/codec/fields.js';
import { limits } from '../../../kernel/codec/limits.js';
import { type ClientId, clientId, type Digest } from '../../../kernel/ids.js';
import {
  readApplication,
  readCallResult,
  readOperations,
  readTransfers,
  writeApplication,
  writeCallResult,
  writeOperations,
  writeTransfers,
} from '../../run.js';
import { readOrderOutcome, writeOrderOutcome } from '../../statement.js';
import { type SessionId, sessionLimits } from '../../types.js';
import type { Lane, LaneOrder, Lanes } from './lanes.js';
import { encodePages, readPage } from './page-codec.js';
import {
  type SessionEntry,
  type SessionTable,
  tableLimits,
  type WaitingOperation,
} from './session-table.js';
import type { Settling } from './settling.js';

/** What a snapshot is of. */
interface MachineState {
  history: Digest;
  readonly table: SessionTable;
  readonly lanes: Lanes;
  readonly settling: Settling;
}

const waitingState = choice<WaitingOperation['state']>('queued', 'ordered', 'settled');
const nonceBytes = 16;

/**
 * The whole state in parts, the same bytes at every replica: first all but the applications' states, then each
 * of their pages. A page that has not changed is the same array as before.
 */
export function encodeMachine(machine: MachineState): readonly Uint8Array[] {
  const writer = new Writer();
  writeDigest(writer, machine.history);
  writer.u64(machine.table.since);
  writeMany(writer, [...machine.table.forgotten].sort(byName), ([owner, nonce]) => {
    writeName(writer, owner, clientId);
    writer.hex(nonce, nonceBytes);
  });
  writeMany(writer, [...machine.table.values()], (entry) => writeEntry(writer, entry));
  for (const lane of machine.lanes.lanes) writeLane(writer, lane);
  const states = [...machine.settling.states].sort(byName);
  writeMany(writer, states, ([application, texts]) => {
    writeApplication(writer, application);
    writer.u32(texts.pages.all.length);
  });
  return [writer.finish(), ...states.flatMap(([, texts]) => encodePages(texts))];
}

/** Puts what `encodeMachine` wrote in place of the state. */
export function decodeMachine(bytes: Uint8Array, machine: MachineState): void {
  readAll(bytes, (reader) => {
    machine.history = readDigest(reader);
    const since = reader.u64();
    const forgotten = readMany(reader, (): [ClientId, string] => [
      readName(reader, clientId),
      reader.hex(nonceBytes),
    ]);
    machine.table.reset(new Map(forgotten), since);
    for (const entry of readMany(reader, () => readEntry(reader))) machine.table.add(entry);
    for (const lane of machine.lanes.lanes) readLane(reader, lane, machine.lanes);
    const states = readMany(reader, () => [readApplication(reader), reader.u32()] as const);
    for (const [application, pages] of states) {
      const read = Array.from({ length: pages }, () => readPage(reader));
      machine.settling.states.get(application)?.restore(read);
    }
  });
}

function writeEntry(writer: Writer, entry: SessionEntry): void {
  writeDigest(writer, entry.session);
  writeApplication(writer, entry.application);
  writeName(writer, entry.owner, clientId);
  writer.hex(entry.nonce, nonceBytes);
  writer.u64(entry.next);
  writeDigest(writer, entry.head);
  writer.u64(entry.open);
  writer.flag(entry.ended);
  writer.list(entry.positions, tableLimits.positions, (position) => writer.u64(position));
  writer.list(entry.waiting, sessionLimits.openOperations, (one) => writeWaiting(writer, one));
}

function readEntry(reader: Reader): SessionEntry {
  return {
    session: readDigest(reader) as SessionId,
    application: readApplication(reader),
    owner: readName(reader, clientId),
    nonce: reader.hex(nonceBytes),
    next: reader.u64(),
    head: readDigest(reader),
    open: reader.u64(),
    ended: reader.flag(),
    positions: reader.list(tableLimits.positions, () => reader.u64()),
    waiting: reader.list(sessionLimits.openOperations, () => readWaiting(reader)),
  };
}

function writeWaiting(writer: Writer, waiting: WaitingOperation): void {
  writer.u64(waiting.sequence);
  writeDigest(writer, waiting.head);
  waitingState.write(writer, waiting.state);
  switch (waiting.state) {
    case 'queued':
      return writeOperations(writer, [waiting.operation]);
    case 'ordered':
      writeTransfers(writer, waiting.transfers);
      return writer.text(waiting.result, sessionLimits.payloadBytes);
    case 'settled':
      return writeCallResult(writer, waiting.result);
  }
}

function readWaiting(reader: Reader): WaitingOperation {
  const sequence = reader.u64();
  const head = readDigest(reader);
  const state = waitingState.read(reader);
  switch (state) {
    case 'queued': {
      const [operation] = readOperations(reader);
      return { sequence, head, state, operation: operation ?? { kind: 'end' } };
    }
    case 'ordered': {
      const transfers = readTransfers(reader);
      return { sequence, head, state, transfers, result: reader.text(sessionLimits.payloadBytes) };
    }
    case 'settled':
      return { sequence, head, state, result: readCallResult(reader) };
  }
}

function writeLane(writer: Writer, lane: Lane): void {
  writer.u64(lane.count);
  writer.flag(lane.open !== undefined);
  if (lane.open) {
    const reports = [...lane.open.reports].sort(([a], [b]) => a - b);
    writeOrder(writer, lane.open);
    writer.list(reports, limits.replicas, ([replica, outcome]) => {
      writeReplica(writer, replica);
      writeOrderOutcome(writer, outcome);
    });
  }
  writeMany(writer, lane.queue, (order) => writeOrder(writer, order));
}

function readLane(reader: Reader, lane: Lane, { lanes }: Lanes): void {
  lane.count = reader.u64();
  lane.open = undefined;
  if (reader.flag()) {
    const order = readOrder(reader);
    const reports = reader.list(
      limits.replicas,
      () => [readReplica(reader), readOrderOutcome(reader)] as const,
    );
    checkRising(reports, ([replica]) => replica);
    const place = { lane: lanes.indexOf(lane), number: lane.count };
    lane.open = { ...order, ...place, reports: new Map(reports) };
  }
  lane.queue = readMany(reader, () => readOrder(reader));
}

function writeOrder(writer: Writer, order: LaneOrder): void {
  writeDigest(writer, order.session);
  writeReplica(writer, order.submitter);
  writer.list(order.sequences, sessionLimits.openOperations, (sequence) => writer.u64(sequence));
}

function readOrder(reader: Reader): LaneOrder {
  const session = readDigest(reader) as SessionId;
  const submitter = readReplica(reader);
  const sequences = reader.list(sessionLimits.openOperations, () => reader.u64());
  return { session, submitter, sequences };
}

/** A list that may have more items than a list field holds. */
function writeMany<T>(writer: Writer, items: readonly T[], write: (item: T) => void): void {
  writer.u32(items.length);
  for (const item of items) write(item);
}

function readMany<T>(reader: Reader, read: () => T): T[] {
  return Array.from({ length: reader.u32() }, read);
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
