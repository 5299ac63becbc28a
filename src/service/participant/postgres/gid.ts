import { digestOfText } from '../../../kernel/digest.js';
import type { ParticipantId } from '../../../kernel/ids.js';
import type { EnlistmentRef } from '../../../transaction/participant/messages.js';

/** PostgreSQL takes no global identifier of more bytes (GIDSIZE, with its final zero byte). */
const gidBytesMax = 199;
/** PostgreSQL cuts a longer `application_name` (NAMEDATALEN, with its final zero byte). */
const applicationNameBytesMax = 63;

/** What the global identifiers of a participant begin with. No name has a colon: no prefix begins another one. */
export function prefixOf(participant: ParticipantId): string {
  return `concordat:${participant}:`;
}

/**
 * The global identifier of one call's transaction: `concordat:PARTICIPANT:TRANSACTION:ENLISTMENT`, and the SHA-256 of
 * the enlistment where that is too long. All of it is ASCII, and needs no quoting in SQL.
 */
export function gidOf(participant: ParticipantId, { tid, enlistment }: EnlistmentRef): string {
  const start = `${prefixOf(participant)}${tid}:`;
  const gid = `${start}${enlistment}`;
  return gid.length <= gidBytesMax ? gid : `${start}${digestOfText(enlistment)}`;
}

/** What connections of a participant are called in `pg_stat_activity`. */
export function applicationNameOf(participant: ParticipantId): string {
  const name = `concordat:${participant}`;
  if (name.length <= applicationNameBytesMax) return name;
  return `concordat:${digestOfText(participant)}`.slice(0, applicationNameBytesMax);
}
