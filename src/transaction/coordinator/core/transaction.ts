import { isConsent } from '../../../agreement/check-value.js';
import type { Backing, ProposalVerdict } from '../../../agreement/core/state.js';
import { hostOf, isFull } from '../../../agreement/invitation.js';
import type {
  AbortReason,
  CommitCertificate,
  FloorProof,
  OutcomeValue,
  ParticipantRecord,
  VerifiedRecord,
} from '../../../agreement/messages.js';
import type {
  ActivationStatement,
  CompletionStatement,
  Decision,
  Outcome,
  RegistrationStatement,
  VoteStatement,
} from '../../../agreement/statements.js';
import { digestOfEnlistments } from '../../../agreement/values.js';
import { enlistmentsMax } from '../../../kernel/codec/limits.js';
import { invariant } from '../../../kernel/core.js';
import {
  type Digest,
  type EnlistmentId,
  type InitiatorId,
  oneCorrect,
  type ReplicaId,
  type Resilience,
  type TransactionId,
} from '../../../kernel/ids.js';
import type { Signed, Verified } from '../../../kernel/signed.js';
import {
  type CoordinatorAction,
  type CoordinatorEvent,
  type CoordinatorState,
  coordinatorTable,
  transition,
} from '../../state-tables.js';
import { namedBy } from './floors.js';

/** One registered participant at one coordinator replica: the standard's machine, and its records. */
export class EnlistedParticipant {
  readonly registration: Signed<RegistrationStatement>;
  #state: CoordinatorState = 'Active';
  /** The first vote that came; the one that this replica would put into a certificate. */
  vote: Signed<VoteStatement> | undefined;
  /** On disk, and acknowledged to its participant. A relayed registration is neither. */
  admitted = false;
  /**
   * Whether a vote to commit counts here. It does not where another replica relays the registration of a participant
   * that owes too much, until `f + 1` have relayed it: so a correct one has taken it.
   */
  counts = true;
  /** Peers that have relayed it since it was known. */
  readonly relayedBy = new Set<ReplicaId>();
  /** Its participant signed votes that contradict each other. */
  contradicted = false;
  /** Committed may come here before the decision does. */
  acknowledged = false;
  /** Out of the transaction: nothing more is sent or expected. */
  forgotten = false;
  resends = 0;

  constructor(registration: Signed<RegistrationStatement>) {
    this.registration = registration;
  }

  get protocol(): RegistrationStatement['protocol'] {
    return this.registration.statement.protocol;
  }

  is(state: CoordinatorState): boolean {
    return this.#state === state;
  }

  /** Steps the machine; returns what the table says to do. */
  apply(event: CoordinatorEvent): readonly CoordinatorAction[] {
    if (this.forgotten) return [];
    const step = transition(coordinatorTable, this.#state, event, this.protocol);
    if (step === 'impossible') {
      throw new Error(`${event} cannot happen to an enlistment in state ${this.#state}`);
    }
    this.#state = step.next;
    if (step.actions.includes('forget')) this.forgotten = true;
    return step.actions;
  }
}

/** Where the two-phase commit stands at this replica. Volatile participants prepare first. */
export type Phase = 'active' | 'volatile' | 'durable';

/** What one coordinator replica knows of one transaction, and what it would decide. */
export class CoordinatorTransaction {
  readonly tid: TransactionId;
  /** The activation slot that made it. */
  readonly request: Digest;
  /** The `f + 1` initiators' requests for it. */
  readonly requests: FloorProof;
  readonly activation: ActivationStatement;
  readonly enlistments = new Map<EnlistmentId, EnlistedParticipant>();
  get expiresMs(): number {
    return this.activation.expiresMs;
  }

  phase: Phase = 'active';
  /** This replica's own timer ran out: for the votes, or for the whole transaction. */
  overdue = false;
  /** This replica takes no registrations any more, restarts included (two steps). */
  closed = false;
  decision: { readonly outcome: Outcome; readonly certificate: CommitCertificate } | undefined;
  finished = false;
  notices = 0;
  readonly #resilience: Resilience;
  readonly #completions: Record<Decision, Map<InitiatorId, Verified<CompletionStatement>>> = {
    commit: new Map(),
    rollback: new Map(),
  };
  #proposed: OutcomeValue | undefined;

  constructor(tid: TransactionId, request: Digest, requests: FloorProof, resilience: Resilience) {
    this.tid = tid;
    this.request = request;
    this.requests = requests;
    this.activation = namedBy(requests);
    this.#resilience = resilience;
  }

  /**
   * Takes a registration. `known` is one that was acknowledged before. It is `late` when Prepare has
   * gone to a durable participant (protocols.md 1.5), and when this replica `hasVoted` for an outcome:
   * an acknowledged registration must be in every value that it votes for.
   */
  register(
    registration: Verified<RegistrationStatement>,
    hasVoted: boolean,
  ): 'new' | 'known' | 'late' | 'refused' {
    if (this.enlistments.get(registration.statement.enlistment)?.admitted) return 'known';
    if (!this.#takesRegistrations(hasVoted)) return 'late';
    const enlistment = this.enlist(registration);
    if (!enlistment) return 'refused';
    enlistment.admitted = true;
    enlistment.counts = true;
    return 'new';
  }

  #takesRegistrations(hasVoted: boolean): boolean {
    const isEnding = (hasVoted || this.closed) && !this.decision;
    const state = isEnding ? 'PreparedSuccess' : this.state;
    const protocol = this.phase === 'durable' ? 'durable' : 'volatile';
    const step = transition(coordinatorTable, state, 'register', protocol);
    return step !== 'impossible' && step.actions.includes('send RegisterResponse');
  }

  /**
   * Takes a registration that a relay or a certificate shows, whatever the phase. Of two that a
   * participant signed for one enlistment the first counts here; the certificate decides in the end.
   */
  enlist(registration: Signed<RegistrationStatement>): EnlistedParticipant | undefined {
    const { enlistment } = registration.statement;
    const known = this.enlistments.get(enlistment);
    if (known) return known;
    const registrations = [...this.enlistments.values()].map((one) => one.registration);
    const host = hostOf(registration.statement);
    if (registrations.length >= enlistmentsMax || isFull(registrations, host)) return undefined;
    const created = new EnlistedParticipant(registration);
    this.enlistments.set(enlistment, created);
    return created;
  }

  /** Takes a registration from a peer. Returns whether it was unknown here. `isDebtor`: its participant owes too much. */
  relayed(
    registration: Signed<RegistrationStatement>,
    from: ReplicaId,
    isDebtor: boolean,
  ): boolean {
    const isNew = !this.enlistments.has(registration.statement.enlistment);
    const enlistment = this.enlist(registration);
    if (!enlistment) return false;
    enlistment.relayedBy.add(from);
    const isVouchedFor = enlistment.relayedBy.size >= oneCorrect(this.#resilience);
    if (isNew || !enlistment.counts) enlistment.counts = !isDebtor || isVouchedFor;
    return isNew;
  }

  /** The column of the standard's table that the transaction is in, whatever its participants are. */
  get state(): CoordinatorState {
    if (this.finished) return 'None';
    if (this.decision) return this.decision.outcome === 'commit' ? 'Committing' : 'Aborting';
    return this.phase === 'active' ? 'Active' : 'Preparing';
  }

  /** All its participants are out of it. */
  forgotAll(): void {
    const step = transition(coordinatorTable, this.state, 'allForgotten');
    this.finished = step !== 'impossible' && step.next === 'None';
  }

  /** Keeps a completion request. One initiator counts once for each decision. */
  complete(statement: Verified<CompletionStatement>): void {
    const { decision, initiator } = statement.statement;
    const asked = this.#completions[decision];
    if (!asked.has(initiator)) asked.set(initiator, statement);
  }

  /** Whether what a relayed record says is known here already. */
  has(statement: RegistrationStatement | VoteStatement | CompletionStatement): boolean {
    if (statement.kind === 'completion') {
      return this.#completions[statement.decision].has(statement.initiator);
    }
    const enlistment = this.enlistments.get(statement.enlistment);
    return statement.kind === 'registration'
      ? enlistment?.counts === true
      : enlistment?.vote?.statement.vote === statement.vote;
  }

  /** Whether `f + 1` initiators asked for it (Zhao §4.3). */
  isAsked(decision: Decision): boolean {
    return this.#completions[decision].size >= oneCorrect(this.#resilience);
  }

  /** The initiators that asked for either. */
  get askers(): ReadonlySet<InitiatorId> {
    const { commit, rollback } = this.#completions;
    return new Set([...commit.keys(), ...rollback.keys()]);
  }

  /** With which enlistments this replica has closed it; undefined where it has not. */
  get closedWith(): Digest | undefined {
    if (!this.closed || this.decision) return undefined;
    const counting = [...this.enlistments].filter(([, { counts }]) => counts);
    return digestOfEnlistments(counting.map(([id]) => id));
  }

  /** What this replica would propose now; undefined while there is no reason for an outcome. */
  proposal(): OutcomeValue | undefined {
    const next = this.#nextOutcome();
    if (!next) return undefined;
    const { outcome, reason } = next;
    const standing = this.#proposed;
    if (standing?.outcome === outcome && standing.reason === reason && this.#isComplete(standing)) {
      return standing;
    }
    const decision = outcome === 'commit' ? 'commit' : 'rollback';
    this.#proposed = {
      kind: 'outcome',
      tid: this.tid,
      outcome,
      ...(reason ? { reason } : {}),
      records: this.#records(),
      completion: reason === 'vote' || reason === 'timeout' ? [] : this.asked(decision),
    };
    return this.#proposed;
  }

  /** Zhao §4.3, "a backup accepts"; protocols.md 1.2 (superset) and 1.3 (an abort needs a reason). */
  judge(value: OutcomeValue, backing: Backing): ProposalVerdict {
    // A quorum closed it with just these: what else is on record here was acknowledged by no quorum.
    if (value.closing) return { verdict: 'accept' };
    if (!this.#isComplete(value)) return refuse('a registration is missing in the certificate');
    if (value.reason !== 'timeout') return { verdict: 'accept' };
    // Those that insist may not count a vote that counts here: its participant owes them too much.
    const isBare = this.#mayCommit() && backing !== 'insisted';
    if (isBare) return later('bare abort of a transaction that can commit');
    if (this.overdue) return { verdict: 'accept' };
    return later('abort before the time has run out here');
  }

  /** The signed records at hand; given a value, those that it lacks. */
  evidence(value?: OutcomeValue): VerifiedRecord[] {
    const held = new Map(
      value?.records.map((record) => [record.registration.statement.enlistment, record]),
    );
    const records: Signed<RegistrationStatement | VoteStatement | CompletionStatement>[] = [];
    for (const [id, { registration, vote, counts }] of this.enlistments) {
      if (!counts) continue;
      if (!held.has(id)) records.push(registration);
      if (vote && !held.get(id)?.vote) records.push(vote);
    }
    if (value?.completion.length) return records as VerifiedRecord[];
    for (const asked of Object.values(this.#completions)) records.push(...asked.values());
    return records as VerifiedRecord[];
  }

  #nextOutcome(): { outcome: Outcome; reason?: AbortReason } | undefined {
    if (this.isAsked('rollback')) return { outcome: 'abort', reason: 'rollback' };
    if (this.#mayCommit()) return { outcome: 'commit' };
    const enlistments = [...this.enlistments.values()];
    if (enlistments.some(({ vote }) => vote?.statement.vote === 'aborted')) {
      return { outcome: 'abort', reason: 'vote' };
    }
    return this.overdue ? { outcome: 'abort', reason: 'timeout' } : undefined;
  }

  #mayCommit(): boolean {
    return (
      this.isAsked('commit') &&
      [...this.enlistments.values()].every(({ vote }) => isConsent(vote?.statement.vote))
    );
  }

  /**
   * The superset rule: every registration that counts here stands in the certificate. A participant that
   * signed more than its places cannot have them all in; it is at fault, and must not block the others.
   */
  #isComplete({ records }: OutcomeValue): boolean {
    const registrations = records.map(({ registration }) => registration);
    const certified = new Set(registrations.map(({ statement }) => statement.enlistment));
    return [...this.enlistments].every(([id, { registration, counts, admitted }]) => {
      invariant(counts || !admitted, 'what was acknowledged counts');
      return !counts || certified.has(id) || isFull(registrations, hostOf(registration.statement));
    });
  }

  #records(): ParticipantRecord[] {
    return [...this.enlistments]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, { registration, vote }]) => (vote ? { registration, vote } : { registration }));
  }

  /** The first `f + 1` that asked, sorted by initiator. */
  asked(decision: Decision): Signed<CompletionStatement>[] {
    return [...this.#completions[decision].values()]
      .slice(0, oneCorrect(this.#resilience))
      .sort((a, b) => a.statement.initiator - b.statement.initiator);
  }
}

function refuse(why: string): ProposalVerdict {
  return { verdict: 'refuse', why };
}

function later(why: string): ProposalVerdict {
  return { verdict: 'later', why };
}
