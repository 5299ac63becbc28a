import {
  type ClusterId,
  type InitiatorId,
  type ParticipantId,
  participantId,
} from '../vocabulary/ids.js';
import { passingsOnMax, placesMax } from '../vocabulary/invitation.js';
import type { InvitationStatement, Inviter, Signed } from '../vocabulary/statements.js';
import { WireError } from './error.js';
import { choice, readName, readTransactionId, writeName, writeTransactionId } from './fields.js';
import { readHeader, writeHeader } from './header.js';
import { limits } from './limits.js';
import { type Reader, readAll } from './reader.js';
import { readSignedAs, writeSigned } from './signature.js';
import { Writer } from './writer.js';

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
  return readAll(bytes, (reader) => {
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
  });
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
