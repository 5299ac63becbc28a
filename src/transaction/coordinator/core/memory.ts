import type { Agreement } from '../../../agreement/core/agreement.js';
import type {
  ActivationValue,
  FloorProof,
  Inventory,
  PeerMessage,
  Slot,
} from '../../../agreement/messages.js';
import { activationSlotRequest, collectiveTransactionId } from '../../../agreement/values.js';
import type { AgreementName } from '../../../kernel/cluster.js';
import {
  type Digest,
  type ReplicaId,
  type Resilience,
  type TransactionId,
  unreachable,
} from '../../../kernel/ids.js';
import { ForgottenElsewhere, MissingProofs } from './elsewhere.js';
import type { Floors } from './floors.js';
import { Inventories } from './inventories.js';
import type { CoordinatorOutput } from './messages.js';
import { Recovery } from './recovery.js';
import type { CoordinatorTimer } from './timers.js';
import type { TransactionLog } from './transaction-log.js';

type MemoryTimer = Extract<
  CoordinatorTimer,
  { kind: 'recover' | 'recover-again' | 'inventory' | 'missing-proofs' }
>;

export interface MemoryOptions {
  readonly resilience: Resilience;
  readonly agreementName: AgreementName;
  readonly self: ReplicaId;
  readonly resendAfterMs: number;
  readonly retainedTransactions: number;
  readonly floors: Floors;
  readonly question: () => Digest;
  readonly output: (output: CoordinatorOutput) => void;
}

/** What this replica knows of the past, what it does not, and how it and its peers make up for that. */
export class Memory {
  readonly #agreement: Agreement;
  readonly #transactions: TransactionLog;
  readonly #floors: Floors;
  readonly #missing: MissingProofs;
  readonly #forgotten: ForgottenElsewhere;
  readonly #recovery: Recovery;
  readonly #inventories: Inventories;
  readonly #output: MemoryOptions['output'];

  constructor(options: MemoryOptions, agreement: Agreement, transactions: TransactionLog) {
    this.#agreement = agreement;
    this.#transactions = transactions;
    this.#floors = options.floors;
    this.#output = options.output;
    this.#missing = new MissingProofs({
      ...options,
      has: (tid, withOutcome) => this.#has(tid, withOutcome),
    });
    this.#forgotten = new ForgottenElsewhere({
      ...options,
      isOpen: (slot) => this.#isOpen(slot),
      end: (slots, floors) => this.#end(slots, floors),
    });
    this.#recovery = new Recovery({
      ...options,
      agreement,
      missing: this.#missing,
      forgotten: this.#forgotten,
      undecided: () => transactions.undecidedSlots(),
    });
    this.#inventories = new Inventories({
      ...options,
      open: () => this.#openSlots(),
      finished: () => transactions.finishedSlots(),
      floors: () => options.floors.proofs(),
      agreement,
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
    if (message.leave !== null) this.#agreement.leave(from, message.leave);
    this.#inventories.onRecover(from, message);
  }

  /** Whether an inventory with this question is waited for. */
  hasAsked(question: Digest): boolean {
    return this.#recovery.hasAsked(question);
  }

  onInventory(from: ReplicaId, page: Inventory): void {
    this.#recovery.onInventory(from, page);
  }

  onTimer(timer: MemoryTimer): void {
    switch (timer.kind) {
      case 'recover':
        return this.#recovery.onTimer();
      case 'recover-again':
        return this.#recovery.askAll();
      case 'inventory':
        return this.#inventories.onTimer(timer.replica);
      case 'missing-proofs':
        return this.#missing.onTimer();
      default:
        return unreachable(timer);
    }
  }

  /** A proof has come. Returns whether the transaction was over before this replica knew of it. */
  learnt(tid: TransactionId, what: 'activation' | 'outcome'): boolean {
    return this.#missing.learnt(tid, what === 'outcome');
  }

  /** A participant asks for the outcome of a transaction that peers call over: it has to be answered. */
  reopen(tid: TransactionId): void {
    this.#missing.reopen(tid);
  }

  /** Whether it may take the proof of an activation whatever its floor is: it votes for no outcome of it. */
  mayLearn(value: ActivationValue): boolean {
    const [request] = value.requests;
    if (!request) return false;
    const activation = {
      kind: 'activation',
      request: activationSlotRequest(request.statement),
    } as const;
    const outcome = { kind: 'outcome', tid: collectiveTransactionId(value) } as const;
    return this.#agreement.abstains(activation) && this.#agreement.abstains(outcome);
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
  isLeftBehind(slot: Slot): boolean {
    return this.#forgotten.isLeftBehind(slot);
  }

  /** Whether any other has no record of it. */
  isLackedElsewhere(slot: Slot): boolean {
    return this.#forgotten.isLackedElsewhere(slot);
  }

  /**
   * It takes part in nothing of these any more. For what it has on record its own floor sees to that. For
   * the rest it takes the floors of the others first: one of them covers what was ever activated. What
   * they do not cover, and this replica is locked on, may yet be.
   */
  #end(slots: readonly Slot[], floors: readonly FloorProof[]): void {
    const data = { slots: slots.length };
    this.#output({ kind: 'log', level: 'warn', event: 'forgotten-elsewhere', data });
    if (slots.some((slot) => !this.#isUndecided(slot))) {
      for (const floor of floors) this.#floors.raise(floor);
    }
    for (const slot of slots) {
      const activation = this.#agreement.open.activationIn(slot);
      if (slot.kind === 'outcome' && this.#isUndecided(slot)) this.#transactions.abandon(slot.tid);
      else if (!activation || this.#floors.isForgotten(activation)) this.#agreement.forget(slot);
    }
  }

  #isOpen(slot: Slot): boolean {
    if (this.#isUndecided(slot) || this.#agreement.abstains(slot)) return true;
    return this.#agreement.open.activationIn(slot) !== undefined;
  }

  #isUndecided(slot: Slot): boolean {
    return slot.kind === 'outcome' && this.#has(slot.tid, false) && !this.#has(slot.tid, true);
  }

  #has(tid: TransactionId, withOutcome: boolean): boolean {
    const transaction = this.#transactions.get(tid);
    return transaction !== undefined && (!withOutcome || transaction.decision !== undefined);
  }

  /** Where another replica that has lost its memory may have voted, or acknowledged a registration. */
  *#openSlots(): Generator<Slot> {
    yield* this.#transactions.openSlots();
    yield* this.#agreement.open.bound();
    yield* this.#agreement.abstentions;
  }
}
