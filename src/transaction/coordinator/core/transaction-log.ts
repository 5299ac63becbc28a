import type { DecisionProof, Slot, SlotKey } from '../../../agreement/messages.js';
import { decodeSignedStatement, encodeSigned } from '../../../agreement/signing.js';
import type { RegistrationStatement } from '../../../agreement/statements.js';
import { invariant, type StoredRecord } from '../../../kernel/core.js';
import {
  type ClientId,
  type ClusterId,
  clientPrincipal,
  type Resilience,
  type TransactionId,
} from '../../../kernel/ids.js';
import type { Verified } from '../../../kernel/signed.js';
import { type Floors, namedBy } from './floors.js';
import {
  closedKey,
  evidenceKeys,
  finishedKey,
  finishedUnder,
  isRegistrationKey,
  overdueKey,
  registrationKey,
} from './keys.js';
import { CoordinatorTransaction } from './transaction.js';

/**
 * Counts the transactions that are not decided, and the activations that this replica takes part in and that are to
 * become such: each activation asks how many there are.
 */
export class Undecided {
  readonly #principals = new Map<TransactionId | SlotKey, string>();
  readonly #counts = new Map<string, number>();
  #isFreed = false;

  /** Of all clients, and of this client's principal. */
  of(client: ClientId): { readonly all: number; readonly own: number } {
    const own = this.#counts.get(clientPrincipal(client)) ?? 0;
    return { all: this.#principals.size, own };
  }

  /** Whether the activation has a place. */
  has(slot: SlotKey): boolean {
    return this.#principals.has(slot);
  }

  /** Whether places have been given back since this was asked. */
  takeFreed(): boolean {
    const isFreed = this.#isFreed;
    this.#isFreed = false;
    return isFreed;
  }

  /** The activation has a place, until its slot is closed. */
  expected(slot: SlotKey, client: ClientId): void {
    if (!this.has(slot)) this.#add(slot, clientPrincipal(client));
  }

  created({ tid, activation }: CoordinatorTransaction): void {
    this.#add(tid, clientPrincipal(activation.client));
  }

  /** It is decided, or forgotten; or the slot of an activation is closed. */
  ended(what: TransactionId | SlotKey): void {
    const principal = this.#principals.get(what);
    if (principal === undefined) return;
    this.#isFreed = true;
    this.#principals.delete(what);
    const left = (this.#counts.get(principal) ?? 0) - 1;
    if (left > 0) this.#counts.set(principal, left);
    else this.#counts.delete(principal);
  }

  #add(what: TransactionId | SlotKey, principal: string): void {
    this.#principals.set(what, principal);
    this.#counts.set(principal, (this.#counts.get(principal) ?? 0) + 1);
  }
}

export interface TransactionLogOptions {
  readonly cluster: ClusterId;
  readonly resilience: Resilience;
  /** Finished transactions whose outcome is kept for late questions. */
  readonly retainedTransactions: number;
  readonly persist: (key: string, value: Uint8Array | null) => void;
  /** A slot that nobody will ask for again. */
  readonly forget: (slot: Slot) => void;
  readonly floors: Floors;
  /** Whether this replica takes no part in the transaction's outcome. */
  readonly isSilentIn: (tid: TransactionId) => boolean;
}

/** The transactions on record at one replica: the open ones, and the last that have finished. */
export class TransactionLog {
  readonly #options: TransactionLogOptions;
  readonly #transactions = new Map<TransactionId, CoordinatorTransaction>();
  /** The one that finished first comes first. */
  readonly #finished = new Set<TransactionId>();
  /** Undecided ones, and what is to become one. */
  readonly undecided = new Undecided();
  /** How many have ever finished here: their order outlives a restart. */
  #finishedEver = 0;

  constructor(options: TransactionLogOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#transactions.size;
  }

  /** How many were forgotten since this process started. */
  forgotten = 0;

  get(tid: TransactionId): CoordinatorTransaction | undefined {
    return this.#transactions.get(tid);
  }

  has(tid: TransactionId): boolean {
    return this.#transactions.has(tid);
  }

  values(): IterableIterator<CoordinatorTransaction> {
    return this.#transactions.values();
  }

  /** Outcomes that this replica does not know. */
  *undecidedSlots(): Generator<Slot> {
    for (const { tid, decision } of this.#transactions.values()) {
      if (!decision) yield { kind: 'outcome', tid };
    }
  }

  /** Activations and outcomes of what is not over. */
  *openSlots(): Generator<Slot> {
    for (const [tid, transaction] of this.#transactions) {
      if (!this.#finished.has(tid)) yield* slotsOf(transaction);
    }
  }

  /** Activations and outcomes of what is over, in the order in which it ended. */
  *finishedSlots(): Generator<Slot> {
    for (const tid of this.#finished) {
      const transaction = this.#transactions.get(tid);
      if (transaction) yield* slotsOf(transaction);
    }
  }

  /**
   * The coordinator object of Zhao §2.2. A known id is refused: nobody can revive a transaction. `hadVote`:
   * this replica had a vote or a lock in the activation's slot, and so has not forgotten it.
   */
  create({ value, commits }: DecisionProof, hadVote: boolean): CoordinatorTransaction | undefined {
    const { result, slot } = commits.statement;
    if (value.kind !== 'activation' || slot.kind !== 'activation') return undefined;
    if (result.kind !== 'activation') return undefined;
    const { requests } = value;
    const { tid } = result;
    if (this.#transactions.has(tid)) return undefined;
    const { resilience, floors, isSilentIn } = this.#options;
    const isForgotten = !hadVote && floors.isForgotten(namedBy(requests));
    invariant(!isForgotten || isSilentIn(tid), 'nothing forgotten is created to take part in');
    const transaction = new CoordinatorTransaction(tid, slot.request, requests, resilience);
    this.#transactions.set(tid, transaction);
    this.undecided.created(transaction);
    floors.activated(transaction.activation);
    return transaction;
  }

  /**
   * Its time has run out here. That is durable: among replicas that restart again and again each has to see
   * its time run out once, and not all of them at the same moment.
   */
  ranOut(transaction: CoordinatorTransaction): void {
    if (transaction.overdue) return;
    transaction.overdue = true;
    this.#options.persist(overdueKey(transaction.tid), new Uint8Array());
  }

  /**
   * This replica takes no registrations for it any more. That is durable before it says so: an acknowledgement after that
   * would make what it says false.
   */
  closed(transaction: CoordinatorTransaction): void {
    if (transaction.closed) return;
    transaction.closed = true;
    this.#options.persist(closedKey(transaction.tid), new Uint8Array());
  }

  /** Its outcome is agreed and on disk. */
  decided(transaction: CoordinatorTransaction): void {
    this.#ended(transaction);
  }

  #ended(transaction: CoordinatorTransaction): void {
    this.undecided.ended(transaction.tid);
    if (transaction.closed) this.#options.persist(closedKey(transaction.tid), null);
    transaction.closed = false;
    if (!transaction.overdue) return;
    transaction.overdue = false;
    this.#options.persist(overdueKey(transaction.tid), null);
  }

  /** Makes a registration durable, which comes before its acknowledgement. */
  keep(registration: Verified<RegistrationStatement>): void {
    const { tid, enlistment } = registration.statement;
    this.#options.persist(registrationKey(tid, enlistment), encodeSigned(registration));
  }

  /** Nothing has to be sent to any participant any more. */
  finish({ tid }: CoordinatorTransaction): void {
    this.#finishedEver += 1;
    this.#options.persist(finishedKey(tid), encodePosition(this.#finishedEver));
    this.#finished.add(tid);
    const { retainedTransactions } = this.#options;
    while (this.#finished.size > retainedTransactions && this.#forgetOldest());
  }

  /**
   * The transaction is over, and this replica cannot learn how: it takes part in it no more. From now on
   * its floor keeps it out of whatever others bring of it.
   */
  abandon(tid: TransactionId): void {
    invariant(
      this.#transactions.get(tid)?.decision === undefined,
      'what is abandoned has no outcome here',
    );
    this.#forget(tid);
  }

  /** Takes back what was persisted of transactions whose activations have been created again. */
  restore(records: readonly StoredRecord[]): void {
    const stored = new Set(records.map(({ key }) => key));
    this.#restoreFinished(records);
    for (const { key, value } of records) {
      if (isRegistrationKey(key)) this.#restoreRegistration(value);
    }
    for (const transaction of this.#transactions.values()) {
      const { tid, enlistments } = transaction;
      transaction.overdue = stored.has(overdueKey(tid));
      transaction.closed = stored.has(closedKey(tid));
      for (const [id, enlistment] of enlistments) {
        enlistment.contradicted = stored.has(evidenceKeys(tid, id).first);
      }
    }
  }

  isFinished(tid: TransactionId): boolean {
    return this.#finished.has(tid);
  }

  #restoreFinished(records: readonly StoredRecord[]): void {
    const finished = records
      .flatMap(({ key, value }) => {
        const tid = finishedUnder(key);
        return tid === undefined ? [] : { tid, at: decodePosition(value) };
      })
      .sort((a, b) => a.at - b.at);
    for (const { tid } of finished) {
      if (this.#transactions.has(tid)) this.#finished.add(tid);
      else this.#options.persist(finishedKey(tid), null);
    }
    this.#finishedEver = finished.at(-1)?.at ?? 0;
  }

  #restoreRegistration(bytes: Uint8Array): void {
    const { statement, ...signed } = decodeSignedStatement(this.#options.cluster, bytes);
    if (statement.kind !== 'registration') return;
    const enlistment = this.#transactions.get(statement.tid)?.enlist({ ...signed, statement });
    if (enlistment) enlistment.admitted = true;
  }

  /** Returns false where all are last orders of their lanes: there are few of those. */
  #forgetOldest(): boolean {
    for (const tid of this.#finished) {
      const transaction = this.#transactions.get(tid);
      if (transaction && this.#options.floors.isLastOrder(transaction.activation)) continue;
      this.#forget(tid);
      return true;
    }
    return false;
  }

  #forget(tid: TransactionId): void {
    const transaction = this.#transactions.get(tid);
    this.#finished.delete(tid);
    this.#transactions.delete(tid);
    const { persist, forget, floors } = this.#options;
    persist(finishedKey(tid), null);
    if (!transaction) return;
    this.#ended(transaction);
    this.forgotten += 1;
    floors.forget(transaction.requests);
    forget({ kind: 'activation', request: transaction.request });
    forget({ kind: 'outcome', tid });
    for (const [id, { admitted, contradicted }] of transaction.enlistments) {
      if (admitted) persist(registrationKey(tid, id), null);
      if (!contradicted) continue;
      for (const key of Object.values(evidenceKeys(tid, id))) persist(key, null);
    }
  }
}

function slotsOf({ tid, request }: CoordinatorTransaction): Slot[] {
  return [
    { kind: 'activation', request },
    { kind: 'outcome', tid },
  ];
}

function encodePosition(position: number): Uint8Array {
  return new TextEncoder().encode(String(position));
}

function decodePosition(bytes: Uint8Array): number {
  return Number(new TextDecoder().decode(bytes));
}
