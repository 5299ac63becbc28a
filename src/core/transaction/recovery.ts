import type { Inventory, Slot } from '../../vocabulary/agreement.js';
import { slotKey } from '../../vocabulary/agreement.js';
import type { Digest, ReplicaId, TransactionId } from '../../vocabulary/ids.js';
import { type Resilience, witnesses } from '../../vocabulary/quorum.js';
import type { Agreement } from '../agreement/agreement.js';
import { resendDelayMs } from '../effects.js';
import type { CoordinatorOutput } from './coordinator-messages.js';
import type { ForgottenElsewhere } from './forgotten-elsewhere.js';
import { ENTRIES_MAX } from './inventories.js';
import type { MissingProofs } from './missing-proofs.js';

/** A member with its memory asks a peer so often; a replica without, until it is answered. */
const TRIES_MAX = 10;
/** After so many tries in vain a question is asked afresh: the peer may have lost its place. */
const TRIES_OF_ONE_QUESTION = 4;
/** Of the transactions that are over the oldest tenth is not fetched: it is forgotten soon. */
const WORTH_FETCHING = 0.9;
const TIMER = 'recover';
/** While something may have been forgotten elsewhere, all peers are asked again after so many delays. */
const AGAIN_AFTER_DELAYS = 50;
const AGAIN = 'recover-again';

/** What one peer has told up to now. */
interface Told {
  question: Digest;
  tries: number;
  /** Its inventory is here in full. */
  complete: boolean;
  open: Slot[];
  finished: Slot[];
  /** Undecided here when the question was asked. */
  undecided: ReadonlySet<TransactionId>;
}

export interface RecoveryOptions {
  readonly resilience: Resilience;
  readonly self: ReplicaId;
  readonly resendAfterMs: number;
  readonly retainedTransactions: number;
  readonly agreement: Agreement;
  readonly missing: MissingProofs;
  readonly forgotten: ForgottenElsewhere;
  /** Transactions on record here without an outcome. */
  readonly undecided: () => Iterable<TransactionId>;
  readonly question: () => Digest;
  readonly output: (output: CoordinatorOutput) => void;
}

/**
 * Finds out what this replica has missed, from the inventories of its peers, whenever a link to one of
 * them comes up. A replica without memory (see `Abstentions`) returns once `witnesses` others have told
 * what they know of. Any quorum that it was in shares `f + 1` replicas with those. So of each slot that
 * it may have spoken in a correct one has told.
 */
export class Recovery {
  readonly #options: RecoveryOptions;
  readonly #told = new Map<ReplicaId, Told>();
  #rounds = 0;
  #waiting = false;
  #waitingToAskAgain = false;

  constructor(options: RecoveryOptions) {
    this.#options = options;
  }

  /** After the agreement was restored. */
  start(): void {
    if (!this.#options.agreement.isRecovering) return;
    this.#log('recovering', { witnesses: witnesses(this.#options.resilience) });
  }

  onPeerUp(replica: ReplicaId): void {
    if (this.#told.get(replica)?.complete) return;
    this.#begin(replica);
  }

  /** Something has been undecided here for long: others may have forgotten it. */
  askAgainLater(): void {
    if (this.#waitingToAskAgain || this.#options.agreement.isRecovering) return;
    this.#waitingToAskAgain = true;
    const delayMs = AGAIN_AFTER_DELAYS * this.#options.resendAfterMs;
    this.#options.output({ kind: 'start-timer', name: AGAIN, delayMs });
  }

  #begin(replica: ReplicaId): void {
    const told = { tries: 0, complete: false, ...this.#fresh() };
    this.#told.set(replica, told);
    this.#ask(replica, told);
    this.#rounds = 0;
    if (!this.#waiting) this.#startTimer();
  }

  onInventory(from: ReplicaId, page: Inventory): void {
    const told = this.#told.get(from);
    if (!told || told.complete || page.question !== told.question) return;
    if (page.after !== entries(told)) return;
    told.tries = 0;
    told.open.push(...page.open);
    told.finished.push(...page.finished);
    const isStuck = !page.last && entries(told) === page.after;
    if (isStuck || entries(told) > ENTRIES_MAX) return void this.#told.delete(from);
    if (!page.last) return this.#ask(from, told);
    told.complete = true;
    this.#fetchMissing(from, told);
    this.#options.forgotten.onInventory(
      from,
      told.undecided,
      new Set(transactionsOf([...told.open, ...told.finished])),
    );
    if (this.#options.agreement.isRecovering) return this.#returnIfToldEnough();
    this.#told.delete(from);
    if (this.#options.forgotten.hasDoubts) this.askAgainLater();
  }

  /** Returns false where the timer is not this one's. */
  onTimer(name: string): boolean {
    if (name === AGAIN) return this.#askAll();
    if (name !== TIMER) return false;
    this.#waiting = false;
    this.#rounds += 1;
    for (const [replica, told] of this.#told) {
      if (told.complete) continue;
      told.tries += 1;
      if (told.tries >= TRIES_MAX && !this.#options.agreement.isRecovering) {
        this.#told.delete(replica);
        continue;
      }
      if (told.tries % TRIES_OF_ONE_QUESTION === 0) Object.assign(told, this.#fresh());
      this.#ask(replica, told);
    }
    if ([...this.#told.values()].some(({ complete }) => !complete)) this.#startTimer();
    return true;
  }

  #askAll(): true {
    this.#waitingToAskAgain = false;
    const { resilience, self } = this.#options;
    for (let replica = 0; replica < resilience.n; replica += 1) {
      if (replica !== self) this.onPeerUp(replica as ReplicaId);
    }
    return true;
  }

  #returnIfToldEnough(): void {
    const { resilience, agreement } = this.#options;
    const complete = [...this.#told.values()].filter((told) => told.complete);
    if (complete.length < witnesses(resilience)) return;
    const told = new Map<string, Slot>();
    for (const { open, finished } of complete) {
      for (const slot of [...open, ...finished]) told.set(slotKey(slot), slot);
    }
    for (const [replica, { complete }] of this.#told) if (complete) this.#told.delete(replica);
    agreement.recovered(told.values());
    this.#log('recovered', { abstaining: agreement.abstaining });
  }

  #fetchMissing(from: ReplicaId, { open, finished }: Told): void {
    const worth = Math.ceil(WORTH_FETCHING * this.#options.retainedTransactions);
    this.#options.missing.add(from, {
      open: transactionsOf(open),
      over: transactionsOf(finished).slice(-worth),
    });
  }

  #fresh(): Pick<Told, 'question' | 'open' | 'finished' | 'undecided'> {
    const undecided = new Set(this.#options.undecided());
    return { question: this.#options.question(), open: [], finished: [], undecided };
  }

  #ask(to: ReplicaId, told: Told): void {
    const { question } = told;
    const message = { kind: 'recover', question, after: entries(told) } as const;
    this.#options.output({ kind: 'send', to, message });
  }

  #startTimer(): void {
    this.#waiting = true;
    const delayMs = resendDelayMs(this.#options.resendAfterMs, this.#rounds);
    this.#options.output({ kind: 'start-timer', name: TIMER, delayMs });
  }

  #log(event: string, data: object): void {
    this.#options.output({ kind: 'log', level: 'info', event, data });
  }
}

function entries({ open, finished }: Pick<Told, 'open' | 'finished'>): number {
  return open.length + finished.length;
}

function transactionsOf(slots: readonly Slot[]): TransactionId[] {
  return slots.flatMap((slot) => (slot.kind === 'outcome' ? [slot.tid] : []));
}
