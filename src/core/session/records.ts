import type { ClusterId, ReplicaId } from '../../vocabulary/ids.js';
import {
  type CallResult,
  type HistoryStatement,
  type OperationOutcome,
  type ReceiptStatement,
  type SessionRun,
  sessionLimits,
} from '../../vocabulary/session.js';
import type { Signed } from '../../vocabulary/statements.js';
import { choice, readReplica, writeReplica } from '../../wire/fields.js';
import { readAll } from '../../wire/reader.js';
import {
  readCallResult,
  readOutcome,
  readRun,
  readSessionSigned,
  writeCallResult,
  writeOutcome,
  writeRun,
} from '../../wire/session/index.js';
import { writeSigned } from '../../wire/signature.js';
import { Writer } from '../../wire/writer.js';
import type { HeldRecord } from './held.js';

/** What is on disk of a run: what this replica simulated and promised must never change. */
export interface StoredRun {
  readonly run: SessionRun;
  readonly from: ReplicaId;
  readonly arrival: number;
  readonly operations: readonly {
    readonly sequence: number;
    readonly result: CallResult;
    readonly receipt: Signed<ReceiptStatement> | undefined;
  }[];
}

export function encodeHeld({ run, from, arrival, operations }: HeldRecord): Uint8Array {
  const writer = new Writer();
  writeRun(writer, run);
  writeReplica(writer, from);
  writer.u64(arrival);
  writer.list(operations, sessionLimits.runOperations, ({ sequence, result, receipt }) => {
    writer.u64(sequence);
    writeCallResult(writer, result);
    writer.flag(receipt !== undefined);
    if (receipt) writeSigned(writer, receipt);
  });
  return writer.finish();
}

export function decodeHeld(cluster: ClusterId, bytes: Uint8Array): StoredRun {
  return readAll(bytes, (reader) => ({
    run: readRun(reader),
    from: readReplica(reader),
    arrival: reader.u64(),
    operations: reader.list(sessionLimits.runOperations, () => ({
      sequence: reader.u64(),
      result: readCallResult(reader),
      receipt: reader.flag() ? readSessionSigned(reader, cluster, 'receipt') : undefined,
    })),
  }));
}

/** What this replica had simulated of an outcome: nothing, the same, or something else. */
export type Simulated = 'nothing' | 'same' | CallResult;

const simulatedKind = choice<'nothing' | 'same' | 'other'>('nothing', 'same', 'other');

/** What is on disk of a position's outcomes; its certificate follows when it is there. */
export interface StoredPosition {
  readonly history: Signed<HistoryStatement>;
  readonly outcomes: readonly {
    readonly outcome: OperationOutcome;
    readonly simulated: Simulated;
  }[];
}

export function encodePosition({ history, outcomes }: StoredPosition): Uint8Array {
  const writer = new Writer();
  writeSigned(writer, history);
  writer.list(outcomes, sessionLimits.outcomes, ({ outcome, simulated }) => {
    writeOutcome(writer, outcome);
    simulatedKind.write(writer, typeof simulated === 'string' ? simulated : 'other');
    if (typeof simulated !== 'string') writeCallResult(writer, simulated);
  });
  return writer.finish();
}

export function decodePosition(cluster: ClusterId, bytes: Uint8Array): StoredPosition {
  return readAll(bytes, (reader) => ({
    history: readSessionSigned(reader, cluster, 'history'),
    outcomes: reader.list(sessionLimits.outcomes, () => {
      const outcome = readOutcome(reader);
      const kind = simulatedKind.read(reader);
      return { outcome, simulated: kind === 'other' ? readCallResult(reader) : kind };
    }),
  }));
}
