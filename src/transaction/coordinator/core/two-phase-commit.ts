import { isConsent } from '../../../agreement/check-value.js';
import type { CommitCertificate, OutcomeValue } from '../../../agreement/messages.js';
import { encodeSigned } from '../../../agreement/signing.js';
import type { Outcome, TwoPhaseProtocol, VoteStatement } from '../../../agreement/statements.js';
import { resendDelayMs } from '../../../kernel/core.js';
import {
  type EnlistmentId,
  type InitiatorId,
  oneCorrect,
  type Resilience,
} from '../../../kernel/ids.js';
import type { Signed, Verified } from '../../../kernel/signed.js';
import type { CoordinatorAction } from '../../state-tables.js';
import { evidenceKeys } from './keys.js';
import type { CoordinatorOutput, ParticipantNotice } from './messages.js';
import type { Debts } from './room.js';
import { takeOutcome } from './take-outcome.js';
import { startTimer, stopTimer } from './timers.js';
import type { CoordinatorTransaction, EnlistedParticipant } from './transaction.js';

export interface TwoPhaseOptions {
  readonly resilience: Resilience;
  readonly initiators: readonly InitiatorId[];
  readonly resendAfterMs: number;
  readonly voteTimeoutMs: number;
}

export interface TwoPhaseEvents {
  output(output: CoordinatorOutput): void;
  /** 0 for the primary, 1 for the replica after it, ... */
  rank(): number;
  /** What participants owe, kept up to date here. */
  readonly debts: Debts;
  /** Prepare has gone to the durable participants: it takes no registrations any more. */
  closed(transaction: CoordinatorTransaction): void;
  /** It has an outcome now. */
  decided(transaction: CoordinatorTransaction): void;
  /** Nothing has to be sent to any participant any more. */
  finished(transaction: CoordinatorTransaction): void;
}

/** Rollback is repeated so often to a participant whose vote did not come; a prepared one acknowledges it. */
const ROLLBACKS_MAX = 3;
/** Commit is repeated until it is answered: up to this many times the first delay apart. */
const COMMIT_BACKOFF_MAX = 200;

/**
 * The two phases of WS-AtomicTransaction at one replica, by the standard's table.
 *
 * Not all replicas speak at once: a participant acts on one message that proves what it says, so the
 * primary sends it. The others wait for one retransmission delay and speak if that did not help.
 */
export class TwoPhaseCommit {
  readonly #options: TwoPhaseOptions;
  readonly #events: TwoPhaseEvents;

  constructor(options: TwoPhaseOptions, events: TwoPhaseEvents) {
    this.#options = options;
    this.#events = events;
  }

  /** User commit: volatile participants first, then durable ones. */
  start(transaction: CoordinatorTransaction): void {
    if (transaction.phase !== 'active') return;
    const { tid } = transaction;
    this.#events.output(startTimer({ kind: 'votes', tid }, this.#options.voteTimeoutMs));
    transaction.phase = 'volatile';
    this.#prepare(transaction, 'volatile');
    this.#advance(transaction);
  }

  /** A participant that registered during the volatile phase is prepared too. */
  joined(transaction: CoordinatorTransaction, id: EnlistmentId): void {
    const enlistment = transaction.enlistments.get(id);
    if (!enlistment || transaction.decision || !enlistment.is('Active')) return;
    const begun =
      transaction.phase === 'durable' ||
      (transaction.phase === 'volatile' && enlistment.protocol === 'volatile');
    if (begun) this.#prepareOne(transaction, enlistment);
  }

  voted(transaction: CoordinatorTransaction, vote: Verified<VoteStatement>): void {
    const enlistment = transaction.enlistments.get(vote.statement.enlistment);
    if (enlistment?.registration.statement.participant !== vote.statement.participant) return;
    if (transaction.decision && vote.statement.vote === 'prepared') {
      return this.#tellOutcome(transaction, enlistment);
    }
    if (!enlistment.counts && vote.statement.vote === 'prepared') return;
    this.#keepVote(transaction, enlistment, vote);
    this.#applyVote(enlistment, vote.statement.vote);
    if (transaction.decision) this.#checkFinished(transaction);
    else this.#advance(transaction);
  }

  /** A participant in doubt asks by repeating its vote, however late. */
  #tellOutcome(transaction: CoordinatorTransaction, enlistment: EnlistedParticipant): void {
    this.#notify(transaction, enlistment, enlistment.is('Committing') ? 'Commit' : 'Rollback');
  }

  /**
   * Committed, or Aborted after Rollback. Committed may come before this replica knows the decision.
   * Returns whether that was news.
   */
  ended(transaction: CoordinatorTransaction, id: EnlistmentId, outcome: Outcome): boolean {
    const enlistment = transaction.enlistments.get(id);
    if (!enlistment || enlistment.forgotten) return false;
    if (outcome === 'abort') {
      if (!enlistment.is('Aborting')) return false;
      enlistment.apply('aborted');
    } else {
      if (enlistment.acknowledged) return false;
      enlistment.acknowledged = true;
      if (enlistment.is('Committing')) enlistment.apply('committed');
    }
    this.#checkFinished(transaction);
    return true;
  }

  /** The outcome is agreed and on disk: the certificate's records are what counts. */
  decide(
    transaction: CoordinatorTransaction,
    value: OutcomeValue,
    certificate: CommitCertificate,
  ): void {
    transaction.decision = { outcome: value.outcome, certificate };
    this.#events.decided(transaction);
    transaction.notices = 0;
    const told = takeOutcome(transaction, value);
    if (this.#events.rank() === 0) {
      for (const [enlistment, actions] of told) {
        if (!enlistment.forgotten) enlistment.resends += 1;
        this.#send(transaction, enlistment, actions);
      }
      this.#notifyInitiators(transaction);
    }
    this.#checkFinished(transaction);
    if (!transaction.finished) this.#startTimer(transaction);
  }

  restoreFinished(
    transaction: CoordinatorTransaction,
    value: OutcomeValue,
    certificate: CommitCertificate,
  ): void {
    transaction.decision = { outcome: value.outcome, certificate };
    this.#events.decided(transaction);
    transaction.finished = true;
    takeOutcome(transaction, value);
    for (const enlistment of transaction.enlistments.values()) enlistment.forgotten = true;
  }

  /** Comms time out: what is unanswered is sent again, by every replica now. */
  resend(transaction: CoordinatorTransaction): void {
    transaction.notices += 1;
    this.#notifyAll(transaction);
    this.#checkFinished(transaction);
    if (!transaction.finished) this.#startTimer(transaction);
  }

  // First phase ----------------------------------------------------------------------------------

  /** All volatile votes are in: the durable participants prepare. */
  #advance(transaction: CoordinatorTransaction): void {
    if (transaction.phase !== 'volatile') return;
    for (const { protocol, vote } of transaction.enlistments.values()) {
      if (protocol === 'volatile' && !isConsent(vote?.statement.vote)) return;
    }
    transaction.phase = 'durable';
    this.#prepare(transaction, 'durable');
    this.#events.closed(transaction);
  }

  #prepare(transaction: CoordinatorTransaction, protocol: TwoPhaseProtocol): void {
    for (const enlistment of transaction.enlistments.values()) {
      if (enlistment.protocol === protocol) this.#prepareOne(transaction, enlistment);
    }
  }

  #prepareOne(transaction: CoordinatorTransaction, enlistment: EnlistedParticipant): void {
    if (enlistment.forgotten || !enlistment.is('Active')) return;
    const actions = enlistment.apply('userCommit');
    const early = enlistment.vote?.statement.vote;
    if (early) this.#applyVote(enlistment, early);
    if (!enlistment.is('Preparing')) return;
    if (this.#events.rank() === 0) this.#send(transaction, enlistment, actions);
    this.#startTimer(transaction);
  }

  /** The first vote counts. Another one is evidence against its participant (protocols.md 1.8). */
  #keepVote(
    transaction: CoordinatorTransaction,
    enlistment: EnlistedParticipant,
    vote: Verified<VoteStatement>,
  ): void {
    if (enlistment.vote === undefined) {
      if (!transaction.decision) enlistment.vote = vote;
      return;
    }
    const { tid, participant, enlistment: id } = vote.statement;
    const conflict = isConsent(enlistment.vote.statement.vote) !== isConsent(vote.statement.vote);
    if (!conflict || enlistment.contradicted || transaction.decision) return;
    enlistment.contradicted = true;
    const { first, other } = evidenceKeys(tid, id);
    this.#persist(first, enlistment.vote);
    this.#persist(other, vote);
    const data = { tid, participant };
    this.#events.output({ kind: 'log', level: 'warn', event: 'conflicting-votes', data });
  }

  #persist(key: string, vote: Signed<VoteStatement>): void {
    this.#events.output({ kind: 'persist', key, value: encodeSigned(vote) });
  }

  /** A vote ahead of this replica's own Prepare is kept until it prepares: others were faster. */
  #applyVote(enlistment: EnlistedParticipant, vote: VoteStatement['vote']): void {
    if (vote === 'prepared' && enlistment.is('Active') && !enlistment.forgotten) return;
    if (enlistment.apply(vote).includes('fault InvalidState')) this.#fault(enlistment);
  }

  // Second phase ---------------------------------------------------------------------------------

  #notifyAll(transaction: CoordinatorTransaction): void {
    for (const enlistment of transaction.enlistments.values()) {
      if (enlistment.forgotten) continue;
      enlistment.resends += 1;
      if (enlistment.is('Preparing') || enlistment.is('Committing')) {
        this.#send(transaction, enlistment, enlistment.apply('commsTimeout'));
      } else if (enlistment.is('Aborting')) {
        // Not of the standard, where a participant that has prepared asks. Here each replica may speak in turn.
        const mayBeInDoubt = enlistment.vote?.statement.vote === 'prepared';
        if (enlistment.resends > ROLLBACKS_MAX && !mayBeInDoubt) enlistment.forgotten = true;
        else this.#notify(transaction, enlistment, 'Rollback');
      }
    }
  }

  /** Those that asked, which are all that work on it as a rule; one that asks later is answered then. */
  #notifyInitiators({ tid, decision, askers }: CoordinatorTransaction): void {
    if (!decision) return;
    const { initiators, resilience } = this.#options;
    const to = askers.size >= oneCorrect(resilience) ? askers : initiators;
    for (const initiator of to) {
      this.#events.output({ kind: 'notify-initiator', initiator, tid, ...decision });
    }
  }

  /** Sends what the table says to send to the participant. */
  #send(
    transaction: CoordinatorTransaction,
    enlistment: EnlistedParticipant,
    actions: readonly CoordinatorAction[],
  ): void {
    if (enlistment.forgotten) return;
    for (const action of actions) {
      const notice = noticeOf(action);
      if (notice) this.#notify(transaction, enlistment, notice);
    }
  }

  #notify(
    transaction: CoordinatorTransaction,
    { registration, vote }: EnlistedParticipant,
    notice: ParticipantNotice,
  ): void {
    const { decision } = transaction;
    this.#events.output({
      kind: 'notify-participant',
      notice,
      registration: registration.statement,
      ...(notice === 'Prepare' ? { completion: transaction.asked('commit') } : {}),
      ...(decision && proves(decision.outcome, notice)
        ? { certificate: decision.certificate }
        : {}),
      ...(notice === 'Commit' && vote ? { vote } : {}),
    });
  }

  #fault({ registration }: EnlistedParticipant): void {
    const { statement } = registration;
    this.#events.output({
      kind: 'fault-participant',
      fault: 'InvalidState',
      registration: statement,
    });
  }

  #startTimer(transaction: CoordinatorTransaction): void {
    const { resendAfterMs } = this.#options;
    const delayMs = transaction.decision
      ? Math.min(resendAfterMs * 1.5 ** transaction.notices, resendAfterMs * COMMIT_BACKOFF_MAX)
      : resendDelayMs(resendAfterMs, transaction.notices);
    this.#events.output(startTimer({ kind: 'notify', tid: transaction.tid }, delayMs));
  }

  #checkFinished(transaction: CoordinatorTransaction): void {
    if (!transaction.decision || transaction.finished) return;
    this.#events.debts.update(transaction);
    for (const { forgotten } of transaction.enlistments.values()) if (!forgotten) return;
    transaction.forgotAll();
    this.#events.output(stopTimer({ kind: 'notify', tid: transaction.tid }));
    this.#events.finished(transaction);
  }
}

function noticeOf(action: CoordinatorAction): ParticipantNotice | undefined {
  switch (action) {
    case 'send Prepare':
      return 'Prepare';
    case 'send Commit':
      return 'Commit';
    case 'send Rollback':
      return 'Rollback';
    default:
      return undefined;
  }
}

function proves(outcome: Outcome, notice: ParticipantNotice): boolean {
  return notice === (outcome === 'commit' ? 'Commit' : 'Rollback');
}
