import { type Reader, readAll, WireError, Writer } from '../kernel/codec/bytes.js';
import {
  choice,
  readHeader,
  readName,
  readSignedAs,
  readTransactionId,
  writeHeader,
  writeName,
  writeSigned,
  writeTransactionId,
} from '../kernel/codec/fields.js';
import { enlistmentsMax, limits } from '../kernel/codec/limits.js';
import {
  type ClusterId,
  type InitiatorId,
  type ParticipantId,
  participantId,
} from '../kernel/ids.js';
import type { Signed } from '../kernel/signed.js';
import type { InvitationStatement, Inviter, RegistrationStatement } from './statements.js';

/** The most enlistments that one invitation may allow: no participant needs more accounts at once. */
export const placesMax = 64;
/** How often an invitation is passed on at most: each time makes every registration longer. */
export const passingsOnMax = 2;

/** The participant that initiators invited, and how many enlistments they allow it. */
export interface Host {
  readonly participant: ParticipantId;
  readonly places: number;
}

type Guest = Pick<RegistrationStatement, 'participant' | 'invitations'>;

/**
 * In whose places a registration is: its participant's own where initiators invited it, else those of
 * the participant that passed the context on. Means something only once the invitations are checked.
 */
export function hostOf({ participant, invitations }: Guest): Host {
  const [first] = invitations;
  if (first === undefined) return { participant, places: 0 };
  const { inviter, places, invitations: behind } = first.statement;
  if (inviter.role === 'initiator') return { participant, places };
  return hostOf({ participant: inviter.id, invitations: behind });
}

/** Whether a host has as many of the registrations as its initiators allow it, or more. */
export function isFull(
  registrations: Iterable<Signed<RegistrationStatement>>,
  { participant, places }: Host,
): boolean {
  let taken = 0;
  for (const { statement } of registrations) {
    if (hostOf(statement).participant === participant) taken += 1;
  }
  return taken >= places;
}

/**
 * How many enlistments initiators allow a participant, given how often each one is called: as many as
 * it is called, and an even share of what is left. The places of all are never more than there are, so
 * a participant that fills its own takes none of another's.
 */
export function placesOf(
  participant: ParticipantId,
  called: readonly ParticipantId[],
): InvitationStatement['places'] {
  const own = called.filter((other) => other === participant).length;
  const spare = Math.max(0, enlistmentsMax - called.length);
  return Math.min(placesMax, own + Math.floor(spare / new Set(called).size));
}

/**
 * The same where more may be called than has been: as often as the participant was called so far, and an even share of
 * what would be left if each of `callsMax` calls were at another participant.
 */
export function placesSoFar(
  participant: ParticipantId,
  called: readonly ParticipantId[],
  callsMax: number,
): InvitationStatement['places'] {
  const own = called.filter((other) => other === participant).length;
  const spare = Math.max(0, enlistmentsMax - callsMax);
  return Math.min(placesMax, own + Math.floor(spare / Math.max(1, callsMax)));
}

const inviterRole = choice<Inviter['role']>('initiator', 'participant');

/** The bytes to sign. They hold the inviter's own invitations in full. */
export function encodeInvitation(cluster: ClusterId, statement: InvitationStatement): Uint8Array {
  checkPlaces(statement.places);
  const writer = new Writer();
  writeHeader(writer, 'invitation', cluster);
  writeTransactionId(writer, statement.tid);
  writeName(writer, statement.participant, participantId);
  writer.u8(statement.places);
  writeInviter(writer, statement.inviter);
  writeInvitations(writer, statement.invitations);
  return writer.finish();
}

/** Throws `WireError` for an invitation that was passed on more than `passingsOn` times. */
export function decodeInvitation(
  cluster: ClusterId,
  bytes: Uint8Array,
  passingsOn = passingsOnMax,
): InvitationStatement {
  return readAll(
    bytes,
    (reader) => {
      const kind = readHeader(reader, cluster);
      if (kind !== 'invitation') throw new WireError(`a ${kind} where none belongs`);
      const statement: InvitationStatement = {
        kind,
        tid: readTransactionId(reader),
        participant: readName(reader, participantId),
        places: reader.u8(),
        inviter: readInviter(reader),
        invitations: readInvitations(reader, cluster, passingsOn - 1),
      };
      checkPlaces(statement.places);
      return statement;
    },
    { mayShare: true },
  );
}

export function writeInvitations(
  writer: Writer,
  invitations: readonly Signed<InvitationStatement>[],
): void {
  writer.list(invitations, limits.replicas, (invitation) => writeSigned(writer, invitation));
}

export function readInvitations(
  reader: Reader,
  cluster: ClusterId,
  passingsOn = passingsOnMax,
): Signed<InvitationStatement>[] {
  return reader.list(limits.replicas, () => {
    if (passingsOn < 0) throw new WireError('an invitation passed on too often');
    return readSignedAs(reader, (bytes) => decodeInvitation(cluster, bytes, passingsOn));
  });
}

function checkPlaces(places: number): void {
  if (places < 1 || places > placesMax) throw new WireError(`places not 1 to ${placesMax}`);
}

function writeInviter(writer: Writer, inviter: Inviter): void {
  inviterRole.write(writer, inviter.role);
  if (inviter.role === 'initiator') writer.u16(inviter.id);
  else writeName(writer, inviter.id, participantId);
}

function readInviter(reader: Reader): Inviter {
  const role = inviterRole.read(reader);
  return role === 'initiator'
    ? { role, id: reader.u16() as InitiatorId }
    : { role, id: readName(reader, participantId) as ParticipantId };
}
