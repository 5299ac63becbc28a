import { type Reader, readAll, WireError, Writer } from '../kernel/codec/bytes.js';
import {
  choice,
  readDigest,
  readHeader,
  readName,
  readReplica,
  readSignedAs,
  readTransactionId,
  readView,
  writeDigest,
  writeHeader,
  writeName,
  writeReplica,
  writeTransactionId,
  writeView,
} from '../kernel/codec/fields.js';
import { limits } from '../kernel/codec/limits.js';
import {
  type Attempt,
  type ClusterId,
  clientId,
  enlistmentId,
  type InitiatorId,
  participantId,
  unreachable,
} from '../kernel/ids.js';
import type { Signed } from '../kernel/signed.js';
import { readInvitations, writeInvitations } from './invitation.js';
import type {
  Ballot,
  ClosingStatement,
  PhaseStatement,
  Slot,
  SlotResult,
  UuidProposal,
} from './messages.js';
import type {
  ActivationStatement,
  Decision,
  Outcome,
  Statement,
  TwoPhaseProtocol,
  Vote,
  VoteStatement,
} from './statements.js';

const slotKind = choice<Slot['kind']>('activation', 'outcome');
export const outcome = choice<Outcome>('commit', 'abort');

function writeBallot(writer: Writer, ballot: Ballot): void {
  writeView(writer, ballot.view);
  writer.u32(ballot.attempt);
}

function readBallot(reader: Reader): Ballot {
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
function writeResult(writer: Writer, slot: Slot, result: SlotResult): void {
  if (slot.kind !== result.kind) throw new WireError(`${slot.kind} slot, ${result.kind} result`);
  if (result.kind === 'outcome') return outcome.write(writer, result.outcome);
  writeTransactionId(writer, result.tid);
  writeDigest(writer, result.content);
}

function readResult(reader: Reader, slot: Slot): SlotResult {
  return slot.kind === 'activation'
    ? { kind: slot.kind, tid: readTransactionId(reader), content: readDigest(reader) }
    : { kind: slot.kind, outcome: outcome.read(reader) };
}

/** Statements that hold no other signed statement, but for invitations. */
export type LeafStatement = Statement | UuidProposal | ClosingStatement | PhaseStatement;

const decision = choice<Decision>('commit', 'rollback');
const protocol = choice<TwoPhaseProtocol>('durable', 'volatile');
const vote = choice<Vote>('prepared', 'readOnly', 'aborted');

/** The bytes to sign. */
export function encodeLeaf(cluster: ClusterId, statement: LeafStatement): Uint8Array {
  const writer = new Writer();
  writeHeader(writer, statement.kind === 'phase' ? statement.phase : statement.kind, cluster);
  switch (statement.kind) {
    case 'activation':
      writeActivationRequest(writer, statement);
      writer.u16(statement.initiator);
      break;
    case 'completion':
      writeTransactionId(writer, statement.tid);
      decision.write(writer, statement.decision);
      writer.u16(statement.initiator);
      break;
    case 'registration':
      writeEnlistment(writer, statement);
      protocol.write(writer, statement.protocol);
      writer.text(statement.address, limits.addressBytes);
      writeInvitations(writer, statement.invitations);
      break;
    case 'vote':
      writeEnlistment(writer, statement);
      vote.write(writer, statement.vote);
      break;
    case 'acknowledgement':
      writeEnlistment(writer, statement);
      outcome.write(writer, statement.outcome);
      break;
    case 'proposal':
      writeSlot(writer, statement.slot);
      writeView(writer, statement.view);
      writer.hex(statement.uuid, 16);
      writeReplica(writer, statement.replica);
      break;
    case 'closing':
      writeTransactionId(writer, statement.tid);
      writeView(writer, statement.view);
      writeDigest(writer, statement.enlistments);
      break;
    case 'phase':
      writePhase(writer, statement);
      break;
    default:
      unreachable(statement);
  }
  return writer.finish();
}

/**
 * What the signed bytes say. Throws `WireError` unless they are a statement of this cluster, to the
 * last byte. Invitations in it are parts of the bytes.
 */
export function decodeLeaf(cluster: ClusterId, bytes: Uint8Array): LeafStatement {
  return readAll(
    bytes,
    (reader): LeafStatement => {
      const kind = readHeader(reader, cluster);
      switch (kind) {
        case 'activation':
          return { kind, ...readActivationRequest(reader), initiator: readInitiator(reader) };
        case 'completion':
          return {
            kind,
            tid: readTransactionId(reader),
            decision: decision.read(reader),
            initiator: readInitiator(reader),
          };
        case 'registration':
          return {
            kind,
            ...readEnlistment(reader),
            protocol: protocol.read(reader),
            address: reader.text(limits.addressBytes),
            invitations: readInvitations(reader, cluster),
          };
        case 'vote':
          return { kind, ...readEnlistment(reader), vote: vote.read(reader) };
        case 'acknowledgement':
          return { kind, ...readEnlistment(reader), outcome: outcome.read(reader) };
        case 'proposal':
          return {
            kind,
            slot: readSlot(reader),
            view: readView(reader),
            uuid: reader.hex(16),
            replica: readReplica(reader),
          };
        case 'closing':
          return {
            kind,
            tid: readTransactionId(reader),
            view: readView(reader),
            enlistments: readDigest(reader),
          };
        case 'pre-prepare':
        case 'prepare':
        case 'commit':
          return readPhase(reader, kind);
        case 'invitation':
        case 'view-change':
        case 'new-view':
          throw new WireError(`a ${kind} where none belongs`);
        default:
          return unreachable(kind);
      }
    },
    { mayShare: true },
  );
}

/** What the activation statements of different initiators for one request have in common. */
export function encodeActivationRequest(statement: ActivationStatement): Uint8Array {
  const writer = new Writer();
  writeActivationRequest(writer, statement);
  return writer.finish();
}

/** What names the activation slot of a request. */
export function encodeActivationName({ client, timestamp }: ActivationStatement): Uint8Array {
  const writer = new Writer();
  writeName(writer, client, clientId);
  writer.u64(timestamp);
  return writer.finish();
}

type ActivationRequest = Omit<ActivationStatement, 'kind' | 'initiator'>;

function writeActivationRequest(writer: Writer, request: ActivationRequest): void {
  writeName(writer, request.client, clientId);
  writer.u64(request.timestamp);
  writeDigest(writer, request.request);
  writer.u64(request.expiresMs);
}

function readActivationRequest(reader: Reader): ActivationRequest {
  return {
    client: readName(reader, clientId),
    timestamp: reader.u64(),
    request: readDigest(reader),
    expiresMs: reader.u64(),
  };
}

function readInitiator(reader: Reader): InitiatorId {
  return reader.u16() as InitiatorId;
}

type Enlistment = Pick<VoteStatement, 'tid' | 'participant' | 'enlistment'>;

function writeEnlistment(writer: Writer, of: Enlistment): void {
  writeTransactionId(writer, of.tid);
  writeName(writer, of.participant, participantId);
  writeName(writer, of.enlistment, enlistmentId);
}

function readEnlistment(reader: Reader): Enlistment {
  return {
    tid: readTransactionId(reader),
    participant: readName(reader, participantId),
    enlistment: readName(reader, enlistmentId),
  };
}

function writePhase(writer: Writer, statement: PhaseStatement): void {
  writeSlot(writer, statement.slot);
  writeBallot(writer, statement.ballot);
  writeDigest(writer, statement.digest);
  writeResult(writer, statement.slot, statement.result);
}

function readPhase(reader: Reader, phase: PhaseStatement['phase']): PhaseStatement {
  const slot = readSlot(reader);
  return {
    kind: 'phase',
    phase,
    slot,
    ballot: readBallot(reader),
    digest: readDigest(reader),
    result: readResult(reader, slot),
  };
}

export type LeafOf<Kind extends LeafStatement['kind']> = Extract<LeafStatement, { kind: Kind }>;

/** A signed statement that is no view change or new view, of one of the kinds. */
export function readSigned<Kind extends LeafStatement['kind']>(
  reader: Reader,
  cluster: ClusterId,
  ...kinds: readonly Kind[]
): Signed<LeafOf<Kind>> {
  return readSignedAs(reader, (bytes) => decodeLeafOf(cluster, bytes, kinds));
}

export function decodeLeafOf<Kind extends LeafStatement['kind']>(
  cluster: ClusterId,
  bytes: Uint8Array,
  kinds: readonly Kind[],
): LeafOf<Kind> {
  const statement = decodeLeaf(cluster, bytes);
  if (!isOneOf(statement, kinds)) throw new WireError(`a ${statement.kind} where none belongs`);
  return statement;
}

function isOneOf<Kind extends LeafStatement['kind']>(
  statement: LeafStatement,
  kinds: readonly Kind[],
): statement is LeafOf<Kind> {
  return (kinds as readonly LeafStatement['kind'][]).includes(statement.kind);
}
