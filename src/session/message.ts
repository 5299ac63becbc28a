import {
  checkKnown,
  checkSignature,
  type Finding,
  firstFinding,
  mismatchUnless,
  replicaSigner,
  type VerificationError,
} from '../agreement/check-signature.js';
import { type Reader, readAll, WireError, Writer } from '../kernel/codec/bytes.js';
import { checkRising, choice, writeSigned } from '../kernel/codec/fields.js';
import {
  type Brand,
  type ClusterId,
  failed,
  ok,
  type ReplicaId,
  type Result,
  unreachable,
} from '../kernel/ids.js';
import type { Keyring } from '../kernel/keys.js';
import type { Signed } from '../kernel/signed.js';
import { checkSessionCertificate, OutcomeTree } from './check-proof.js';
import { type Owners, verifyRun } from './owners.js';
import {
  readOutcome,
  readSessionCertificate,
  writeOutcome,
  writeSessionCertificate,
} from './proof.js';
import {
  readCount,
  readRun,
  readSessionId,
  sessionWireLimits,
  writeCount,
  writeRun,
  writeSessionId,
} from './run.js';
import { readLane, readSessionSigned, readSubject, writeLane, writeSubject } from './statement.js';
import {
  type AttestationStatement,
  type HistoryStatement,
  type OperationOutcome,
  type OrderReportStatement,
  type OrderStatement,
  type ReceiptStatement,
  type SessionCertificate,
  type SessionId,
  type SessionRun,
  sessionLimits,
  type VerifiedRun,
  type WitnessStatement,
} from './types.js';

/** What replicas send each other about sessions. The link identifies the sender. */
export type SessionMessage =
  /** Operations that the sender has promised to order: keep them, simulate them, say what came out. */
  | {
      readonly kind: 'run';
      readonly run: SessionRun;
      /** Of operations in the run; in the order of their numbers. */
      readonly receipts: readonly Signed<ReceiptStatement>[];
    }
  | { readonly kind: 'witness'; readonly witnesses: readonly Signed<WitnessStatement>[] }
  | { readonly kind: 'history'; readonly history: Signed<HistoryStatement> }
  /** A position's outcomes with their proof. */
  | {
      readonly kind: 'final';
      readonly outcomes: readonly OperationOutcome[];
      readonly certificate: SessionCertificate<HistoryStatement>;
    }
  /** The proof of a position's outcomes, for those that have come to them themselves. */
  | { readonly kind: 'certificate'; readonly certificate: SessionCertificate<HistoryStatement> }
  | { readonly kind: 'order'; readonly order: Signed<OrderStatement> }
  | { readonly kind: 'attest'; readonly subject: AttestationStatement['subject'] }
  | { readonly kind: 'attestation'; readonly attestation: Signed<AttestationStatement> }
  /** The sender lacks something: say it, or say it again. */
  | { readonly kind: 'fetch'; readonly what: SessionFetch };

export type SessionFetch =
  /** The session's operations from `next` on. */
  | { readonly kind: 'run'; readonly session: SessionId; readonly next: number }
  | { readonly kind: 'final'; readonly position: number }
  | { readonly kind: 'order'; readonly lane: number; readonly number: number };

export type SessionMessageKind = SessionMessage['kind'];

/** A message whose sender and signatures have been checked; made by `verifySessionMessage` only. */
export type VerifiedSessionMessage = Brand<
  {
    readonly from: ReplicaId;
    readonly message: SessionMessage;
    /** What a `run` holds. */
    readonly run?: VerifiedRun;
  },
  'VerifiedSessionMessage'
>;

/** What the engine orders for sessions: the payload of an `OrderingRequest`. */
export type SessionRequest =
  | {
      readonly kind: 'run';
      readonly run: SessionRun;
      /** The replica that hands it in, and for which time: so that each such request is another. */
      readonly submitter: ReplicaId;
      readonly attempt: number;
    }
  | { readonly kind: 'report'; readonly report: Signed<OrderReportStatement> };

const messageKind = choice<SessionMessageKind>(
  'run',
  'witness',
  'history',
  'final',
  'order',
  'attest',
  'attestation',
  'fetch',
  'certificate',
);
const fetchKind = choice<SessionFetch['kind']>('run', 'final', 'order');

/** Throws `WireError` for a message that no peer would accept. */
export function encodeSessionMessage(message: SessionMessage): Uint8Array {
  const writer = new Writer();
  messageKind.write(writer, message.kind);
  writeContent(writer, message);
  const bytes = writer.finish();
  checkSize(bytes);
  return bytes;
}

/** Throws `WireError` unless the bytes are a message of this cluster; checks no signature. */
export function decodeSessionMessage(cluster: ClusterId, bytes: Uint8Array): SessionMessage {
  checkSize(bytes);
  return readAll(bytes, (reader) => readContent(reader, cluster, messageKind.read(reader)));
}

function writeContent(writer: Writer, message: SessionMessage): void {
  const { runOperations } = sessionLimits;
  switch (message.kind) {
    case 'run':
      writeRun(writer, message.run);
      checkRising(message.receipts, ({ statement }) => statement.sequence);
      return writer.list(message.receipts, runOperations, (one) => writeSigned(writer, one));
    case 'witness':
      checkRising(message.witnesses, ({ statement }) => statement.sequence);
      return writer.list(message.witnesses, runOperations, (one) => writeSigned(writer, one));
    case 'history':
      return writeSigned(writer, message.history);
    case 'final':
      writer.list(message.outcomes, sessionLimits.outcomes, (one) => writeOutcome(writer, one));
      return writeSessionCertificate(writer, message.certificate);
    case 'certificate':
      return writeSessionCertificate(writer, message.certificate);
    case 'order':
      return writeSigned(writer, message.order);
    case 'attest':
      return writeSubject(writer, message.subject);
    case 'attestation':
      return writeSigned(writer, message.attestation);
    case 'fetch':
      return writeFetch(writer, message.what);
    default:
      return unreachable(message);
  }
}

function readContent(reader: Reader, cluster: ClusterId, kind: SessionMessageKind): SessionMessage {
  const { runOperations } = sessionLimits;
  switch (kind) {
    case 'run': {
      const run = readRun(reader);
      const receipts = reader.list(runOperations, () =>
        readSessionSigned(reader, cluster, 'receipt'),
      );
      checkRising(receipts, ({ statement }) => statement.sequence);
      return { kind, run, receipts };
    }
    case 'witness': {
      const witnesses = reader.list(runOperations, () =>
        readSessionSigned(reader, cluster, 'witness'),
      );
      checkRising(witnesses, ({ statement }) => statement.sequence);
      return { kind, witnesses };
    }
    case 'history':
      return { kind, history: readSessionSigned(reader, cluster, 'history') };
    case 'final': {
      const outcomes = reader.list(sessionLimits.outcomes, () => readOutcome(reader));
      return { kind, outcomes, certificate: readSessionCertificate(reader, cluster, 'history') };
    }
    case 'certificate':
      return { kind, certificate: readSessionCertificate(reader, cluster, 'history') };
    case 'order':
      return { kind, order: readSessionSigned(reader, cluster, 'order') };
    case 'attest':
      return { kind, subject: readSubject(reader) };
    case 'attestation':
      return { kind, attestation: readSessionSigned(reader, cluster, 'attestation') };
    case 'fetch':
      return { kind, what: readFetch(reader) };
    default:
      return unreachable(kind);
  }
}

function writeFetch(writer: Writer, what: SessionFetch): void {
  fetchKind.write(writer, what.kind);
  switch (what.kind) {
    case 'run':
      writeSessionId(writer, what.session);
      return writeCount(writer, what.next);
    case 'final':
      return writeCount(writer, what.position);
    case 'order':
      writeLane(writer, what.lane);
      return writeCount(writer, what.number);
    default:
      return unreachable(what);
  }
}

function readFetch(reader: Reader): SessionFetch {
  const kind = fetchKind.read(reader);
  switch (kind) {
    case 'run': {
      const session = readSessionId(reader);
      return { kind, session, next: readCount(reader) };
    }
    case 'final':
      return { kind, position: readCount(reader) };
    case 'order': {
      const lane = readLane(reader);
      return { kind, lane, number: readCount(reader) };
    }
    default:
      return unreachable(kind);
  }
}

function checkSize(bytes: Uint8Array): void {
  if (bytes.length > sessionWireLimits.messageBytes) {
    throw new WireError(`message of more than ${sessionWireLimits.messageBytes} bytes`);
  }
}

/**
 * Checks everything in a message that the link says came from `from`: each signature, and that the parts
 * fit together. Whether it fits the receiver's state is the core's to judge.
 */
export function verifySessionMessage(
  keyring: Keyring,
  owners: Owners,
  from: ReplicaId,
  message: SessionMessage,
): Result<VerifiedSessionMessage, VerificationError> {
  const unknown = checkKnown(keyring, replicaSigner(from));
  if (unknown) return failed(unknown);
  if (message.kind !== 'run') {
    const finding = checkMessage(keyring, from, message);
    return finding ? failed(finding) : ok({ from, message } as VerifiedSessionMessage);
  }
  const run = verifyRun(owners, message.run);
  if (!run.ok) return run;
  const finding = firstFinding(message.receipts, (receipt) =>
    checkReceiptOf(keyring, from, run.value, receipt),
  );
  return finding
    ? failed(finding)
    : ok({ from, message, run: run.value } as unknown as VerifiedSessionMessage);
}

function checkReceiptOf(
  keyring: Keyring,
  from: ReplicaId,
  { run, session, heads }: VerifiedRun,
  receipt: Signed<ReceiptStatement>,
): Finding {
  const { statement } = receipt;
  return (
    mismatchUnless(
      statement.replica === from &&
        statement.session === session &&
        statement.head === heads[statement.sequence - run.first],
      'run and receipt',
    ) ?? checkSignature(keyring, replicaSigner(from), receipt)
  );
}

function checkMessage(
  keyring: Keyring,
  from: ReplicaId,
  message: Exclude<SessionMessage, { readonly kind: 'run' }>,
): Finding {
  const signer = replicaSigner(from);
  switch (message.kind) {
    case 'witness':
      return firstFinding(
        message.witnesses,
        (witness) =>
          mismatchUnless(witness.statement.replica === from, 'witness and sender') ??
          checkSignature(keyring, signer, witness),
      );
    case 'history':
      return checkSignature(keyring, signer, message.history);
    case 'final': {
      const { outcomes, certificate } = message;
      const isWhole =
        outcomes.length > 0 && new OutcomeTree(outcomes).root === certificate.statement.root;
      return (
        mismatchUnless(isWhole, 'outcomes and history') ??
        checkSessionCertificate(keyring, certificate)
      );
    }
    case 'certificate':
      return checkSessionCertificate(keyring, message.certificate);
    case 'order':
      return checkSignature(keyring, signer, message.order);
    case 'attestation':
      return checkSignature(keyring, signer, message.attestation);
    case 'attest':
    case 'fetch':
      return undefined;
    default:
      return unreachable(message);
  }
}
