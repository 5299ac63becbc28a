import { Agreement } from '../../../agreement/core/agreement.js';
import type {
  AgreementHost,
  AgreementOptions,
  Backing,
  ProposalVerdict,
} from '../../../agreement/core/state.js';
import type {
  ActivationValue,
  DecisionProof,
  OutcomeValue,
  PeerMessage,
  Slot,
  SlotKey,
  SlotValue,
  VerifiedPeerMessage,
  VerifiedRecord,
} from '../../../agreement/messages.js';
import type { ActivationStatement } from '../../../agreement/statements.js';
import { collectiveTransactionId } from '../../../agreement/values.js';
import type { CommonOutput, Core, StoredRecord, TimerInput } from '../../../kernel/core.js';
import { sha256 } from '../../../kernel/digest.js';
import {
  type Digest,
  type InitiatorId,
  type ReplicaId,
  type TransactionId,
  unreachable,
} from '../../../kernel/ids.js';
import type { Signed, Verified } from '../../../kernel/signed.js';
import { type Activated, ActivationService } from './activation.js';
import { Floors, namedBy } from './floors.js';
import { Inquiries, Search } from './inquiries.js';
import { Memory } from './memory.js';
import type { CoordinatorInput, CoordinatorOutput } from './messages.js';
import { Requests } from './requests.js';
import { Debts, Room } from './room.js';
import { readTimer, startTimer, stopTimer } from './timers.js';
import type { CoordinatorTransaction } from './transaction.js';
import { TransactionLog } from './transaction-log.js';
import { TwoPhaseCommit } from './two-phase-commit.js';

export interface CoordinatorOptions extends AgreementOptions {
  /** Initiators that receive every outcome. */
  readonly initiators: readonly InitiatorId[];
  readonly voteTimeoutMs: number;
  /** Finished transactions whose outcome is kept for late questions. */
  readonly retainedTransactions: number;
  /** Decided transactions that one participant may leave unacknowledged and still register. */
  readonly owedTransactions: number;
}

/** Figures for the status page. */
export interface CoordinatorStatus {
  readonly view: number;
  readonly primary: ReplicaId;
  readonly openSlots: number;
  readonly transactions: number;
  /** It has no memory, and asks the others what it may have said. It takes part in nothing. */
  readonly recovering: boolean;
  /** Slots that it takes no part in, because it may have before it lost its memory. */
  readonly abstaining: number;
  /** Transactions that others have named, and that it fetches. */
  readonly fetching: number;
  /** Transactions that it has forgotten since it started. */
  readonly forgotten: number;
  /** Requests, proofs, locks and proposals of forgotten activations that it has refused since. */
  readonly refusedRevivals: number;
  /** Questions about unknown transactions that it has asked afresh since. */
  readonly repeatedQuestions: number;
}

/** A transaction is not kept open longer than this, whatever it asks for: one day. */
const EXPIRES_MAX_MS = 86_400_000;

/**
 * One coordinator replica: activation, registration, completion and coordinator services (Zhao §4) on
 * top of the agreement. Pure: its inputs come verified, and what it wants done it returns.
 */
export class CoordinatorCore implements Core<CoordinatorInput, CoordinatorOutput>, AgreementHost {
  readonly #options: CoordinatorOptions;
  readonly #agreement: Agreement;
  readonly #activation: ActivationService;
  readonly #inquiries: Inquiries;
  readonly #search: Search;
  readonly #twoPhase: TwoPhaseCommit;
  readonly #transactions: TransactionLog;
  readonly #memory: Memory;
  readonly #requests: Requests;
  readonly #floors: Floors;
  readonly #debts: Debts;
  readonly #room: Room;
  #refusedRevivals = 0;
  readonly #now: CoordinatorOutput[] = [];
  #questions = 0;

  constructor(options: CoordinatorOptions) {
    this.#options = options;
    this.#agreement = new Agreement(options, this);
    this.#floors = new Floors(options.cluster, (key, value) =>
      this.#output({ kind: 'persist', key, value }),
    );
    this.#transactions = new TransactionLog({
      ...options,
      persist: (key, value) => this.#output({ kind: 'persist', key, value }),
      forget: (slot) => this.#agreement.forget(slot),
      floors: this.#floors,
      isSilentIn: (tid) => this.#agreement.abstains({ kind: 'outcome', tid }),
    });
    this.#room = new Room(
      this.#transactions.undecided,
      this.#floors,
      () => this.#agreement.windows,
    );
    this.#activation = new ActivationService(options.resilience, {
      output: (output) => this.#output(output),
      lackOfRoom: (slot, client) => this.#room.refusal(slot, client),
      decidedAs: (slot) => this.#decidedAs(slot),
      isForgotten: (statement) => this.#refuses(statement),
      mayLearn: (slot) => this.#agreement.mayLearn(slot),
      accepted: (slot, requests, isDirect) => this.#onAccepted(slot, requests, isDirect),
    });
    this.#inquiries = new Inquiries({
      quorum: this.#agreement.quorum,
      answerMs: options.resendAfterMs,
      isSure: (tid) => this.#memory.isSureOf(tid),
      question: () => this.#question(),
      output: (output) => this.#output(output),
    });
    this.#search = new Search({
      answerMs: options.resendAfterMs,
      question: () => this.#question(),
      output: (output) => this.#output(output),
    });
    const debts = new Debts(options.owedTransactions);
    this.#debts = debts;
    this.#twoPhase = new TwoPhaseCommit(options, {
      output: (output) => this.#output(output),
      rank: () => this.#rank(),
      debts,
      closed: (transaction) => this.#onClosed(transaction),
      decided: (transaction) => this.#transactions.decided(transaction),
      finished: (transaction) => this.#transactions.finish(transaction),
    });
    const memory = {
      ...options,
      agreementName: options.agreement,
      floors: this.#floors,
      question: () => this.#question(),
      output: (output: CoordinatorOutput) => this.#output(output),
    };
    this.#memory = new Memory(memory, this.#agreement, this.#transactions);
    this.#requests = new Requests({
      agreement: this.#agreement,
      transactions: this.#transactions,
      twoPhase: this.#twoPhase,
      inquiries: this.#inquiries,
      debts,
      isSureOf: (tid) => this.#memory.isSureOf(tid),
      output: (output) => this.#output(output),
    });
  }

  get underWay(): number {
    return this.#agreement.slotsUnderWay;
  }

  /** Figures for the status page. */
  get status(): CoordinatorStatus {
    const { view, primary, openSlots, isRecovering, abstaining } = this.#agreement;
    const { size: transactions } = this.#transactions;
    const { fetching } = this.#memory;
    const recovery = { recovering: isRecovering, abstaining, fetching };
    const memory = {
      forgotten: this.#transactions.forgotten,
      refusedRevivals: this.#refusedRevivals,
      repeatedQuestions: this.#inquiries.repeated,
    };
    return { view, primary, openSlots, transactions, ...recovery, ...memory };
  }

  /** Whether a peer's message, not verified yet, can still make a difference. */
  needs(message: PeerMessage): boolean {
    return message.kind === 'inventory'
      ? this.#memory.hasAsked(message.question)
      : this.#agreement.needs(message);
  }

  restore(records: readonly StoredRecord[]): readonly CoordinatorOutput[] {
    const proofs = this.#agreement.restore(records);
    for (const proof of proofs) this.#transactions.create(proof, false);
    this.#transactions.restore(records);
    this.#floors.restore(records);
    for (const { value, commits } of proofs) {
      const transaction = value.kind === 'outcome' ? this.#transactions.get(value.tid) : undefined;
      if (value.kind !== 'outcome' || !transaction) continue;
      if (this.#transactions.isFinished(value.tid)) {
        this.#twoPhase.restoreFinished(transaction, value, commits);
      } else {
        this.#twoPhase.decide(transaction, value, commits);
      }
    }
    this.#agreement.resume();
    for (const transaction of this.#transactions.values()) {
      if (transaction.overdue) this.#requests.reconsider(transaction);
      else if (!transaction.decision) this.#startExpiry(transaction);
    }
    this.#memory.start();
    return this.#takeOutputs();
  }

  handle(input: CoordinatorInput | TimerInput): readonly CoordinatorOutput[] {
    this.#take(input);
    for (const slot of this.#room.takeReady()) this.#agreement.recheck(slot);
    return this.#takeOutputs();
  }

  #take(input: CoordinatorInput | TimerInput): void {
    switch (input.kind) {
      case 'activate':
        return this.#activation.onRequest(input.statement, input.replyId);
      case 'register':
        return this.#requests.register(input);
      case 'complete':
        return this.#requests.complete(input);
      case 'vote':
        return this.#requests.vote(input);
      case 'ended':
        return this.#requests.ended(input);
      case 'peer':
        return this.#onPeer(input.message);
      case 'peer-up':
        this.#agreement.onPeerUp(input.replica);
        return this.#memory.onPeerUp(input.replica);
      case 'timer':
        return this.#onTimer(input.name);
      default:
        return unreachable(input);
    }
  }

  #decidedAs(slot: Slot): Activated | undefined {
    const result = this.#agreement.resultOf(slot);
    if (result?.kind !== 'activation') return undefined;
    const transaction = this.#transactions.get(result.tid);
    return transaction && { ...result, expiresMs: transaction.expiresMs };
  }

  /** Zhao §4.1: `f + 1` initiators ask for a transaction. */
  #onAccepted(
    slot: Slot,
    requests: readonly Signed<ActivationStatement>[],
    isDirect: boolean,
  ): void {
    const { primary } = this.#agreement;
    if (primary !== this.#options.self && isDirect) {
      this.#send(primary, { kind: 'requests', requests });
    }
    this.#agreement.want(slot);
  }

  #onClosed(transaction: CoordinatorTransaction): void {
    if (this.#options.agreement !== 'two-step') return;
    this.#transactions.closed(transaction);
    this.#agreement.closed({ kind: 'outcome', tid: transaction.tid });
  }

  // Peers ----------------------------------------------------------------------------------------

  #onPeer(verified: VerifiedPeerMessage): void {
    const { from, message } = verified;
    switch (message.kind) {
      case 'requests':
        for (const request of message.requests as readonly Verified<ActivationStatement>[]) {
          this.#activation.onRequest(request);
        }
        return;
      case 'record':
        return this.#requests.onRecord(message.record as VerifiedRecord, from);
      case 'fetch-transaction':
        return this.#onFetchTransaction(from, message.tid, message.question);
      case 'unknown-transaction':
        return this.#inquiries.onUnknown(message.tid, message.question, from);
      case 'recover':
        return this.#memory.onRecover(from, message);
      case 'inventory':
        return this.#memory.onInventory(from, message);
      default:
        return this.#agreement.onMessage(verified, message);
    }
  }

  #onFetchTransaction(from: ReplicaId, tid: TransactionId, question: Digest): void {
    const transaction = this.#transactions.get(tid);
    if (!transaction) {
      if (this.#memory.isSureOf(tid))
        this.#send(from, { kind: 'unknown-transaction', tid, question });
      return;
    }
    const { request, decision } = transaction;
    this.#output({ kind: 'send-proof', to: from, slot: { kind: 'activation', request } });
    if (decision) this.#output({ kind: 'send-proof', to: from, slot: { kind: 'outcome', tid } });
  }

  #onTimer(name: string): void {
    if (this.#agreement.onTimer(name)) return;
    const timer = readTimer(name);
    switch (timer.kind) {
      case 'votes':
      case 'expires':
        return this.#onOverdue(timer.tid);
      case 'notify': {
        const transaction = this.#transactions.get(timer.tid);
        return transaction && this.#twoPhase.resend(transaction);
      }
      case 'inquiry':
        return this.#inquiries.onTimer(timer.tid);
      case 'search':
        return this.#search.onTimer(timer.tid);
      case 'inventory':
      case 'missing-proofs':
      case 'recover':
      case 'recover-again':
        return this.#memory.onTimer(timer);
      default:
        return unreachable(timer);
    }
  }

  #onOverdue(tid: TransactionId): void {
    const transaction = this.#transactions.get(tid);
    if (!transaction) return;
    this.#transactions.ranOut(transaction);
    this.#requests.reconsider(transaction);
  }

  // What the agreement asks ----------------------------------------------------------------------

  requestsFor(slot: Slot): readonly Signed<ActivationStatement>[] | undefined {
    return slot.kind === 'activation' ? this.#activation.matching(slot.request) : undefined;
  }

  outcomeFor(slot: Slot): OutcomeValue | undefined {
    return slot.kind === 'outcome' ? this.#transactions.get(slot.tid)?.proposal() : undefined;
  }

  closedWith(slot: Slot): Digest | undefined {
    return slot.kind === 'outcome' ? this.#transactions.get(slot.tid)?.closedWith : undefined;
  }

  evidenceFor(slot: Slot): readonly VerifiedRecord[] {
    return slot.kind === 'outcome' ? (this.#transactions.get(slot.tid)?.evidence() ?? []) : [];
  }

  knows(slot: Slot): boolean {
    return slot.kind === 'activation' || this.#transactions.has(slot.tid);
  }

  seek(slot: Slot): void {
    if (slot.kind === 'outcome') this.#search.ask(slot.tid);
  }

  judge(slot: Slot, value: SlotValue, backing: Backing): ProposalVerdict {
    if (value.kind === 'activation') return this.#judgeActivation(slot, value);
    const transaction = this.#transactions.get(value.tid);
    if (!transaction) return { verdict: 'later', why: 'the transaction is not known here yet' };
    const verdict = transaction.judge(value, backing);
    const isExcess =
      !value.closing && backing === 'none' && this.#debts.isExceededBy(value, transaction);
    return verdict.verdict === 'accept' && isExcess
      ? { verdict: 'later', why: 'a participant that owes too much votes to commit' }
      : verdict;
  }

  #judgeActivation(slot: Slot, value: ActivationValue): ProposalVerdict {
    if (this.#transactions.has(collectiveTransactionId(value))) {
      return { verdict: 'refuse', why: 'transaction id seen before' };
    }
    return this.hasRoom(slot, value.requests)
      ? { verdict: 'accept' }
      : { verdict: 'later', why: 'too many open transactions' };
  }

  hasRoom(slot: Slot, requests: ActivationValue['requests']): boolean {
    const isPrimary = this.#agreement.primary === this.#options.self;
    return this.#room.take(slot, namedBy(requests).client, isPrimary) === undefined;
  }

  isRoomTight(requests: ActivationValue['requests']): boolean {
    return this.#room.isTight(namedBy(requests).client);
  }

  closed(key: SlotKey): void {
    this.#room.closed(key);
  }

  /** What the certificate may lack goes to everybody, so that the primary has no excuse. */
  notAccepted(slot: Slot, value: SlotValue): void {
    if (slot.kind === 'activation' || value.kind === 'activation') return;
    const transaction = this.#transactions.get(slot.tid);
    if (!transaction) return this.seek(slot);
    for (const record of transaction.evidence(value)) this.#broadcast({ kind: 'record', record });
  }

  /** The proof is among the agreement's outputs already, so the write goes before what follows here. */
  decided(slot: Slot, proof: DecisionProof, hadVote: boolean): void {
    this.#output({ kind: 'decided', proof });
    if (slot.kind === 'activation') {
      const created = this.#transactions.create(proof, hadVote);
      if (!created) return;
      const { tid } = created;
      this.#startExpiry(created);
      const activated = this.#decidedAs(slot);
      if (activated) this.#activation.decided(slot, activated, proof);
      this.#output({ kind: 'log', level: 'info', event: 'activated', data: { tid } });
      this.#memory.learnt(tid, 'activation');
      const waiting = this.#inquiries.take(tid);
      if (waiting.length > 0) this.#memory.reopen(tid);
      for (const input of waiting) this.#take(input);
      this.#agreement.recheck({ kind: 'outcome', tid });
      return;
    }
    const transaction = this.#transactions.get(slot.tid);
    if (!transaction || proof.value.kind !== 'outcome') return;
    const { outcome, reason } = proof.value;
    const data = { tid: slot.tid, outcome, reason, view: this.#agreement.view };
    this.#output({ kind: 'log', level: 'info', event: 'decided', data });
    this.#output(stopTimer({ kind: 'votes', tid: slot.tid }));
    this.#output(stopTimer({ kind: 'expires', tid: slot.tid }));
    if (this.#memory.learnt(slot.tid, 'outcome')) {
      this.#twoPhase.restoreFinished(transaction, proof.value, proof.commits);
      this.#transactions.finish(transaction);
    } else {
      this.#twoPhase.decide(transaction, proof.value, proof.commits);
    }
  }

  isForgotten(value: SlotValue): boolean {
    if (value.kind === 'outcome' || this.#memory.mayLearn(value)) return false;
    return value.requests.some(({ statement }) => this.#refuses(statement));
  }

  undecidedForLong(): void {
    this.#memory.onUndecidedForLong();
  }

  isLeftBehind(slot: Slot): boolean {
    return this.#memory.isLeftBehind(slot);
  }

  isLackedElsewhere(slot: Slot): boolean {
    return this.#memory.isLackedElsewhere(slot);
  }

  #refuses(activation: ActivationStatement): boolean {
    const isForgotten = this.#floors.isForgotten(activation);
    if (isForgotten) this.#refusedRevivals += 1;
    return isForgotten;
  }

  #startExpiry({ tid, expiresMs }: CoordinatorTransaction): void {
    const delayMs = Math.min(expiresMs, EXPIRES_MAX_MS);
    this.#output(startTimer({ kind: 'expires', tid }, delayMs));
  }

  // Outputs --------------------------------------------------------------------------------------

  /** This replica's place after the primary: which sends first, which only if that did not help. */
  #rank(): number {
    const { n } = this.#options.resilience;
    return (this.#options.self - this.#agreement.primary + n) % n;
  }

  /** The agreement's outputs come first where they were caused first. */
  #output(output: CoordinatorOutput | CommonOutput): void {
    this.#now.push(...this.#agreement.takeOutputs(), output);
  }

  #send(to: ReplicaId, message: PeerMessage): void {
    this.#output({ kind: 'send', to, message });
  }

  #broadcast(message: PeerMessage): void {
    this.#output({ kind: 'broadcast', message });
  }

  /** Different each time, so that the peers that are asked cannot guess it. */
  #question(): Digest {
    this.#questions += 1;
    const label = new TextEncoder().encode(`question ${this.#questions}`);
    return sha256(new Uint8Array([...this.#options.entropy, ...label]));
  }

  #takeOutputs(): readonly CoordinatorOutput[] {
    this.#now.push(...this.#agreement.takeOutputs());
    return this.#now.splice(0);
  }
}
