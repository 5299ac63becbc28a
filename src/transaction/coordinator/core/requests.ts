import type { Agreement } from '../../../agreement/core/agreement.js';
import type { Slot, VerifiedRecord } from '../../../agreement/messages.js';
import type {
  AcknowledgementStatement,
  CompletionStatement,
  RegistrationStatement,
  VoteStatement,
} from '../../../agreement/statements.js';
import type { InitiatorId, ParticipantId, ReplicaId, TransactionId } from '../../../kernel/ids.js';
import type { Signed, Verified } from '../../../kernel/signed.js';
import { completionTable, transition } from '../../state-tables.js';
import type { Inquiries } from './inquiries.js';
import type { CoordinatorInput, CoordinatorOutput, ReplyId } from './messages.js';
import type { Debts } from './room.js';
import type { CoordinatorTransaction } from './transaction.js';
import type { TransactionLog } from './transaction-log.js';
import type { TwoPhaseCommit } from './two-phase-commit.js';

type Input<Kind extends CoordinatorInput['kind']> = Extract<CoordinatorInput, { kind: Kind }>;

export interface RequestsParts {
  readonly agreement: Agreement;
  readonly transactions: TransactionLog;
  readonly twoPhase: TwoPhaseCommit;
  readonly inquiries: Inquiries;
  readonly debts: Debts;
  /** Whether this replica knows all that it ever said of the transaction. */
  isSureOf(tid: TransactionId): boolean;
  output(output: CoordinatorOutput): void;
}

/** What initiators and participants say of a transaction, to this replica or by way of another one. */
export class Requests {
  readonly #parts: RequestsParts;

  constructor(parts: RequestsParts) {
    this.#parts = parts;
  }

  /** Zhao §4.2: no agreement; the registration is durable before it is acknowledged. */
  register(input: Input<'register'>): void {
    const { statement } = input;
    const { tid, enlistment, participant } = statement.statement;
    const { replyId } = input;
    if (!this.#parts.isSureOf(tid)) {
      // It may have voted already for an outcome without this registration.
      return this.#refuse(replyId, 'this replica has lost its memory of the transaction');
    }
    const transaction = this.#parts.transactions.get(tid);
    if (!transaction) return this.#parts.inquiries.wait(tid, input);
    const { debts } = this.#parts;
    const isKnown = transaction.enlistments.get(enlistment)?.admitted === true;
    if (!isKnown && debts.isAtLimit(participant)) {
      return this.#refuse(replyId, owesTooMuch(participant, debts.limit));
    }
    const hasVoted = this.#parts.agreement.hasVoted({ kind: 'outcome', tid });
    const taken = transaction.register(statement, hasVoted);
    if (taken === 'late' || taken === 'refused') {
      const reason =
        taken === 'late' ? 'the transaction is being ended' : 'too many participants already';
      return this.#refuse(replyId, reason);
    }
    if (taken === 'new') {
      this.#parts.transactions.keep(statement);
      this.#parts.twoPhase.joined(transaction, enlistment);
    }
    this.#parts.output({ kind: 'registered', replyId, registration: statement.statement });
  }

  #refuse(replyId: ReplyId, reason: string): void {
    const fault = 'CannotRegisterParticipant';
    this.#parts.output({ kind: 'refused', replyId, fault, reason });
  }

  /** Zhao §4.3: commit or rollback is accepted at `f + 1` matching requests. */
  complete(input: Input<'complete'>): void {
    const { statement } = input;
    const { tid, decision, initiator } = statement.statement;
    const transaction = this.#parts.transactions.get(tid);
    if (!transaction) return this.#parts.inquiries.wait(tid, input);
    transaction.complete(statement);
    if (transaction.decision) return this.#answerInitiator(transaction, decision, initiator);
    // Without all registrations it must not say when to prepare.
    const mayStart = this.#parts.isSureOf(tid);
    if (mayStart && transaction.isAsked('commit') && !transaction.isAsked('rollback')) {
      this.#parts.twoPhase.start(transaction);
    }
    this.reconsider(transaction);
  }

  #answerInitiator(
    { tid, decision }: CoordinatorTransaction,
    asked: CompletionStatement['decision'],
    initiator: InitiatorId,
  ): void {
    if (!decision) return;
    const state = decision.outcome === 'commit' ? 'Committed' : 'Aborted';
    const step = transition(completionTable, state, asked);
    if (step !== 'impossible' && step.actions.includes('fault InvalidState')) {
      return this.#parts.output({ kind: 'fault-initiator', initiator, tid, fault: 'InvalidState' });
    }
    this.#parts.output({ kind: 'notify-initiator', initiator, tid, ...decision });
  }

  vote(input: Input<'vote'>): void {
    const { statement } = input;
    const transaction = this.#parts.transactions.get(statement.statement.tid);
    if (!transaction) return this.#parts.inquiries.wait(statement.statement.tid, input);
    this.#parts.twoPhase.voted(transaction, statement);
    this.reconsider(transaction);
  }

  /** The participant answers those that notified it; the others need not notify it once they see this. */
  ended({ statement }: Input<'ended'>): void {
    if (this.#acknowledged(statement))
      this.#parts.output({ kind: 'broadcast', message: { kind: 'record', record: statement } });
  }

  /** Returns whether that was news. */
  #acknowledged({ statement }: Verified<AcknowledgementStatement>): boolean {
    const { tid, enlistment, participant, outcome } = statement;
    const transaction = this.#parts.transactions.get(tid);
    const registration = transaction?.enlistments.get(enlistment)?.registration.statement;
    if (!transaction || registration?.participant !== participant) return false;
    return this.#parts.twoPhase.ended(transaction, enlistment, outcome);
  }

  /** The outcome may be at hand now, or a proposal be acceptable that was not. */
  reconsider(transaction: CoordinatorTransaction): void {
    if (transaction.decision) return;
    const slot: Slot = { kind: 'outcome', tid: transaction.tid };
    if (transaction.proposal()) this.#parts.agreement.want(slot);
    this.#parts.agreement.recheck(slot);
  }

  /** A signed record that another replica found missing here (protocols.md 1.2). */
  onRecord(record: VerifiedRecord, from: ReplicaId): void {
    const { statement } = record;
    const transaction = this.#parts.transactions.get(statement.tid);
    if (statement.kind === 'acknowledgement') {
      this.#acknowledged({ ...record, statement } as Verified<AcknowledgementStatement>);
      return;
    }
    if (!transaction || transaction.decision || transaction.has(statement)) return;
    switch (statement.kind) {
      case 'registration':
        this.#relayed(transaction, { ...record, statement }, from);
        if (transaction.closed) {
          this.#parts.agreement.closed({ kind: 'outcome', tid: transaction.tid });
        }
        return this.reconsider(transaction);
      case 'vote':
        this.#parts.twoPhase.voted(transaction, {
          ...record,
          statement,
        } as Verified<VoteStatement>);
        return this.reconsider(transaction);
      case 'completion': {
        const completion = { ...record, statement } as Verified<CompletionStatement>;
        return this.complete({ kind: 'complete', statement: completion });
      }
    }
  }

  /** One that another replica has acknowledged has to be in the certificate, whatever its participant owes here. */
  #relayed(
    transaction: CoordinatorTransaction,
    registration: Signed<RegistrationStatement>,
    from: ReplicaId,
  ): void {
    const { participant, enlistment } = registration.statement;
    const isDebtor = this.#parts.debts.isAtLimit(participant);
    const isNew = transaction.relayed(registration, from, isDebtor);
    if (isNew) this.#parts.twoPhase.joined(transaction, enlistment);
  }
}

function owesTooMuch(participant: ParticipantId, limit: number): string {
  return `${participant} has not acknowledged the outcomes of ${limit} transactions; it has to answer Commit and Rollback of those first`;
}
