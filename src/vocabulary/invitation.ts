import type { ParticipantId } from './ids.js';
import type { InvitationStatement, RegistrationStatement, Signed } from './statements.js';

/** Enlistments of one transaction, all participants together: what one certificate may hold. */
export const enlistmentsMax = 256;
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
