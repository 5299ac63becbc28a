import type { Agreement } from '../../../agreement/core/agreement.js';
import {
  type FloorProof,
  type Inventory,
  type Slot,
  slotKey,
} from '../../../agreement/messages.js';
import type { AgreementName } from '../../../kernel/cluster.js';
import { resendDelayMs } from '../../../kernel/core.js';
import {
  type Digest,
  oneCorrect,
  type ReplicaId,
  type Resilience,
  type TransactionId,
  type View,
  witnesses,
} from '../../../kernel/ids.js';
import type { ForgottenElsewhere, MissingProofs } from './elsewhere.js';
import { type Floors, namedBy } from './floors.js';
import { ENTRIES_MAX } from './inventories.js';
import type { CoordinatorOutput } from './messages.js';
import { startTimer } from './timers.js';

/** A member with its memory asks a peer so often; a replica without, until it is answered. */
const TRIES_MAX = 10;
/** After so many tries in vain a question is asked afresh: the peer may have lost its place. */
const TRIES_OF_ONE_QUESTION = 4;
/** Of the transactions that are over the oldest tenth is not fetched: it is forgotten soon. */
const WORTH_FETCHING = 0.9;
/** While something may have been forgotten elsewhere, all peers are asked again after so many delays. */
const AGAIN_AFTER_DELAYS = 50;

/** What one peer has sent of its inventory up to now. */
interface PeerAnswer {
  question: Digest;
  tries: number;
  /** Its inventory is here in full. */
  complete: boolean;
  open: Slot[];
  finished: Slot[];
  floors: FloorProof[];
  /** The peer is asked for its floors, too. */
  withFloors: boolean;
  /** Open here when the question was asked. */
  openHere: readonly Slot[];
  /** It has been in no view above this one, and has asked for none. */
  view: View;
  /** It votes in no view below this one any more. */
  entered: View;
}

export interface RecoveryOptions {
  readonly resilience: Resilience;
  readonly self: ReplicaId;
  readonly resendAfterMs: number;
  readonly retainedTransactions: number;
  readonly agreementName: AgreementName;
  readonly agreement: Agreement;
  readonly missing: MissingProofs;
  readonly forgotten: ForgottenElsewhere;
  readonly floors: Floors;
  /** Outcomes of transactions that are undecided here. */
  readonly undecided: () => Iterable<Slot>;
  readonly question: () => Digest;
  readonly output: (output: CoordinatorOutput) => void;
}

/**
 * Finds out what this replica has missed, from the inventories of its peers, whenever a link to one of
 * them comes up. A replica without memory (see `Abstentions`) returns once `witnesses` others have sent
 * what they know of. Any quorum that it was in shares `f + 1` replicas with those. So of each slot that
 * it may have spoken in a correct one has named.
 *
 * In two steps a vote of its own that is still on its way may decide together with votes that others cast after they
 * have answered. So it asks once more, and counts those who vote no more in the views that it may have been in.
 */
export class Recovery {
  readonly #options: RecoveryOptions;
  readonly #told = new Map<ReplicaId, PeerAnswer>();
  #rounds = 0;
  #waiting = false;
  #waitingToAskAgain = false;
  /** In two steps: the last view that it may have been in, once that is known. It asks the others to leave it. */
  #upTo: View | null = null;

  constructor(options: RecoveryOptions) {
    this.#options = options;
  }

  /** After the agreement was restored. */
  start(): void {
    if (this.#options.agreement.abstaining > 0) this.askAgainLater();
    if (!this.#options.agreement.isRecovering) return;
    this.#log('recovering', { witnesses: witnesses(this.#options.resilience) });
  }

  onPeerUp(replica: ReplicaId): void {
    const told = this.#told.get(replica);
    if (!told?.complete || !this.#isWitness(told)) this.#begin(replica);
  }

  /** Something has been undecided here for long: others may have forgotten it. */
  askAgainLater(): void {
    if (this.#waitingToAskAgain || this.#options.agreement.isRecovering) return;
    this.#waitingToAskAgain = true;
    const delayMs = AGAIN_AFTER_DELAYS * this.#options.resendAfterMs;
    this.#options.output(startTimer({ kind: 'recover-again' }, delayMs));
  }

  #begin(replica: ReplicaId): void {
    const told = { tries: 0, complete: false, ...this.#fresh() };
    this.#told.set(replica, told);
    this.#ask(replica, told);
    this.#rounds = 0;
    if (!this.#waiting) this.#startTimer();
  }

  /** Whether it is one of this replica's open questions. */
  hasAsked(question: Digest): boolean {
    return [...this.#told.values()].some((told) => !told.complete && told.question === question);
  }

  onInventory(from: ReplicaId, page: Inventory): void {
    const told = this.#told.get(from);
    if (!told || told.complete || page.question !== told.question) return;
    if (page.after !== entries(told)) return;
    told.tries = 0;
    told.open.push(...page.open);
    told.finished.push(...page.finished);
    told.floors.push(...page.floors);
    told.view = page.view;
    told.entered = page.entered;
    const isStuck = !page.last && entries(told) === page.after;
    const isTooLong = told.open.length + told.finished.length > ENTRIES_MAX;
    if (isStuck || isTooLong || !areRising(told, page.floors.length))
      return void this.#told.delete(from);
    if (!page.last) return this.#ask(from, told);
    told.complete = true;
    this.#fetchMissing(from, told);
    const { openHere, floors } = told;
    const known = [...told.open, ...told.finished];
    const open = isWhole(told) && !page.recovering ? openHere : [];
    this.#options.forgotten.onInventory(from, { open, known, floors });
    if (this.#options.agreement.isRecovering) return this.#returnIfToldEnough();
    this.#told.delete(from);
    if (this.#mayHaveMore) this.askAgainLater();
  }

  /** Asks the peers again that have not answered in full. */
  onTimer(): void {
    this.#waiting = false;
    this.#rounds += 1;
    this.#returnIfToldEnough();
    for (const [replica, told] of this.#told) {
      if (told.complete && this.#isWitness(told)) continue;
      if (told.complete) Object.assign(told, { tries: 0, complete: false, ...this.#fresh() });
      told.tries += 1;
      if (told.tries >= TRIES_MAX && !this.#options.agreement.isRecovering) {
        this.#told.delete(replica);
        continue;
      }
      if (told.tries % TRIES_OF_ONE_QUESTION === 0) Object.assign(told, this.#fresh());
      this.#ask(replica, told);
    }
    if ([...this.#told.values()].some(({ complete }) => !complete)) this.#startTimer();
  }

  /** Asks all peers afresh. */
  askAll(): void {
    this.#waitingToAskAgain = false;
    const { resilience, self } = this.#options;
    for (let replica = 0; replica < resilience.n; replica += 1) {
      if (replica !== self) this.onPeerUp(replica as ReplicaId);
    }
  }

  /**
   * The last view that this replica is sure of: it is in it, or of `f + 1` others, one of which is correct,
   * each has been in it or a later one, or has asked for that.
   */
  get #sureView(): number {
    const { resilience, agreement } = this.#options;
    const views = [...this.#told.values()].flatMap((told) => (told.complete ? told.view : []));
    const sure = views.sort((a, b) => b - a)[oneCorrect(resilience) - 1] ?? 0;
    return Math.max(agreement.view, sure);
  }

  /**
   * Whether its answer counts: it has named all, and of no view that a liar may have made up; at last it votes in no view
   * that this replica may have been in.
   */
  #isWitness(told: PeerAnswer): boolean {
    if (!told.complete || !isWhole(told)) return false;
    return this.#upTo === null ? told.view <= this.#sureView + 1 : told.entered > this.#upTo;
  }

  #returnIfToldEnough(): void {
    const { resilience, agreement, agreementName } = this.#options;
    if (!agreement.isRecovering) return;
    const complete = [...this.#told.values()].filter((told) => this.#isWitness(told));
    if (complete.length < witnesses(resilience)) return;
    const lastView =
      this.#upTo ?? (Math.max(agreement.view, ...complete.map(({ view }) => view)) as View);
    if (agreementName === 'two-step' && this.#upTo === null) return this.#askToLeave(lastView);
    // Also from what it was shown while it had no memory: what is forgotten no other replica names.
    const told = new Map([...this.#options.undecided()].map((slot) => [slotKey(slot), slot]));
    for (const { open, finished, floors } of complete) {
      // Before it abstains: what others have forgotten it may have voted in, too, and they do not name it.
      for (const floor of floors) this.#options.floors.raise(floor);
      for (const slot of [...open, ...finished]) told.set(slotKey(slot), slot);
    }
    for (const [replica, { complete }] of this.#told) if (complete) this.#told.delete(replica);
    this.#upTo = null;
    agreement.recovered(told.values(), lastView);
    this.#log('recovered', { abstaining: agreement.abstaining });
    if (this.#mayHaveMore) this.askAgainLater();
  }

  /** All begin anew: what they have sent before says nothing of what they vote in later. */
  #askToLeave(upTo: View): void {
    this.#upTo = upTo;
    this.#rounds = 0;
    for (const [replica, told] of this.#told) {
      Object.assign(told, { tries: 0, complete: false, ...this.#fresh() });
      this.#ask(replica, told);
    }
    if (!this.#waiting) this.#startTimer();
  }

  #fetchMissing(from: ReplicaId, { open, finished }: PeerAnswer): void {
    const worth = Math.ceil(WORTH_FETCHING * this.#options.retainedTransactions);
    this.#options.missing.add(from, {
      open: transactionsOf(open),
      over: transactionsOf(finished).slice(-worth),
    });
  }

  /** Something is open here that others may have forgotten. */
  get #mayHaveMore(): boolean {
    const { agreement, forgotten } = this.#options;
    return agreement.abstaining > 0 || forgotten.hasDoubts;
  }

  #fresh(): Omit<PeerAnswer, 'tries' | 'complete'> {
    const { agreement, undecided } = this.#options;
    const stale = [...agreement.open.staleActivations()];
    const openHere = [...undecided(), ...agreement.abstentions, ...stale];
    const withFloors = agreement.isRecovering || agreement.abstaining > 0 || stale.length > 0;
    const question = this.#options.question();
    const view = 0 as View;
    const lists = { open: [], finished: [], floors: [] };
    return { question, ...lists, withFloors, openHere, view, entered: view };
  }

  #ask(to: ReplicaId, told: PeerAnswer): void {
    const { question, withFloors: floors } = told;
    const after = entries(told);
    const message = { kind: 'recover', question, after, floors, leave: this.#upTo } as const;
    this.#options.output({ kind: 'send', to, message });
  }

  #startTimer(): void {
    this.#waiting = true;
    const delayMs = resendDelayMs(this.#options.resendAfterMs, this.#rounds);
    this.#options.output(startTimer({ kind: 'recover' }, delayMs));
  }

  #log(event: string, data: object): void {
    this.#options.output({ kind: 'log', level: 'info', event, data });
  }
}

/** One that is full may have been cut: it does not show what the peer lacks. */
function isWhole({ open, finished }: PeerAnswer): boolean {
  return open.length + finished.length < ENTRIES_MAX;
}

function entries({ open, finished, floors }: PeerAnswer): number {
  return open.length + finished.length + floors.length;
}

/** Whether the last floors go on in the order of the clients' ids, so that there is one for each client. */
function areRising({ floors }: PeerAnswer, last: number): boolean {
  const clients = floors
    .slice(Math.max(0, floors.length - last - 1))
    .map((one) => namedBy(one).client);
  return clients.every((client, index) => index === 0 || (clients[index - 1] ?? '') < client);
}

function transactionsOf(slots: readonly Slot[]): TransactionId[] {
  return slots.flatMap((slot) => (slot.kind === 'outcome' ? [slot.tid] : []));
}
