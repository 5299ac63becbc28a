import { invariant, type StoredRecord } from '../../kernel/core.js';
import { attempt, type ClusterId, digest, type View, view } from '../../kernel/ids.js';
import type { Sign } from '../../kernel/keys.js';
import type { Signed } from '../../kernel/signed.js';
import { decodePreparedCertificate, encodePreparedCertificate } from '../certificate.js';
import {
  compareBallots,
  type PhaseStatement,
  type PreparedCertificate,
  type Slot,
  type SlotKey,
  type SlotValue,
  sameProposal,
  slotKey,
} from '../messages.js';
import { signStatement } from '../signing.js';
import { type OwnVote, type SafetyData, slotOf } from './slot.js';
import type { Proposal } from './slot-steps.js';

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
  | 'locked';

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

  constructor(options: SafetyRulesOptions) {
    this.#options = options;
  }

  /** Opens the slot. What it returns shows the vote and the lock of this replica there until the slot is closed. */
  open(key: SlotKey): SafetyData {
    const data = this.#data.get(key) ?? { vote: undefined, lock: undefined };
    this.#data.set(key, data);
    return data;
  }

  // What is signed --------------------------------------------------------------------------------

  /** The primary proposes, and thereby votes (Castro and Liskov §4.2; Zhao §4.3 "ba-pre-prepare"). */
  prePrepare(
    proposed: Omit<PhaseStatement, 'kind' | 'phase'>,
    value: SlotValue,
  ): SignedPhase<VoteObjection> {
    return this.#vote({ kind: 'phase', phase: 'pre-prepare', ...proposed }, value);
  }

  /** A backup votes for a proposal (Castro and Liskov §4.2; Zhao §4.3 "ba-prepare"). */
  prepare({ prePrepare, value }: Proposal): SignedPhase<VoteObjection> {
    return this.#vote({ ...prePrepare.statement, phase: 'prepare' }, value);
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
    const { vote, lock } = data;
    if (!this.#isRemembered(value)) return 'forgotten';
    if (!isNotBelowLastVote(vote, statement)) return 'voted-higher';
    if (!isOneVoteABallot(vote, statement)) return 'voted-otherwise';
    if (!this.#isFreeToVote(statement)) return 'abstaining';
    if (!isForLockedValue(lock, statement)) return 'locked';
    return undefined;
  }

  #objectionToCommit(statement: PhaseStatement): CommitObjection | undefined {
    const data = this.#data.get(slotKey(statement.slot));
    if (!data) return 'closed';
    const { vote, lock } = data;
    if (!isForLastVote(vote, statement)) return 'not-its-last-vote';
    if (!isPreparedBy(lock, statement)) return 'not-prepared';
    return this.#isFreeToVote(statement) ? undefined : 'abstaining';
  }

  #vote(statement: PhaseStatement, value: SlotValue): SignedPhase<VoteObjection> {
    const objection = this.objectionTo(statement, value);
    if (objection) return { kind: 'refused', objection };
    const key = slotKey(statement.slot);
    const data = this.#of(key);
    invariant(this.#isRemembered(value), 'a vote is for nothing forgotten');
    invariant(isNotBelowLastVote(data.vote, statement), 'ballots of votes rise');
    invariant(isOneVoteABallot(data.vote, statement), 'one vote a ballot');
    invariant(isForLockedValue(data.lock, statement), 'a vote is for the locked value');
    data.vote = { ballot: statement.ballot, digest: statement.digest };
    this.#options.persist(`${VOTED}${key}`, encodeVote(data.vote));
    return this.#signed(statement);
  }

  #signed(statement: PhaseStatement): SignedPhase<never> {
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
      const prefix = [VOTED, LOCK].find((one) => name.startsWith(one));
      if (!prefix) continue;
      const slot = slotOf(name.slice(prefix.length));
      const key = slotKey(slot);
      if (isDecided(key)) continue;
      if (!slots.has(key)) slots.set(key, slot);
      this.open(key);
      const data = this.#of(key);
      if (prefix === VOTED) data.vote = decodeVote(value);
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
    const { vote, lock } = this.#data.get(slotKey(slot)) ?? {};
    if (lock) return true;
    return vote !== undefined && (slot.kind === 'outcome' || vote.ballot.view >= view);
  }

  /** The slot is closed: it is decided, or refused from now on, or `isBoundIn` says that nothing is lost. */
  close(key: SlotKey): void {
    const { vote, lock } = this.#of(key);
    if (vote) this.#options.persist(`${VOTED}${key}`, null);
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

/** Rule 3: a replica that holds a lock votes for the locked value. */
function isForLockedValue(
  lock: PreparedCertificate | undefined,
  { digest }: PhaseStatement,
): boolean {
  return lock === undefined || lock.prePrepare.statement.digest === digest;
}

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
