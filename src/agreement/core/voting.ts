import { oneCorrect, primaryOf, type ReplicaId, unreachable } from '../../kernel/ids.js';
import type { Signed } from '../../kernel/signed.js';
import {
  compareBallots,
  type DecisionProof,
  type PhaseStatement,
  type Proposal,
  type ReplicaSignature,
  type Slot,
  sameProposal,
} from '../messages.js';
import { encodeStatement } from '../signing.js';
import { fastPrepares } from '../two-step.js';
import type { VoteObjection } from './safety-rules.js';
import type { SlotState } from './slot.js';
import { type AgreementHost, type AgreementState, ATTEMPTS_MAX, type Backing } from './state.js';

export interface VotingEvents {
  /** A proposal was acceptable: the slot has to be decided. */
  want(slot: Slot): void;
  /** A quorum committed, or in two steps enough prepared at a first attempt. */
  decide(proof: DecisionProof): void;
  /** What the primary proposes is not what binds this replica. */
  bound(slot: SlotState): void;
}

/** The backup's side of the three phases, and the counting of everybody's votes. */
export class Voter {
  readonly #state: AgreementState;
  readonly #host: AgreementHost;
  readonly #events: VotingEvents;

  constructor(state: AgreementState, host: AgreementHost, events: VotingEvents) {
    this.#state = state;
    this.#host = host;
    this.#events = events;
  }

  /** Whether a proposal may still be voted for: it is of this view. */
  isCurrent(statement: PhaseStatement): boolean {
    return this.#state.isOfThisView(statement) && statement.ballot.attempt < ATTEMPTS_MAX;
  }

  /** ba-pre-prepare with its value: Zhao §4.1 and §4.3, "a backup accepts". */
  onProposal(slot: SlotState, proposal: Proposal): void {
    const { statement } = proposal.prePrepare;
    if (this.#state.isPrimary || !this.isCurrent(statement)) return;
    const objection = this.#state.rules.objectionTo(statement, proposal.value);
    if (objection === 'forgotten') return;
    const isNew = slot.held !== proposal;
    if (slot.held && compareBallots(slot.held.prePrepare.statement.ballot, statement.ballot) <= 0) {
      slot.apply({ kind: 'release' });
    }
    if (objection) return this.#onObjection(slot, proposal, objection);
    if (slot.vote && compareBallots(statement.ballot, slot.vote.ballot) === 0) {
      return this.#onSameBallot(slot, proposal);
    }
    if (!isJudged(slot, statement) && !this.#isAcceptable(slot, proposal, isNew)) {
      return isNew ? this.#handOn(slot, proposal) : undefined;
    }
    this.#voteFor(slot, proposal);
    this.#events.want(slot.slot);
  }

  onPhase(from: ReplicaId, slot: SlotState, signed: Signed<PhaseStatement>): void {
    if (signed.statement.phase === 'commit') {
      slot.commits.add(from, signed);
      this.#checkCommitted(slot, signed.statement);
    } else {
      slot.prepares.add(from, signed);
      if (slot.held && this.#isBacked(slot, slot.held)) this.onProposal(slot, slot.held);
      this.checkPrepared(slot);
      this.#checkFast(slot, signed.statement);
    }
    this.#wantIfOneCorrectDoes(slot);
  }

  /** What a correct replica has voted in is to be decided, here too. */
  #wantIfOneCorrectDoes(slot: SlotState): void {
    if (slot.wanted || slot.voters < oneCorrect(this.#state.options.resilience)) return;
    // It may have been decided by this very vote.
    if (this.#state.slots.has(slot.key)) this.#events.want(slot.slot);
  }

  /** ba-prepare done: the primary's pre-prepare and `quorum - 1` prepares of backups agree. */
  checkPrepared(slot: SlotState): void {
    if (slot.step.kind !== 'pre-prepared') return;
    const { accepted } = slot.step;
    const { statement } = accepted.prePrepare;
    if (!this.#state.rules.isLockedAt(statement)) this.#lockWhenPrepared(slot, accepted);
    this.#commit(slot, statement);
  }

  /** What a replica does with a proposal that it must not vote for. */
  #onObjection(slot: SlotState, proposal: Proposal, objection: VoteObjection): void {
    switch (objection) {
      case 'closed':
      case 'forgotten':
      case 'voted-higher':
      case 'unwitnessed':
        return;
      case 'bonded':
        return this.#events.bound(slot);
      case 'decided-otherwise':
        return this.#logEquivocation(slot);
      case 'voted-otherwise':
        return this.#logEquivocation(slot);
      case 'abstaining':
        return this.#abstain(slot, proposal);
      case 'locked':
        return this.#showLock(slot, proposal.prePrepare.statement);
      default:
        return unreachable(objection);
    }
  }

  #logEquivocation({ key }: SlotState): void {
    this.#state.log('warn', 'equivocation', { slot: key, primary: this.#state.primary });
  }

  /** This replica has voted for it. After a restart it votes again: it lacks the value, and the vote may be lost. */
  #onSameBallot(slot: SlotState, proposal: Proposal): void {
    const { statement } = proposal.prePrepare;
    if (!slot.accepted || !sameProposal(slot.accepted.prePrepare.statement, statement)) {
      this.#voteFor(slot, proposal);
    }
  }

  /** Keeps the value: a quorum of others may decide it. */
  #abstain(slot: SlotState, proposal: Proposal): void {
    slot.apply({ kind: 'hold', proposal });
    this.#events.want(slot.slot);
    this.#checkCommitted(slot, proposal.prePrepare.statement);
  }

  /** What the primary may lack, for its next attempt. */
  #handOn(slot: SlotState, { prePrepare, value }: Proposal): void {
    if (!this.#mayAnswer(slot, prePrepare.statement)) return;
    slot.apply({ kind: 'answer', answer: answerTo(slot, prePrepare.statement) });
    this.#host.notAccepted(slot.slot, value);
  }

  /** A proposal that comes again is answered once in a delay, also where its slot was dropped meanwhile. */
  #mayAnswer(slot: SlotState, statement: PhaseStatement): boolean {
    return this.#state.pace.allows(answerTo(slot, statement));
  }

  /** A primary that proposes something else may not know of the lock. */
  #showLock(slot: SlotState, statement: PhaseStatement): void {
    if (!this.#mayAnswer(slot, statement)) return;
    const { ballot } = statement;
    this.#state.log('info', 'lock-held', { slot: slot.key, ballot });
    if (slot.lock) this.#state.broadcast({ kind: 'prepared', certificate: slot.lock });
  }

  /**
   * Judged only where there is no lock: a prepared value was judged by the correct ones in a quorum,
   * and what this replica has learnt since must not keep it from a value that may be decided.
   */
  #isAcceptable(slot: SlotState, proposal: Proposal, isNew: boolean): boolean {
    const backing = this.#backing(slot, proposal, isNew);
    const verdict = this.#host.judge(slot.slot, proposal.value, backing);
    if (verdict.verdict === 'accept') return true;
    if (isNew) this.#state.log('info', 'proposal-not-accepted', { slot: slot.key, ...verdict });
    if (verdict.verdict === 'later') slot.apply({ kind: 'hold', proposal });
    return false;
  }

  /** `isNew`: it comes now, and is not one that was held. */
  #backing(slot: SlotState, proposal: Proposal, isNew: boolean): Backing {
    if (!this.#isBacked(slot, proposal)) return 'none';
    const answer = answerTo(slot, proposal.prePrepare.statement);
    const isAgain = isNew && slot.answered === answer && !this.#state.pace.has(answer);
    return isAgain ? 'insisted' : 'backed';
  }

  /** Whether `f + 1` others have voted for it, the primary with its proposal. */
  #isBacked({ prepares }: SlotState, { prePrepare }: Proposal): boolean {
    const backups = prepares.matching(prePrepare.statement).map(({ replica }) => replica);
    const voters = new Set([this.#state.primary, ...backups]);
    return voters.size >= oneCorrect(this.#state.options.resilience);
  }

  #voteFor(slot: SlotState, proposal: Proposal): void {
    const prepare = this.#state.rules.prepare(proposal);
    if (prepare.kind === 'refused') return this.#onObjection(slot, proposal, prepare.objection);
    slot.apply({ kind: 'accept', proposal });
    slot.prepares.add(this.#state.self, prepare.signed);
    this.#state.broadcast({ kind: 'phase', signed: prepare.signed });
    this.checkPrepared(slot);
    this.#checkFast(slot, prepare.signed.statement);
    this.#checkCommitted(slot, prepare.signed.statement);
  }

  #lockWhenPrepared(slot: SlotState, { prePrepare, value }: Proposal): void {
    const { ballot } = prePrepare.statement;
    const primary = primaryOf(this.#state.options.resilience, ballot.view);
    const signatures = slot.prepares
      .matching(prePrepare.statement)
      .filter(({ replica }) => replica !== primary);
    if (signatures.length < this.#state.quorum - 1) return;
    const statement: PhaseStatement = { ...prePrepare.statement, phase: 'prepare' };
    const bytes = encodeStatement(this.#state.options.cluster, statement);
    const prepares = { statement, bytes, signatures };
    this.#state.rules.lock({ prePrepare, prepares, value });
  }

  #commit(slot: SlotState, statement: PhaseStatement): void {
    const commit = this.#state.rules.commit(statement);
    if (commit.kind === 'refused') return;
    slot.apply({ kind: 'commit' });
    slot.commits.add(this.#state.self, commit.signed);
    this.#state.broadcast({ kind: 'phase', signed: commit.signed });
    this.#checkCommitted(slot, commit.signed.statement);
  }

  /** Two steps: all but `t` voted at a first attempt, the primary with its proposal. */
  #checkFast(slot: SlotState, like: PhaseStatement): void {
    if (slot.early || !this.#state.rules.isFast(like)) return;
    const { resilience } = this.#state.options;
    const primary = primaryOf(resilience, like.ballot.view);
    const signatures = slot.prepares.matching(like).filter(({ replica }) => replica !== primary);
    if (signatures.length >= fastPrepares(resilience)) {
      this.#decide(slot, { ...like, phase: 'prepare' }, signatures);
    }
  }

  /** ba-commit done: a quorum committed. A replica without the value fetches the decision. */
  #checkCommitted(slot: SlotState, like: PhaseStatement): void {
    if (slot.commits.count(like) < this.#state.quorum) return;
    this.#decide(slot, { ...like, phase: 'commit' }, slot.commits.matching(like));
  }

  #decide(
    slot: SlotState,
    statement: PhaseStatement,
    signatures: readonly ReplicaSignature[],
  ): void {
    const known = [slot.accepted, slot.held, slot.lock, slot.bond].find(
      (one) => one?.prePrepare.statement.digest === statement.digest,
    );
    if (!known) return this.#fetch(slot);
    const bytes = encodeStatement(this.#state.options.cluster, statement);
    this.#events.decide({ commits: { statement, bytes, signatures }, value: known.value });
  }

  /** Not at each further commit, nor at each copy of one. */
  #fetch({ key, slot }: SlotState): void {
    const isFirst = this.#state.pace.allows(`fetch/${key}`);
    if (isFirst) this.#state.broadcast({ kind: 'fetch', slot });
  }
}

/** What a quorum has prepared, or this replica has voted for itself or decided, is not judged again. */
function isJudged({ lock, bond, early }: SlotState, { digest }: PhaseStatement): boolean {
  return [lock?.prePrepare.statement, bond?.prePrepare.statement, early].some(
    (one) => one?.digest === digest,
  );
}

function answerTo({ key }: SlotState, { ballot }: PhaseStatement): string {
  return `answer/${ballot.view}.${ballot.attempt}/${key}`;
}
