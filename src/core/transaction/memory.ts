import type { Inventory, PeerMessage, Slot } from '../../vocabulary/agreement.js';
import type { Digest, ReplicaId, TransactionId } from '../../vocabulary/ids.js';
import type { Resilience } from '../../vocabulary/quorum.js';
import type { Agreement } from '../agreement/agreement.js';
import type { CoordinatorOutput } from './coordinator-messages.js';
import { ForgottenElsewhere } from './forgotten-elsewhere.js';
import { Inventories } from './inventories.js';
import { MissingProofs } from './missing-proofs.js';
import { Recovery } from './recovery.js';
import type { TransactionLog } from './transaction-log.js';

export interface MemoryOptions {
  readonly resilience: Resilience;
  readonly self: ReplicaId;
  readonly resendAfterMs: number;
  readonly retainedTransactions: number;
  readonly question: () => Digest;
  readonly output: (output: CoordinatorOutput) => void;
}

/** What this replica knows of the past, what it does not, and how it and its peers make up for that. */
export class Memory {
  readonly #agreement: Agreement;
  readonly #transactions: TransactionLog;
  readonly #missing: MissingProofs;
  readonly #forgotten: ForgottenElsewhere;
  readonly #recovery: Recovery;
  readonly #inventories: Inventories;
  readonly #output: MemoryOptions['output'];

  constructor(options: MemoryOptions, agreement: Agreement, transactions: TransactionLog) {
    this.#agreement = agreement;
    this.#transactions = transactions;
    this.#output = options.output;
    this.#missing = new MissingProofs({
      ...options,
      has: (tid, withOutcome) => this.#has(tid, withOutcome),
    });
    this.#forgotten = new ForgottenElsewhere({
      ...options,
      isOpen: (tid) => this.#has(tid, false) && !this.#has(tid, true),
      end: (tid) => this.#end(tid),
    });
    this.#recovery = new Recovery({
      ...options,
      agreement,
      missing: this.#missing,
      forgotten: this.#forgotten,
      undecided: () => transactions.undecidedIds(),
    });
    this.#inventories = new Inventories({
      ...options,
      open: () => this.#openSlots(),
      finished: () => transactions.finishedSlots(),
    });
  }

  /** Transactions that it knows of from others, and fetches. */
  get fetching(): number {
    return this.#missing.size;
  }

  /** After all else was restored. */
  start(): void {
    this.#recovery.start();
  }

  onPeerUp(replica: ReplicaId): void {
    this.#recovery.onPeerUp(replica);
  }

  onRecover(from: ReplicaId, message: Extract<PeerMessage, { kind: 'recover' }>): void {
    this.#inventories.onRecover(from, message);
  }

  onInventory(from: ReplicaId, page: Inventory): void {
    this.#recovery.onInventory(from, page);
  }

  /** Returns false where the timer is none of these. */
  onTimer(name: string): boolean {
    return [this.#recovery, this.#inventories, this.#missing].some((part) => part.onTimer(name));
  }

  /** A proof has come. Returns whether the transaction was over before this replica knew of it. */
  learnt(tid: TransactionId, what: 'activation' | 'outcome'): boolean {
    return this.#missing.learnt(tid, what === 'outcome');
  }

  /** Somebody asks for the outcome of a transaction that peers call over: he has to be told. */
  reopen(tid: TransactionId): void {
    this.#missing.reopen(tid);
  }

  /**
   * Whether what is on record here is all that this replica has said about the transaction, and no
   * record means that there never was one (while transactions are remembered at all).
   */
  isSureOf(tid: TransactionId): boolean {
    return !this.#agreement.abstains({ kind: 'outcome', tid });
  }

  /** A transaction has been undecided here for long, whatever this replica did. */
  onUndecidedForLong(): void {
    this.#recovery.askAgainLater();
  }

  /** Whether so many others have no record of it that it is no use to wait for an outcome. */
  isLeftBehind(tid: TransactionId): boolean {
    return this.#forgotten.isLeftBehind(tid);
  }

  #end(tid: TransactionId): void {
    this.#output({ kind: 'log', level: 'warn', event: 'forgotten-elsewhere', data: { tid } });
    this.#transactions.abandon(tid);
  }

  #has(tid: TransactionId, withOutcome: boolean): boolean {
    const transaction = this.#transactions.get(tid);
    return transaction !== undefined && (!withOutcome || transaction.decision !== undefined);
  }

  /** Where another replica that has lost its memory may have voted, or acknowledged a registration. */
  *#openSlots(): Generator<Slot> {
    yield* this.#transactions.openSlots();
    yield* this.#agreement.stakes();
    yield* this.#agreement.abstentions;
  }
}
