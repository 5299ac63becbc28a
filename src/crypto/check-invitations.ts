import { passingsOnMax } from '../vocabulary/invitation.js';
import { oneCorrect } from '../vocabulary/quorum.js';
import type {
  InvitationStatement,
  RegistrationStatement,
  Signed,
} from '../vocabulary/statements.js';
import type { Keyring } from './keyring.js';
import { type Finding, firstFinding } from './verification-error.js';

type Guest = Pick<RegistrationStatement, 'tid' | 'participant' | 'invitations'>;
type Check = (keyring: Keyring, invitation: Signed<InvitationStatement>) => Finding;

/**
 * Whether a participant is invited to just this transaction: by `f + 1` initiators that allow it alike,
 * or by one participant that is invited itself. Who lies among `f` initiators, and who is no member,
 * can bring nobody in. `checkSigned` checks one invitation's own signature.
 */
export function checkInvited(
  keyring: Keyring,
  guest: Guest,
  checkSigned: Check,
  passingsOn = passingsOnMax,
): Finding {
  const { tid, participant, invitations } = guest;
  const uninvited = (reason: string): Finding => ({ code: 'uninvited', participant, reason });
  const [first] = invitations;
  if (first === undefined) return uninvited('no invitation');
  if (invitations.some(({ statement }) => statement.tid !== tid)) {
    return uninvited('an invitation to another transaction');
  }
  if (invitations.some(({ statement }) => statement.participant !== participant)) {
    return uninvited('an invitation of another participant');
  }
  const reason =
    first.statement.inviter.role === 'initiator'
      ? initiatorsFault(keyring, invitations)
      : passedOnFault(invitations, passingsOn);
  if (reason !== undefined) return uninvited(reason);
  if (firstFinding(invitations, (invitation) => checkSigned(keyring, invitation)) !== undefined) {
    return uninvited('an invitation that its inviter has not signed');
  }
  const { inviter } = first.statement;
  if (inviter.role === 'initiator') return undefined;
  const host = { tid, participant: inviter.id, invitations: first.statement.invitations };
  return checkInvited(keyring, host, checkSigned, passingsOn - 1);
}

function initiatorsFault(
  { resilience }: Keyring,
  invitations: readonly Signed<InvitationStatement>[],
): string | undefined {
  const needed = oneCorrect(resilience);
  if (invitations.length !== needed) return `${invitations.length} invitations, not ${needed}`;
  let last = -1;
  for (const { statement } of invitations) {
    const { inviter } = statement;
    if (inviter.role !== 'initiator') return 'not all invitations are of initiators';
    if (inviter.id <= last) return 'invitations not of different initiators in their order';
    if (statement.invitations.length > 0) return 'an initiator that shows invitations';
    last = inviter.id;
  }
  const places = new Set(invitations.map(({ statement }) => statement.places));
  return places.size === 1 ? undefined : 'invitations that allow different numbers of enlistments';
}

function passedOnFault(
  invitations: readonly Signed<InvitationStatement>[],
  passingsOn: number,
): string | undefined {
  const [first, another] = invitations;
  if (another !== undefined) return 'more than one invitation, and not of initiators';
  if (passingsOn < 1) return 'an invitation passed on too often';
  const [behind] = first?.statement.invitations ?? [];
  return behind?.statement.places === first?.statement.places
    ? undefined
    : 'an invitation that allows more than its inviter has';
}
