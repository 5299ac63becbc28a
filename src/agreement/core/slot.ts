import {
  type Digest,
  digest as digestId,
  type ReplicaId,
  transactionId,
} from '../../kernel/ids.js';
import { type Signed, signatureOf } from '../../kernel/signed.js';
import {
  type Ballot,
  type ClosingStatement,
  compareBallots,
  type PeerMessage,
  type PhaseStatement,
  type PreparedCertificate,
  type Proposal,
  type ReplicaSignature,
  type Slot,
  type SlotKey,
  sameProposal,
  slotKey,
} from '../messages.js';
import type { ActivationStatement } from '../statements.js';
import {
  acceptedIn,
  answerIn,
  firstSteps,
  type Gathering,
  heldIn,
  requestsIn,
  type SlotEvent,
  type SlotSteps,
  stepsAfter,
} from './slot-steps.js';

/** The highest ballot that this replica voted in, and for what. It never votes lower or twice. */
export interface OwnVote {
  readonly ballot: Ballot;
  readonly digest: Digest;
}

/** What binds this replica in an open slot, now and after a restart. Only `SafetyRules` changes it. */
export interface SafetyData {
  readonly vote: OwnVote | undefined;
  /** The highest prepared certificate known. Only a higher one changes this replica's mind. */
  readonly lock: PreparedCertificate | undefined;
  /** Its last vote at the first attempt of a view (two steps only): others may have been enough to decide with it. */
  readonly bond: Proposal | undefined;
  /** What was decided in two steps. The slot is open until a quorum has committed, which binds later views. */
  readonly early: PhaseStatement | undefined;
}

export type Bonded = Extract<PeerMessage, { kind: 'bonded' }>;

/** What a replica knows of an undecided slot. */
export class SlotState {
  readonly slot: Slot;
  readonly key: SlotKey;
  /** Whether this replica itself has a reason to want the slot decided. */
  wanted = false;
  /** In this view. */
  resends = 0;
  /** Since it was wanted, in whatever views: a view change alone makes nothing new. */
  questions = 0;
  /** Times that this replica has blamed a primary for it, since it was wanted. */
  suspicions = 0;
  readonly #safety: SafetyData;
  #steps = firstSteps;
  readonly prepares = new PhaseVotes();
  readonly commits = new PhaseVotes();
  /** What others have said that binds them, the last of each (two steps only). */
  readonly bonds = new Map<ReplicaId, Bonded>();
  /** With what each replica has closed the transaction, the last of each (two steps only). */
  readonly closings = new Map<ReplicaId, Signed<ClosingStatement>>();

  constructor(slot: Slot, safety: SafetyData) {
    this.slot = slot;
    this.key = slotKey(slot);
    this.#safety = safety;
  }

  get vote(): OwnVote | undefined {
    return this.#safety.vote;
  }

  get lock(): PreparedCertificate | undefined {
    return this.#safety.lock;
  }

  get bond(): Proposal | undefined {
    return this.#safety.bond;
  }

  get early(): PhaseStatement | undefined {
    return this.#safety.early;
  }

  /** Steps on, as the tables of `slot-steps.ts` say. There is no other way. */
  apply(event: SlotEvent): void {
    this.#steps = stepsAfter(this.#steps, event);
  }

  get step(): SlotSteps['step'] {
    return this.#steps.step;
  }

  get gathering(): Gathering {
    return this.#steps.gathering;
  }

  /** The proposal that this replica voted for last since it started, at `vote.ballot`. */
  get accepted(): Proposal | undefined {
    return acceptedIn(this.step);
  }

  /** The same, where it is of the view that this replica is in. */
  get acceptedInView(): Proposal | undefined {
    return this.step.kind === 'earlier-view' ? undefined : this.accepted;
  }

  /** A proposal that this replica cannot judge yet, or must not vote for. */
  get held(): Proposal | undefined {
    return heldIn(this.#steps.unaccepted);
  }

  /** The proposal that this replica has answered with what it lacks, last in this view. */
  get answered(): string | undefined {
    return answerIn(this.#steps.unaccepted);
  }

  /** The requests behind an activation, where a message of its agreement brought them. */
  get requests(): readonly Signed<ActivationStatement>[] | undefined {
    const gathered = requestsIn(this.gathering);
    if (gathered) return gathered;
    const value = this.accepted?.value;
    return value?.kind === 'activation' ? value.requests : undefined;
  }

  /** Replicas that are known to have voted, for whatever value. */
  get voters(): number {
    return new Set([...this.prepares.replicas(), ...this.commits.replicas()]).size;
  }
}

/** Fetches for a slot of which this replica knows nothing but that it voted. */
const QUESTIONS_MAX = 10;

/** What was said of the slot has had to be said again more than once. */
export function isLate({ questions }: SlotState): boolean {
  return questions > 1;
}

/** Nothing that this replica has done for the slot was of any use. */
export function isStale({ questions }: SlotState): boolean {
  return questions > QUESTIONS_MAX;
}

/** The latest vote of each replica in one phase: memory is bounded by the number of replicas. */
class PhaseVotes {
  readonly #latest = new Map<ReplicaId, Signed<PhaseStatement>>();

  /** Keeps the vote unless a later one of that replica is known. */
  add(replica: ReplicaId, signed: Signed<PhaseStatement>): void {
    const known = this.#latest.get(replica);
    if (known && compareBallots(known.statement.ballot, signed.statement.ballot) >= 0) return;
    this.#latest.set(replica, signed);
  }

  /** How many say the same as `like` (any phase). */
  count(like: PhaseStatement): number {
    let count = 0;
    for (const { statement } of this.#latest.values())
      if (sameProposal(statement, like)) count += 1;
    return count;
  }

  /** Signatures under the same statement as `like` (any phase), sorted by replica. */
  matching(like: PhaseStatement): ReplicaSignature[] {
    return [...this.#latest]
      .filter(([, { statement }]) => sameProposal(statement, like))
      .map(([replica, signed]) => signatureOf(replica, signed))
      .sort((a, b) => a.replica - b.replica);
  }

  of(replica: ReplicaId): Signed<PhaseStatement> | undefined {
    return this.#latest.get(replica);
  }

  replicas(): IterableIterator<ReplicaId> {
    return this.#latest.keys();
  }
}

/** Reads a slot key as it stands in the store. */
export function slotOf(key: string): Slot {
  const id = key.slice(2);
  return key.startsWith('a:')
    ? { kind: 'activation', request: digestId(id) }
    : { kind: 'outcome', tid: transactionId(id) };
}
