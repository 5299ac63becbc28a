import {
  belongsTo,
  oneCorrect,
  type ParticipantId,
  type ReplicaId,
  unreachable,
} from '../kernel/ids.js';
import type { Signed } from '../kernel/signed.js';
import type { Signer, Verifier } from '../kernel/verifier.js';
import { passingsOnMax } from './invitation.js';
import type { UuidProposal } from './messages.js';
import type { InvitationStatement, RegistrationStatement, Statement } from './statements.js';

/** Why something signed is not believed. */
export type VerificationError =
  /** The cluster file names no such party. */
  | { readonly code: 'unknown-signer'; readonly signer: Signer }
  | { readonly code: 'bad-signature'; readonly signer: Signer }
  /** The signature may be good, but the rule calls for another party's. */
  | { readonly code: 'wrong-signer'; readonly signer: Signer; readonly rule: string }
  /** A phase or slot of another kind than belongs here. */
  | { readonly code: 'wrong-kind'; readonly expected: string; readonly found: string }
  /** Too few, or where the number is fixed, too many. */
  | {
      readonly code: 'wrong-count';
      readonly what: string;
      readonly count: number;
      readonly needed: number;
    }
  /** A list that means a set is not sorted, or names a party twice. */
  | { readonly code: 'unordered'; readonly what: string }
  /** Two things that must say the same do not. */
  | { readonly code: 'mismatch'; readonly what: string }
  /** A participant registers without the invitations that it takes. */
  | {
      readonly code: 'uninvited';
      readonly participant: ParticipantId;
      readonly reason: string;
    }
  /** The outcome does not follow from its certificate. */
  | { readonly code: 'unfounded-outcome'; readonly reason: string };

/** What a check found wrong, if anything. Checks chain with `??`, the cheap ones first. */
export type Finding = VerificationError | undefined;

export function mismatchUnless(same: boolean, what: string): Finding {
  return same ? undefined : { code: 'mismatch', what };
}

export function kindUnless<Kind extends string>(expected: Kind, found: Kind): Finding {
  return found === expected ? undefined : { code: 'wrong-kind', expected, found };
}

export function atLeast(needed: number, items: readonly unknown[], what: string): Finding {
  const count = items.length;
  return count >= needed ? undefined : { code: 'wrong-count', what, count, needed };
}

export function exactly(needed: number, items: readonly unknown[], what: string): Finding {
  const count = items.length;
  return count === needed ? undefined : { code: 'wrong-count', what, count, needed };
}

/** Sorted by key, no key twice. */
export function rising(keys: readonly (number | string)[], what: string): Finding {
  const inOrder = keys.every((key, index) => {
    const previous = keys[index - 1];
    return previous === undefined || previous < key;
  });
  return inOrder ? undefined : { code: 'unordered', what };
}

export function distinct(keys: readonly unknown[], what: string): Finding {
  return new Set(keys).size === keys.length ? undefined : { code: 'unordered', what };
}

/** The first finding among the items, in their order; looks no further. */
export function firstFinding<T>(items: readonly T[], check: (item: T) => Finding): Finding {
  for (const item of items) {
    const finding = check(item);
    if (finding !== undefined) return finding;
  }
  return undefined;
}

type Arrival = Pick<RegistrationStatement, 'tid' | 'participant' | 'invitations'>;
type Check = (keyring: Verifier, invitation: Signed<InvitationStatement>) => Finding;

/**
 * Whether a participant is invited to just this transaction: by `f + 1` initiators that allow it alike,
 * or by one participant that is invited itself. A liar among `f` initiators, and a stranger,
 * can bring nobody in. `checkSigned` checks one invitation's own signature.
 */
function checkInvited(
  keyring: Verifier,
  guest: Arrival,
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
  { resilience }: Verifier,
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

/** Statements that name their signer. */
export type SelfNamed = Statement | InvitationStatement | UuidProposal;

export function replicaSigner(id: ReplicaId): Signer {
  return { role: 'replica', id };
}

/** Whether the party that the statement names signed it, and was invited to what it registers for. */
export function checkStatement(keyring: Verifier, signed: Signed<SelfNamed>): Finding {
  const { statement } = signed;
  return (
    checkEnlistment(statement) ??
    checkSignature(keyring, namedSigner(statement), signed) ??
    (statement.kind === 'registration'
      ? checkInvited(keyring, statement, checkStatement)
      : undefined)
  );
}

export function checkSignature(
  keyring: Verifier,
  signer: Signer,
  { bytes, signature }: { readonly bytes: Uint8Array; readonly signature: Uint8Array },
): Finding {
  return (
    checkKnown(keyring, signer) ??
    (keyring.verifies(signer, bytes, signature) ? undefined : { code: 'bad-signature', signer })
  );
}

export function checkKnown(keyring: Verifier, signer: Signer): Finding {
  return !keyring.knows(signer) ? { code: 'unknown-signer', signer } : undefined;
}

/** A participant signs for its own enlistments only, so that none can squat another's id. */
function checkEnlistment(statement: SelfNamed): Finding {
  return 'enlistment' in statement
    ? mismatchUnless(
        belongsTo(statement.enlistment, statement.participant),
        'participant and enlistment id',
      )
    : undefined;
}

function namedSigner(statement: SelfNamed): Signer {
  switch (statement.kind) {
    case 'activation':
    case 'completion':
      return { role: 'initiator', id: statement.initiator };
    case 'registration':
    case 'vote':
    case 'acknowledgement':
      return { role: 'participant', id: statement.participant };
    case 'invitation':
      return statement.inviter;
    case 'proposal':
      return replicaSigner(statement.replica);
    default:
      return unreachable(statement);
  }
}
