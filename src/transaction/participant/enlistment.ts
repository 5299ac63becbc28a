import type { RegistrationStatement, TwoPhaseProtocol, Vote } from '../../agreement/statements.js';
import { type CommonOutput, invariant, resendDelayMs } from '../../kernel/core.js';
import { type Digest, type InitiatorId, type ReplicaId, unreachable } from '../../kernel/ids.js';
import {
  type ParticipantAction,
  type ParticipantEvent,
  type ParticipantState,
  participantTable,
  transition,
} from '../state-tables.js';
import type { Finished } from './finished-log.js';
import type {
  ApplicationVote,
  ApplicationWrite,
  CallId,
  EnlistmentRef,
  Notified,
  OperationResult,
  ParticipantOptions,
  ParticipantOutput,
} from './messages.js';
import { NotificationTally } from './notifications.js';
import { type PreparedRecord, preparedKey, writePreparedValue } from './prepared-records.js';
import { type Calls, Registration, type ReplicaOrder } from './registration.js';
import { answer, ParticipantSigner, refused } from './signer.js';
import type { EnlistmentTimer } from './timers.js';

type Output<Operation> = ParticipantOutput<Operation> | CommonOutput;
type Outputs<Operation> = readonly Output<Operation>[];

/** What remains to be done for an event once the application has rolled back. */
interface RollingBack {
  readonly event: ParticipantEvent;
  readonly remaining: readonly ParticipantAction[];
}

/** Which operation of which transaction, and which initiators wait for its answer. */
export interface EnlistmentIdentity {
  readonly ref: EnlistmentRef;
  readonly digest: Digest;
  readonly protocol: TwoPhaseProtocol;
  readonly calls: Calls;
}

/** After so many unanswered repetitions a volatile participant stops asking for the outcome. */
const volatileRepetitions = 20;

/**
 * One enlistment, from its registration to its end. What is done in which state is read from
 * `participantTable`; added is what it takes to have many coordinators, some of which may lie.
 *
 * Two things of the standard are not here. Write failed: a write that fails stops the node. Faults
 * that a coordinator sends: they decide nothing, since an abort comes as a Rollback that is proved or
 * said by `f + 1`.
 */
export class Enlistment<Operation> {
  readonly ref: EnlistmentRef;
  readonly digest: Digest;
  readonly #options: ParticipantOptions;
  readonly #order: ReplicaOrder;
  readonly #protocol: TwoPhaseProtocol;
  readonly #calls: Calls;
  readonly #notifications: NotificationTally;
  #signer: ParticipantSigner;
  #state: ParticipantState = 'None';
  #registration: Registration<Operation> | undefined;
  #rollingBack: RollingBack | undefined;
  #result: OperationResult | undefined;
  #vote: Vote | undefined;
  #isOnRecord = false;
  #record: Uint8Array = new Uint8Array();
  #voteWrites: readonly ApplicationWrite[] = [];
  #end: Finished['end'] = 'aborted';
  #finished: Finished | undefined;
  #repetitions = 0;

  constructor(
    options: ParticipantOptions,
    { ref, digest, protocol, calls }: EnlistmentIdentity,
    order: ReplicaOrder,
  ) {
    this.ref = ref;
    this.digest = digest;
    this.#options = options;
    this.#order = order;
    this.#protocol = protocol;
    this.#calls = calls;
    this.#notifications = new NotificationTally(options.resilience);
    this.#signer = new ParticipantSigner(options, ref);
  }

  /** Set once it has ended. */
  get finished(): Finished | undefined {
    return this.#finished;
  }

  /** Whether the transaction has come so far that it takes no further operations. */
  get isCompleting(): boolean {
    if (this.#finished !== undefined) return this.#finished.end !== 'readOnly';
    return this.#registration === undefined && this.#state !== 'Active';
  }

  register(
    operation: Operation,
    invitations: RegistrationStatement['invitations'],
    expiresMs: number,
  ): Outputs<Operation> {
    const statement = this.#signer.registration(this.#protocol, invitations);
    this.#registration = new Registration(
      this.#options,
      statement,
      operation,
      this.#signer,
      this.#order,
    );
    return [this.#signer.startTimer('expires', expiresMs), ...this.#registration.send()];
  }

  /** Takes up a prepared record after a restart: in doubt, and soon asking for the outcome. */
  recover({ record }: PreparedRecord, askAfterMs: number): Outputs<Operation> {
    this.#state = 'PreparedSuccess';
    this.#result = { kind: 'done' };
    this.#vote = 'prepared';
    this.#isOnRecord = true;
    this.#signer = new ParticipantSigner(this.#options, this.ref, { vote: 'prepared' });
    return [
      { kind: 'recover', ref: this.ref, record },
      this.#signer.startTimer('doubt', askAfterMs),
    ];
  }

  /** A further call for an operation that has been accepted. */
  join(initiator: InitiatorId, call: CallId): Outputs<Operation> {
    if (this.#result !== undefined) return answer([call], this.#result);
    return answer(this.#calls.add(initiator, call), refused('Superseded'));
  }

  registered(replica: ReplicaId): Outputs<Operation> {
    const standing = this.#registration?.acknowledged(replica);
    return standing === 'enough' ? this.#apply('registerResponse') : [];
  }

  registrationRefused(replica: ReplicaId): Outputs<Operation> {
    const standing = this.#registration?.refused(replica);
    return standing === 'hopeless' ? this.#giveUp() : [];
  }

  registrationFailed(): Outputs<Operation> {
    return this.#registration?.failed() ?? [];
  }

  executed(result: OperationResult): Outputs<Operation> {
    const awaited = this.#state === 'Active' || this.#state === 'Preparing';
    if (!awaited || this.#result !== undefined) return [];
    this.#result = result;
    const answered = answer(this.#calls.takeAll(), result);
    if (result.kind === 'refused') return [...answered, ...this.#apply('rollbackDecision')];
    return this.#state === 'Preparing' ? [...answered, this.#ask('prepare')] : answered;
  }

  voted(vote: ApplicationVote, writes: readonly ApplicationWrite[] = []): Outputs<Operation> {
    if (this.#state !== 'Active' && this.#state !== 'Preparing') return [];
    switch (vote.vote) {
      case 'prepared':
        this.#record = vote.record;
        this.#voteWrites = writes;
        return this.#apply('commitDecision');
      case 'readOnly':
        return this.#apply('readOnlyDecision');
      case 'aborted':
        return this.#apply('rollbackDecision');
      default:
        return unreachable(vote);
    }
  }

  /** The application's writes and the end of the prepared record make one atomic group. */
  settled(writes: readonly ApplicationWrite[]): Outputs<Operation> {
    const rollingBack = this.#rollingBack;
    if (rollingBack === undefined && this.#state !== 'Committing') return [];
    this.#rollingBack = undefined;
    return [
      ...writes.map(persist),
      ...this.#writeRecord(null),
      ...(rollingBack === undefined
        ? this.#apply('commitDecision')
        : this.#perform(rollingBack.event, rollingBack.remaining, this.#signer.everybody)),
    ];
  }

  notified(notified: Notified): Outputs<Operation> {
    const to = this.#notifications.add(notified);
    // While the application rolls back: all replicas are notified when it is done (the table's note d).
    if (to === undefined || this.#rollingBack !== undefined) return [];
    return this.#apply(notified.message, to);
  }

  timerRanOut(timer: EnlistmentTimer): Outputs<Operation> {
    if (this.#rollingBack !== undefined) return [];
    switch (timer) {
      case 'register':
        return this.#registration?.overdue() ?? [];
      case 'expires':
        return this.#registration === undefined ? this.#apply('expires') : this.#giveUp();
      case 'doubt':
        return this.#isDurable || this.#repetitions < volatileRepetitions
          ? this.#apply('commsTimeout')
          : this.#forgetVolatile();
      default:
        return unreachable(timer);
    }
  }

  /** Some replicas may have taken the registration, and would wait for a vote. */
  #giveUp(): Outputs<Operation> {
    this.#result = refused('CannotRegister');
    return [this.#castVote('aborted'), ...this.#close()];
  }

  /** A volatile participant has no guarantee to receive the outcome. */
  #forgetVolatile(): Outputs<Operation> {
    this.#state = 'None';
    this.#end = 'unknown';
    return this.#perform('commsTimeout', ['roll back', 'forget'], []);
  }

  #apply(event: ParticipantEvent, to = this.#signer.everybody): Outputs<Operation> {
    const state = this.#state;
    const found = transition(participantTable, state, event, this.#protocol);
    if (found === 'impossible') return [this.#signer.log('warn', 'out-of-place', { event, state })];
    this.#state = found.next;
    return this.#perform(event, found.actions, to);
  }

  /** Stops at a roll back; `settled` goes on from there. */
  #perform(
    event: ParticipantEvent,
    actions: readonly ParticipantAction[],
    to: readonly ReplicaId[],
  ): Outputs<Operation> {
    const outputs: Output<Operation>[] = [];
    for (const [at, action] of actions.entries()) {
      outputs.push(...this.#act(action, event, to));
      if (action === 'roll back') {
        this.#rollingBack = { event, remaining: actions.slice(at + 1) };
        return outputs;
      }
    }
    return this.#state === 'None' ? [...outputs, ...this.#close()] : outputs;
  }

  #act(
    action: ParticipantAction,
    event: ParticipantEvent,
    to: readonly ReplicaId[],
  ): Outputs<Operation> {
    switch (action) {
      case 'become active':
        return this.#becomeActive();
      case 'work out the vote':
        return this.#result === undefined ? [] : [this.#ask('prepare')];
      case 'force the prepare record':
        return [
          ...(this.#isDurable ? this.#voteWrites.map(persist) : []),
          ...this.#writeRecord(writePreparedValue(this.digest, this.#record)),
          // Those that asked, the primary among them as a rule; the others if no outcome comes of it.
          ...this.#apply('writeDone', this.#notifications.sendersOf('prepare')),
        ];
      case 'send Prepared':
        return [this.#castVote('prepared', to), ...this.#awaitOutcome(event)];
      case 'send ReadOnly':
        this.#end = 'readOnly';
        return [this.#castVote('readOnly', to)];
      case 'send Aborted':
        // Not signed as a vote where it would contradict the one that was cast.
        return [
          this.#vote === 'prepared'
            ? this.#signer.acknowledgement('abort', this.#notifications.sendersOf('rollback'))
            : this.#castVote('aborted'),
        ];
      case 'start the commit':
        return [this.#signer.stopTimer('doubt'), this.#ask('commit')];
      case 'send Committed':
        // A commit of a transaction that was decided without this enlistment: it has no part in that.
        if (this.#vote !== 'prepared') {
          return [this.#signer.log('warn', 'commit-without-consent', { replicas: to })];
        }
        this.#end = 'committed';
        return [this.#signer.acknowledgement('commit', this.#notifications.sendersOf('commit'))];
      case 'roll back':
        return [this.#ask('roll-back')];
      case 'fault InvalidState':
        return this.#fault('InvalidState', event, to);
      case 'fault InconsistentInternalState':
        return this.#fault('InconsistentInternalState', event, to);
      case 'forget':
        return [];
      default:
        return unreachable(action);
    }
  }

  #becomeActive(): Outputs<Operation> {
    if (this.#registration === undefined) return [];
    const { operation } = this.#registration;
    this.#registration = undefined;
    return [this.#signer.stopTimer('register'), { kind: 'execute', ref: this.ref, operation }];
  }

  /** In doubt: Prepared is repeated, ever more slowly, until an outcome comes. */
  #awaitOutcome(event: ParticipantEvent): Outputs<Operation> {
    // The answer to a repeated Prepare does not put the next repetition off.
    if (event !== 'writeDone' && event !== 'commsTimeout') return [];
    const delayMs = resendDelayMs(this.#options.resendAfterMs, this.#repetitions);
    this.#repetitions += 1;
    return [this.#signer.startTimer('doubt', delayMs)];
  }

  #fault(
    fault: 'InvalidState' | 'InconsistentInternalState',
    event: ParticipantEvent,
    to: readonly ReplicaId[],
  ): Outputs<Operation> {
    return [
      this.#signer.fault(fault, to),
      this.#signer.log('error', 'invalid-notification', { fault, event, replicas: to }),
    ];
  }

  /** Answers the initiators that still wait. */
  #close(): Outputs<Operation> {
    this.#registration = undefined;
    const result = this.#result ?? refused('Aborted');
    const { ref, digest } = this;
    this.#finished = { ref, digest, result, vote: this.#vote, end: this.#end };
    return [
      ...answer(this.#calls.takeAll(), result),
      ...(['register', 'expires', 'doubt'] as const).map((timer) => this.#signer.stopTimer(timer)),
    ];
  }

  get #isDurable(): boolean {
    return this.#protocol === 'durable';
  }

  #writeRecord(value: Uint8Array | null): Outputs<Operation> {
    if (!this.#isDurable) return [];
    this.#isOnRecord = value !== null;
    return [{ kind: 'persist', key: preparedKey(this.ref), value }];
  }

  #castVote(vote: Vote, to?: readonly ReplicaId[]): Output<Operation> {
    const mayConsent = this.#isOnRecord || !this.#isDurable;
    invariant(vote !== 'prepared' || mayConsent, 'the prepared record comes before the vote');
    this.#vote = vote;
    return this.#signer.vote(vote, to);
  }

  #ask(kind: 'prepare' | 'commit' | 'roll-back'): Output<Operation> {
    return { kind, ref: this.ref };
  }
}

function persist({ key, value }: ApplicationWrite): CommonOutput {
  return { kind: 'persist', key, value };
}
