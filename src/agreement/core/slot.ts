import { invariant, type StoredRecord } from '../../kernel/core.js';
import {
  type Digest,
  digest as digestId,
  type ReplicaId,
  transactionId,
  type View,
} from '../../kernel/ids.js';
import type { Signed } from '../../kernel/signed.js';
import {
  type Ballot,
  compareBallots,
  type PeerMessage,
  type PhaseStatement,
  type PreparedCertificate,
  type ReplicaSignature,
  type Slot,
  type SlotKey,
  type SlotResult,
  type SlotValue,
  slotKey,
  type UuidProposal,
} from '../messages.js';
import type { ActivationStatement } from '../statements.js';

/** A pre-prepare together with its value. */
export interface Proposal {
  readonly prePrepare: Signed<PhaseStatement>;
  readonly value: SlotValue;
}

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
}

/** The UUID proposals of one activation slot in one view (Zhao §4.1). */
export interface Gathering {
  readonly view: View;
  /** Known once the primary's ba-pre-prepare is here; replies may be faster. */
  requests: readonly Signed<ActivationStatement>[] | undefined;
  readonly proposals: Map<ReplicaId, Signed<UuidProposal>>;
  /** An update that names replies which are not here yet. */
  update: Update | undefined;
}

export type Update = Extract<PeerMessage, { kind: 'pre-prepare-update' }>;

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
  /** The proposal that this replica voted for, at `vote.ballot`. */
  accepted: Proposal | undefined;
  /** A proposal that cannot be judged, or not be completed, yet. */
  held: Proposal | undefined;
  /** The proposal that this replica has answered with what it lacks, last. */
  answered: string | undefined;
  gathering: Gathering | undefined;
  readonly prepares = new PhaseVotes();
  readonly commits = new PhaseVotes();

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

  /** The requests behind an activation, where a message of its agreement brought them. */
  get requests(): readonly Signed<ActivationStatement>[] | undefined {
    if (this.gathering?.requests) return this.gathering.requests;
    const value = this.accepted?.value;
    return value?.kind === 'activation' ? value.requests : undefined;
  }

  /** Replicas that are known to have voted, for whatever value. */
  get voters(): number {
    return new Set([...this.prepares.replicas(), ...this.commits.replicas()]).size;
  }
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

  /** Signatures under the same statement as `like` (any phase), sorted by replica. */
  matching(like: PhaseStatement): ReplicaSignature[] {
    return [...this.#latest]
      .filter(([, { statement }]) => sameProposal(statement, like))
      .map(([replica, { signature }]) => ({ replica, signature }))
      .sort((a, b) => a.replica - b.replica);
  }

  of(replica: ReplicaId): Signed<PhaseStatement> | undefined {
    return this.#latest.get(replica);
  }

  replicas(): IterableIterator<ReplicaId> {
    return this.#latest.keys();
  }
}

/** Whether two statements speak of the same value at the same ballot of the same slot. */
export function sameProposal(a: PhaseStatement, b: PhaseStatement): boolean {
  return (
    a.digest === b.digest &&
    compareBallots(a.ballot, b.ballot) === 0 &&
    slotKey(a.slot) === slotKey(b.slot) &&
    sameResult(a.result, b.result)
  );
}

/** Whether two results are one. */
export function sameResult(a: SlotResult, b: SlotResult): boolean {
  return a.kind === 'activation'
    ? b.kind === 'activation' && a.tid === b.tid && a.content === b.content
    : b.kind === 'outcome' && a.outcome === b.outcome;
}

/** Reads a slot key as it stands in the store. */
export function slotOf(key: string): Slot {
  const id = key.slice(2);
  return key.startsWith('a:')
    ? { kind: 'activation', request: digestId(id) }
    : { kind: 'outcome', tid: transactionId(id) };
}

/** Stands in the store from a start without any memory on, until what was said before is known. */
const RECOVERING = 'recovering';
/** Stands in the store of every replica that knows what it has said; its value is `silentUpTo`. */
const MEMBER = 'member';
const ABSTAIN = 'abstain/';

/**
 * What the store of a replica holds before its first start, written together with its keys: it has
 * never said anything. Without this it would be taken for one that has lost its disk.
 */
export const newMember: readonly StoredRecord[] = [{ key: MEMBER, value: memberValue(-1) }];

/**
 * What this replica must not vote in, because it may have voted there on a disk that is gone.
 *
 * - While it is recovering: anything.
 * - From then on, slots that others told it of, until they are decided without it.
 * - Activations in the views that it may have been in: a vote that was on its way when the disk was
 *   lost may have reached nobody who could tell. (Of an outcome somebody can: without its activation,
 *   which a quorum committed, there was nothing to vote on.)
 */
export class Abstentions {
  readonly #persist: (key: string, value: Uint8Array | null) => void;
  readonly #slots = new Map<SlotKey, Slot>();
  #recovering = false;
  #silentUpTo = -1;

  constructor(persist: (key: string, value: Uint8Array | null) => void) {
    this.#persist = persist;
  }

  get isRecovering(): boolean {
    return this.#recovering;
  }

  /** In no order. */
  get slots(): Iterable<Slot> {
    return this.#slots.values();
  }

  get size(): number {
    return this.#slots.size;
  }

  /** The last of the views that it may have been in; -1 where it has its memory. */
  get silentUpTo(): number {
    return this.#silentUpTo;
  }

  has(key: SlotKey): boolean {
    return this.#slots.has(key);
  }

  mayVote(slot: Slot, view: View): boolean {
    if (this.#recovering || this.#slots.has(slotKey(slot))) return false;
    return slot.kind === 'outcome' || view > this.#silentUpTo;
  }

  /** An empty store is that of a replica whose disk is gone: a new one has `newMember` in it. */
  restore(records: readonly StoredRecord[]): void {
    const isEmpty = records.length === 0;
    this.#recovering = isEmpty || records.some(({ key }) => key === RECOVERING);
    if (isEmpty) this.#persist(RECOVERING, new Uint8Array());
    for (const { key, value } of records) {
      if (key === MEMBER) this.#silentUpTo = Number(new TextDecoder().decode(value));
      if (!key.startsWith(ABSTAIN)) continue;
      const slot = slotOf(key.slice(ABSTAIN.length));
      this.#slots.set(slotKey(slot), slot);
    }
  }

  /** Enough is known. */
  recovered(open: Iterable<Slot>, silentUpTo: View): void {
    this.#recovering = false;
    this.#silentUpTo = silentUpTo;
    for (const slot of open) {
      this.#slots.set(slotKey(slot), slot);
      this.#persist(`${ABSTAIN}${slotKey(slot)}`, new Uint8Array());
    }
    this.#persist(MEMBER, memberValue(this.#silentUpTo));
    this.#persist(RECOVERING, null);
  }

  /** The slot was decided, by the votes of others, or this replica has to do with it no more. */
  ended(key: SlotKey): void {
    if (this.#slots.delete(key)) this.#persist(`${ABSTAIN}${key}`, null);
  }
}

function memberValue(silentUpTo: number): Uint8Array {
  return new TextEncoder().encode(String(silentUpTo));
}

const PREFIX = 'forgotten/';
/** Forgotten transactions whose proofs a replica still shows, in production. */
export const SHOWN_TRANSACTIONS_MAX = 256;
/** An activation and an outcome. */
const SLOTS_OF_ONE_TRANSACTION = 2;

/**
 * The last decisions that this replica has forgotten. Their proofs stay on disk, and the replica shows them
 * to peers that ask for the slot. It may forget a transaction at once, and its vote may have been the last
 * that it needed: others that voted with it, and that a liar kept another vote from, can learn the decision
 * of no other replica. A proof binds the replica that shows it to nothing.
 *
 * Their number is bounded, and not their age. A quorum that decides later transactions has in it one of those
 * that lack this one, unless these are all `f`; and one that is up asks.
 */
export class ForgottenProofs {
  readonly #slotsMax: number;
  readonly #persist: (key: string, value: Uint8Array | null) => void;
  /** The first that was forgotten comes first. */
  readonly #keys = new Set<SlotKey>();
  /** How many there have ever been: their order outlives a restart. */
  #ever = 0;

  constructor(shownTransactions: number, persist: (key: string, value: Uint8Array | null) => void) {
    this.#slotsMax = SLOTS_OF_ONE_TRANSACTION * shownTransactions;
    this.#persist = persist;
  }

  restore(records: readonly StoredRecord[]): void {
    const stored = records
      .filter(({ key }) => key.startsWith(PREFIX))
      .map(({ key, value }) => ({
        key: key.slice(PREFIX.length) as SlotKey,
        at: Number(new TextDecoder().decode(value)),
      }))
      .sort((a, b) => a.at - b.at);
    for (const { key } of stored) this.#keys.add(key);
    this.#ever = stored.at(-1)?.at ?? 0;
  }

  has(key: SlotKey): boolean {
    return this.#keys.has(key);
  }

  /** The slot's decision is on disk, and this replica takes no part in the slot any more. */
  add(key: SlotKey): void {
    invariant(!this.#keys.has(key), 'a slot that is decided again here is not forgotten');
    this.#ever += 1;
    this.#keys.add(key);
    this.#persist(`${PREFIX}${key}`, new TextEncoder().encode(String(this.#ever)));
    const [oldest] = this.#keys;
    if (this.#keys.size > this.#slotsMax && oldest !== undefined) this.#drop(oldest);
  }

  /** The slot has been learnt again: its decision is the agreement's, and goes when that forgets it. */
  learntAgain(key: SlotKey): void {
    if (this.#keys.delete(key)) this.#persist(`${PREFIX}${key}`, null);
  }

  #drop(key: SlotKey): void {
    this.#keys.delete(key);
    this.#persist(`${PREFIX}${key}`, null);
    this.#persist(`decided/${key}`, null);
  }
}
