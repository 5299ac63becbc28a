import type { AgreementName } from '../../kernel/cluster.js';
import { invariant, type StoredRecord } from '../../kernel/core.js';
import { attempt, type ClusterId, digest, type View, view } from '../../kernel/ids.js';
import type { Sign } from '../../kernel/keys.js';
import type { Signed } from '../../kernel/signed.js';
import {
  decodePreparedCertificate,
  decodeProposal,
  encodePreparedCertificate,
  encodeProposal,
} from '../certificate.js';
import {
  compareBallots,
  type PhaseStatement,
  type PreparedCertificate,
  type Proposal,
  type Slot,
  type SlotKey,
  type SlotValue,
  sameProposal,
  slotKey,
} from '../messages.js';
import { signStatement } from '../signing.js';
import { witnessedIn } from '../values.js';
import { type OwnVote, type SafetyData, slotOf } from './slot.js';

/** Why this replica does not vote for a value at a ballot. */
export type VoteObjection =
  /** The slot is decided here, or refused. */
  | 'closed'
  /** It has forgotten the activation that the value is of. */
  | 'forgotten'
  /** It has voted at a higher ballot. */
  | 'voted-higher'
  /** It has voted for another value at this ballot. */
  | 'voted-otherwise'
  /** It lost its disk, and may have voted in the slot before. */
  | 'abstaining'
  /** It is locked on another value. */
  | 'locked'
  /** Two steps: at the first attempt of a view stands only what a quorum witnessed there. */
  | 'unwitnessed'
  /** Two steps: it has voted for another value at a first attempt, and that may be decided. */
  | 'bonded'
  /** Two steps: another value was decided here. */
  | 'decided-otherwise';

/** Why this replica does not commit a value at a ballot. */
export type CommitObjection =
  | 'closed'
  /** It has voted for nothing, or for something else since. */
  | 'not-its-last-vote'
  /** Its lock is not the prepared certificate of the value at the ballot. */
  | 'not-prepared'
  | 'abstaining';

/** A phase, signed, that may be sent: what it binds this replica to is written first. Or why there is none. */
export type SignedPhase<Objection> =
  | { readonly kind: 'signed'; readonly signed: Signed<PhaseStatement> }
  | { readonly kind: 'refused'; readonly objection: Objection };

export interface SafetyRulesOptions {
  readonly cluster: ClusterId;
  readonly agreement: AgreementName;
  readonly sign: Sign;
  readonly persist: (key: string, value: Uint8Array | null) => void;
  /** The same for what may hold a signature that is not made yet. */
  readonly persistSigned: (key: string, encode: () => Uint8Array) => void;
  /** Whether this replica can be sure that its vote in the view contradicts none that it cast before. */
  readonly mayVote: (slot: Slot, view: View) => boolean;
  readonly isForgotten: (value: SlotValue) => boolean;
}

const VOTED = 'voted/';
const LOCK = 'lock/';
const BOND = 'bond/';

/**
 * The votes and the locks of this replica, and the only place where it signs a phase of a slot. `Agreement` says
 * why the rules are enough.
 *
 * A caller asks for a phase and gets it signed, or the rule that forbids it. Each rule is one function. It is
 * asked for the answer, and once more as an invariant where the vote, the commit or the lock is made: a replica
 * whose answer was wrong stops before it sends anything.
 */
export class SafetyRules {
  readonly #options: SafetyRulesOptions;
  readonly #data = new Map<SlotKey, { -readonly [Field in keyof SafetyData]: SafetyData[Field] }>();
  #windows = 0;

  constructor(options: SafetyRulesOptions) {
    this.#options = options;
  }

  /** Opens the slot. What it returns shows the vote and the lock of this replica there until the slot is closed. */
  open(key: SlotKey): SafetyData {
    const data = this.#data.get(key) ?? { ...nothingSaid };
    this.#data.set(key, data);
    return data;
  }

  // What is signed --------------------------------------------------------------------------------

  /** The primary proposes, and thereby votes (Castro and Liskov §4.2; Zhao §4.3 "ba-pre-prepare"). */
  prePrepare(
    proposed: Omit<PhaseStatement, 'kind' | 'phase'>,
    value: SlotValue,
  ): SignedPhase<VoteObjection> {
    return this.#vote({ kind: 'phase', phase: 'pre-prepare', ...proposed }, value, undefined);
  }

  /** A backup votes for a proposal (Castro and Liskov §4.2; Zhao §4.3 "ba-prepare"). */
  prepare({ prePrepare, value }: Proposal): SignedPhase<VoteObjection> {
    return this.#vote({ ...prePrepare.statement, phase: 'prepare' }, value, prePrepare);
  }

  /** A replica that holds the prepared certificate commits (Castro and Liskov §4.2; Zhao §4.3 "ba-commit"). */
  commit(statement: PhaseStatement): SignedPhase<CommitObjection> {
    const objection = this.#objectionToCommit(statement);
    if (objection) return { kind: 'refused', objection };
    const { vote, lock } = this.#of(slotKey(statement.slot));
    invariant(isForLastVote(vote, statement), 'a commit is at the ballot of the last vote');
    invariant(
      isPreparedBy(lock, statement),
      'a commit rests on the prepared certificate of its ballot',
    );
    return this.#signed({ ...statement, phase: 'commit' });
  }

  /** The first rule that forbids a vote for the value; undefined where this replica may vote for it. */
  objectionTo(statement: PhaseStatement, value: SlotValue): VoteObjection | undefined {
    const data = this.#data.get(slotKey(statement.slot));
    if (!data) return 'closed';
    const { vote } = data;
    const witnessed = this.witnessedIn(value);
    if (!this.#isRemembered(value)) return 'forgotten';
    if (!isNotBelowLastVote(vote, statement)) return 'voted-higher';
    if (!isOneVoteABallot(vote, statement)) return 'voted-otherwise';
    if (!this.#isFreeToVote(statement)) return 'abstaining';
    if (!isForLockedValue(data, statement, witnessed)) return 'locked';
    if (!this.#mayStand(statement, witnessed)) return 'unwitnessed';
    if (!isForBondedValue(data, statement, witnessed)) return 'bonded';
    return isForDecidedValue(data, statement) ? undefined : 'decided-otherwise';
  }

  /** Two steps: the view in which a quorum stated that nothing of earlier views bound them in the slot. */
  witnessedIn(value: SlotValue): View | undefined {
    return this.#isTwoStep ? witnessedIn(value) : undefined;
  }

  /** Whether enough prepares at this ballot decide. */
  isFast({ ballot }: PhaseStatement): boolean {
    return this.#isTwoStep && ballot.attempt === 0;
  }

  get #isTwoStep(): boolean {
    return this.#options.agreement === 'two-step';
  }

  #objectionToCommit(statement: PhaseStatement): CommitObjection | undefined {
    const data = this.#data.get(slotKey(statement.slot));
    if (!data) return 'closed';
    const { vote, lock } = data;
    if (!isForLastVote(vote, statement)) return 'not-its-last-vote';
    if (!isPreparedBy(lock, statement)) return 'not-prepared';
    return this.#isFreeToVote(statement) ? undefined : 'abstaining';
  }

  #vote(
    statement: PhaseStatement,
    value: SlotValue,
    prePrepare: Signed<PhaseStatement> | undefined,
  ): SignedPhase<VoteObjection> {
    const objection = this.objectionTo(statement, value);
    if (objection) return { kind: 'refused', objection };
    const key = slotKey(statement.slot);
    const data = this.#of(key);
    invariant(this.#isRemembered(value), 'a vote is for nothing forgotten');
    invariant(isNotBelowLastVote(data.vote, statement), 'ballots of votes rise');
    invariant(isOneVoteABallot(data.vote, statement), 'one vote a ballot');
    const witnessed = this.witnessedIn(value);
    invariant(isForLockedValue(data, statement, witnessed), 'a vote is for the locked value');
    invariant(this.#mayStand(statement, witnessed), 'what is voted for first is witnessed');
    invariant(isForBondedValue(data, statement, witnessed), 'a vote is for the bonded value');
    invariant(isForDecidedValue(data, statement), 'a vote is for the decided value');
    data.vote = { ballot: statement.ballot, digest: statement.digest };
    this.#options.persist(`${VOTED}${key}`, encodeVote(data.vote));
    const signed = this.#signed(statement);
    if (this.isFast(statement)) this.#bind(key, { prePrepare: prePrepare ?? signed.signed, value });
    return signed;
  }

  /** A vote at a first attempt binds from then on, whatever becomes of it. */
  #bind(key: SlotKey, bond: Proposal): void {
    this.#of(key).bond = bond;
    this.#options.persistSigned(`${BOND}${key}`, () => encodeProposal(bond));
  }

  /** Enough others have shown that what binds this replica in the slot was not decided (`Bonds`). */
  release(key: SlotKey): void {
    const data = this.#of(key);
    const digest = data.bond?.prePrepare.statement.digest;
    invariant(!data.early || data.early.digest !== digest, 'what was decided is not given up');
    data.bond = undefined;
    this.#options.persist(`${BOND}${key}`, null);
  }

  /** The slot was decided in two steps, and stays open. False where that is known. */
  decidedEarly(statement: PhaseStatement): boolean {
    const data = this.#of(slotKey(statement.slot));
    if (data.early) {
      invariant(data.early.digest === statement.digest, 'a slot has one decision');
      return false;
    }
    data.early = statement;
    this.#windows += 1;
    return true;
  }

  /** Slots that were decided in two steps, and in which no quorum has committed yet. */
  get windows(): number {
    return this.#windows;
  }

  #signed(statement: PhaseStatement): Extract<SignedPhase<never>, { kind: 'signed' }> {
    invariant(this.#isFreeToVote(statement), 'nothing is signed in a slot while abstaining');
    const { sign, cluster } = this.#options;
    return { kind: 'signed', signed: signStatement(sign, cluster, statement) };
  }

  // Locks -----------------------------------------------------------------------------------------

  /** Takes the prepared certificate of an open slot as the lock. False where the lock of now is as high. */
  lock(certificate: PreparedCertificate): boolean {
    const key = slotKey(certificate.prePrepare.statement.slot);
    const data = this.#data.get(key);
    if (!data || !isHigherLock(data.lock, certificate)) return false;
    invariant(isHigherLock(data.lock, certificate), 'a lock gives way only to a higher one');
    data.lock = certificate;
    this.#options.persistSigned(`${LOCK}${key}`, () => encodePreparedCertificate(certificate));
    return true;
  }

  /** Whether this replica is locked on just this value, at just this ballot. */
  isLockedAt(statement: PhaseStatement): boolean {
    return isPreparedBy(this.#data.get(slotKey(statement.slot))?.lock, statement);
  }

  // What stays on disk ----------------------------------------------------------------------------

  /** Takes back votes and locks, but for slots that are decided. Returns the slots that they are in. */
  restore(records: readonly StoredRecord[], isDecided: (key: SlotKey) => boolean): Iterable<Slot> {
    const slots = new Map<SlotKey, Slot>();
    for (const { key: name, value } of records) {
      const prefix = [VOTED, LOCK, BOND].find((one) => name.startsWith(one));
      if (!prefix) continue;
      const slot = slotOf(name.slice(prefix.length));
      const key = slotKey(slot);
      if (isDecided(key)) continue;
      if (!slots.has(key)) slots.set(key, slot);
      this.open(key);
      const data = this.#of(key);
      if (prefix === VOTED) data.vote = decodeVote(value);
      else if (prefix === BOND) data.bond = decodeProposal(this.#options.cluster, value);
      else data.lock = decodePreparedCertificate(this.#options.cluster, value);
    }
    return slots.values();
  }

  /**
   * Whether a vote or a lock in the slot has to be remembered while it is undecided. Of an activation a vote
   * without a lock, in an earlier view, may go: any later vote is at a higher ballot. (A vote for an outcome
   * also closes the transaction to registrations.)
   */
  isBoundIn(slot: Slot, view: View): boolean {
    const { vote, lock, bond, early } = this.#data.get(slotKey(slot)) ?? nothingSaid;
    if (lock || bond || early) return true;
    return vote !== undefined && (slot.kind === 'outcome' || vote.ballot.view >= view);
  }

  /** The slot is closed: it is decided, or refused from now on, or `isBoundIn` says that nothing is lost. */
  close(key: SlotKey): void {
    const { vote, lock, bond, early } = this.#of(key);
    if (early) this.#windows -= 1;
    if (vote) this.#options.persist(`${VOTED}${key}`, null);
    if (bond) this.#options.persist(`${BOND}${key}`, null);
    if (lock) this.#options.persist(`${LOCK}${key}`, null);
    this.#data.delete(key);
  }

  #of(key: SlotKey) {
    const data = this.#data.get(key);
    invariant(data !== undefined, 'nothing is signed in a slot that is closed');
    return data;
  }

  // Rules of this replica as a whole; those of a slot follow below ------------------------------------

  /** A replica votes for nothing that it has forgotten: it may have decided that, and dropped its lock. */
  #isRemembered(value: SlotValue): boolean {
    return !this.#options.isForgotten(value);
  }

  /** Two steps: at the first attempt of a view stands only what a quorum witnessed there. */
  #mayStand(statement: PhaseStatement, witnessed: View | undefined): boolean {
    return !this.isFast(statement) || witnessed === statement.ballot.view;
  }

  /** A replica that has lost its disk signs nothing where it may have voted before. */
  #isFreeToVote({ slot, ballot }: PhaseStatement): boolean {
    return this.#options.mayVote(slot, ballot.view);
  }
}

/** Rule 1: a replica votes at rising ballots. It may repeat its last vote. */
function isNotBelowLastVote(vote: OwnVote | undefined, { ballot }: PhaseStatement): boolean {
  return !vote || compareBallots(ballot, vote.ballot) >= 0;
}

/** Rule 1: a replica votes once per ballot. */
function isOneVoteABallot(vote: OwnVote | undefined, statement: PhaseStatement): boolean {
  if (!vote || compareBallots(statement.ballot, vote.ballot) !== 0) return true;
  return vote.digest === statement.digest;
}

/** Rule 2: a replica commits only at the ballot of its last vote. */
function isForLastVote(vote: OwnVote | undefined, statement: PhaseStatement): boolean {
  if (!vote || compareBallots(statement.ballot, vote.ballot) !== 0) return false;
  return vote.digest === statement.digest;
}

/** Rule 2: a replica commits only with the prepared certificate of the ballot as its lock. */
function isPreparedBy(lock: PreparedCertificate | undefined, statement: PhaseStatement): boolean {
  return lock !== undefined && sameProposal(lock.prePrepare.statement, statement);
}

/** Rule 2: a lock gives way only to a prepared certificate of a higher ballot. */
function isHigherLock(lock: PreparedCertificate | undefined, next: PreparedCertificate): boolean {
  const known = lock?.prePrepare.statement.ballot;
  if (known && compareBallots(next.prePrepare.statement.ballot, known) <= 0) return false;
  return true;
}

/**
 * Rule 3: a replica that holds a lock votes for the locked value. Two steps: or for what a quorum witnessed in a later
 * view, for none of a quorum that committed could have witnessed that.
 */
function isForLockedValue(
  { lock }: SafetyData,
  { digest }: PhaseStatement,
  witnessed: View | undefined,
): boolean {
  if (lock === undefined || lock.prePrepare.statement.digest === digest) return true;
  return isLaterThan(lock.prePrepare.statement, witnessed);
}

/**
 * Rule 4, two steps: a replica that has voted at a first attempt votes for that value, or for one that is prepared at that
 * ballot or above, or that a quorum witnessed in a later view.
 */
function isForBondedValue(
  { bond, lock }: SafetyData,
  { digest }: PhaseStatement,
  witnessed: View | undefined,
): boolean {
  const bound = bond?.prePrepare.statement;
  if (bound === undefined || bound.digest === digest || isLaterThan(bound, witnessed)) return true;
  const locked = lock?.prePrepare.statement;
  return locked?.digest === digest && compareBallots(locked.ballot, bound.ballot) >= 0;
}

function isLaterThan({ ballot }: PhaseStatement, witnessed: View | undefined): boolean {
  return witnessed !== undefined && witnessed > ballot.view;
}

/** Two steps: what was decided here stays so while the slot is open. */
function isForDecidedValue({ early }: SafetyData, { digest }: PhaseStatement): boolean {
  return early === undefined || early.digest === digest;
}

const nothingSaid: SafetyData = {
  vote: undefined,
  lock: undefined,
  bond: undefined,
  early: undefined,
};

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function encodeVote({ ballot, digest }: OwnVote): Uint8Array {
  return encoder.encode(`${ballot.view}.${ballot.attempt}.${digest}`);
}

/** Reads what `encodeVote` made. Throws `RangeError` where it is not that. */
function decodeVote(bytes: Uint8Array): OwnVote {
  const [viewText, attemptText, digestText] = decoder.decode(bytes).split('.');
  return {
    ballot: { view: view(Number(viewText)), attempt: attempt(Number(attemptText)) },
    digest: digest(digestText ?? ''),
  };
}
