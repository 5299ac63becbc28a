import { readAll, Writer } from '../../kernel/codec/bytes.js';
import { choice, readReplica, writeReplica, writeSigned } from '../../kernel/codec/fields.js';
import type { ClientId, ClusterId, Digest, ReplicaId } from '../../kernel/ids.js';
import type { Signed } from '../../kernel/signed.js';
import { readOutcome, writeOutcome } from '../proof.js';
import { readCallResult, readRun, writeCallResult, writeRun } from '../run.js';
import { readSessionSigned } from '../statement.js';
import {
  type CallResult,
  type HistoryStatement,
  type OperationOutcome,
  type ReceiptStatement,
  type SessionHeader,
  type SessionId,
  type SessionOperation,
  type SessionRun,
  sessionLimits,
  type VerifiedRun,
  type WitnessStatement,
} from '../types.js';
import type { SessionEntry } from './machine/session-table.js';

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

/** An operation that is not final here, with what was said about it. */
export interface HeldOperation {
  readonly sequence: number;
  readonly operation: SessionOperation;
  /** The head before it and after it. */
  readonly before: Digest;
  readonly head: Digest;
  /** As it travels in a run. */
  readonly runBytes: number;
  /** With its result. */
  readonly bytes: number;
  /** The replica that brought it; this one where a client did. */
  readonly from: ReplicaId;
  /** This replica's simulation, and its digest. */
  readonly result: CallResult;
  readonly resultDigest: Digest;
  /** The record that it is stored in. */
  readonly record: HeldRecord;
  /** This replica's promise, if it made one. */
  receipt: Signed<ReceiptStatement> | undefined;
  /** The promises of others. */
  readonly promises: Map<ReplicaId, Signed<ReceiptStatement>>;
  /** Others that simulated the same, and others that did not. */
  readonly witnesses: Map<ReplicaId, Signed<WitnessStatement>>;
  readonly doubts: Set<ReplicaId>;
  isFinal: boolean;
}

/** A run as it came, stored under one key until all that was new in it is final. */
export interface HeldRecord {
  readonly key: string;
  readonly run: SessionRun;
  readonly from: ReplicaId;
  /** Counts up, so that a restart finds the order in which they came. */
  readonly arrival: number;
  readonly operations: HeldOperation[];
}

/** What is handed to the engine of a session; one request at a time. */
export interface EngineSubmission {
  readonly client: ClientId;
  /** Sequence number of its last operation. */
  readonly through: number;
}

/** Whether a run continues what is known of its session. */
export type Fit =
  | { readonly kind: 'fits'; readonly next: number }
  | { readonly kind: 'gap'; readonly next: number }
  | { readonly kind: 'conflict'; readonly sequence: number }
  | { readonly kind: 'ended' };

/** The operations of one session that are not final here. */
export class HeldSession {
  readonly id: SessionId;
  readonly header: SessionHeader;
  /** The replica that brought its first operation here. */
  readonly broughtBy: ReplicaId;
  /** By sequence number, which rises. There is a gap where others brought some into the order. */
  readonly operations = new Map<number, HeldOperation>();
  submission: EngineSubmission | undefined;
  /** How often this replica has handed it in. */
  attempt = 0;
  /** Operations up to this one have been shown to the other replicas. */
  passedOn = 0;
  /** Passing on waits for the order, which was to bring it to all anyway. */
  isPutOff = false;
  /** To be handed in as soon as nothing of it is under way. */
  isDue = false;
  /** Where the owner has signed. */
  readonly #signatures = new Map<number, Uint8Array>();

  constructor(id: SessionId, header: SessionHeader, broughtBy: ReplicaId) {
    this.id = id;
    this.header = header;
    this.broughtBy = broughtBy;
  }

  get last(): HeldOperation | undefined {
    return [...this.operations.values()].at(-1);
  }

  from(sequence: number): readonly HeldOperation[] {
    return [...this.operations.values()].filter((one) => one.sequence >= sequence);
  }

  /** The owner has signed all up to this number. */
  sign(sequence: number, signature: Uint8Array): void {
    if (!this.#signatures.has(sequence)) this.#signatures.set(sequence, signature);
  }

  /** It is final. Returns its record where that is not needed any more. */
  remove(operation: HeldOperation): HeldRecord | undefined {
    const { sequence, record } = operation;
    operation.isFinal = true;
    this.operations.delete(sequence);
    this.#signatures.delete(sequence);
    return record.operations.every(({ isFinal }) => isFinal) ? record : undefined;
  }

  /** Operations from here on as their owner signed them, as many as one run may hold. */
  runFrom(sequence: number): SessionRun | undefined {
    const rest = this.from(sequence);
    const [first] = rest;
    if (first?.sequence !== sequence) return undefined;
    let bytes: number = sessionLimits.certificateBytes;
    let signature: Uint8Array | undefined;
    let count = 0;
    for (const [index, one] of rest.slice(0, sessionLimits.runOperations).entries()) {
      if (one.sequence !== sequence + index) break;
      bytes += one.runBytes;
      // The run that brought the first one fits in any case.
      if (signature && bytes > sessionLimits.runBytes) break;
      const signed = this.#signatures.get(one.sequence);
      if (signed) [signature, count] = [signed, index + 1];
    }
    if (!signature) return undefined;
    const operations = rest.slice(0, count).map(({ operation }) => operation);
    return { header: this.header, first: sequence, before: first.before, operations, signature };
  }
}

/** What the run adds to the session as the order has it and as it is held here. */
export function fitOf(
  { run, session, heads }: VerifiedRun,
  held: HeldSession | undefined,
  entry: SessionEntry | undefined,
): Fit {
  const ordered = entry?.next ?? 1;
  const next = Math.max(ordered, (held?.last?.sequence ?? 0) + 1);
  const headAt = (sequence: number): Digest | undefined => {
    if (sequence === 0) return session;
    if (sequence === ordered - 1) return entry?.head;
    return held?.operations.get(sequence)?.head;
  };
  if (run.first > next) return { kind: 'gap', next };
  const all = [run.before, ...heads];
  const wrong = all.findIndex((head, index) => {
    const known = headAt(run.first - 1 + index);
    return known !== undefined && known !== head;
  });
  if (wrong >= 0) return { kind: 'conflict', sequence: run.first + Math.max(0, wrong - 1) };
  const hasEnded = entry?.ended || held?.last?.operation.kind === 'end';
  if (hasEnded && run.first + heads.length > next) return { kind: 'ended' };
  return { kind: 'fits', next };
}
