import type { ReplicaId } from '../../vocabulary/ids.js';
import type {
  AcknowledgementStatement,
  Outcome,
  RegistrationStatement,
  Signed,
  TwoPhaseProtocol,
  Vote,
  VoteStatement,
} from '../../vocabulary/statements.js';
import type { CommonOutput, LogLevel } from '../effects.js';
import { invariant } from '../invariant.js';
import { refKey } from './participant-finished.js';
import { everyReplica } from './participant-hearing.js';
import type {
  CallId,
  CallResult,
  EnlistmentRef,
  ParticipantOptions,
  ParticipantOutput,
  RefusalCode,
} from './participant-messages.js';

type Output = ParticipantOutput<never> | CommonOutput;
type Fault = Extract<Output, { kind: 'send-fault' }>['fault'];

export type EnlistmentTimer = 'register' | 'expires' | 'doubt';

/** What a participant has signed about one enlistment. */
export interface Word {
  readonly vote?: Vote | undefined;
  readonly acknowledged?: Outcome | undefined;
}

/**
 * What a participant says about one enlistment. All that it signs it signs here, and its word is one: one
 * registration, one vote, one acknowledgement, each as often as it is asked for.
 */
export class Voice {
  readonly everybody: readonly ReplicaId[];
  readonly #options: ParticipantOptions;
  readonly #ref: EnlistmentRef;
  #hasRegistered = false;
  #vote: Vote | undefined;
  #acknowledged: Outcome | undefined;

  /** `word`: what it has signed before. */
  constructor(options: ParticipantOptions, ref: EnlistmentRef, word: Word = {}) {
    this.#vote = word.vote;
    this.#acknowledged = word.acknowledged;
    this.#options = options;
    this.#ref = ref;
    this.everybody = everyReplica(options.resilience);
  }

  registration(
    protocol: TwoPhaseProtocol,
    invitations: RegistrationStatement['invitations'],
  ): Signed<RegistrationStatement> {
    invariant(!this.#hasRegistered, 'one registration for an enlistment');
    this.#hasRegistered = true;
    const { id: participant, address, sign } = this.#options;
    const terms = { protocol, address, invitations };
    return sign({ kind: 'registration', ...this.#ref, participant, ...terms });
  }

  vote(vote: Vote, to = this.everybody): Output {
    invariant(this.#vote === undefined || this.#vote === vote, 'one vote for an enlistment');
    const isLate = this.#vote === undefined && this.#acknowledged !== undefined;
    invariant(!isLate || vote === 'aborted', 'no consent after an acknowledgement');
    this.#vote = vote;
    const { id, sign } = this.#options;
    const statement = sign<VoteStatement>({ kind: 'vote', ...this.#ref, participant: id, vote });
    return { kind: 'send-vote', to, statement };
  }

  /** What it was told to do is done. */
  acknowledgement(outcome: Outcome, to: readonly ReplicaId[]): Output {
    const said = this.#acknowledged ?? outcome;
    invariant(said === outcome, 'one acknowledgement for an enlistment');
    invariant(outcome === 'abort' || this.#vote === 'prepared', 'no commit without a consent');
    this.#acknowledged = outcome;
    const { id, sign } = this.#options;
    const statement = sign<AcknowledgementStatement>({
      kind: 'acknowledgement',
      ...this.#ref,
      participant: id,
      outcome,
    });
    return { kind: 'send-acknowledgement', to, statement };
  }

  fault(fault: Fault, to: readonly ReplicaId[]): Output {
    return { kind: 'send-fault', to, ref: this.#ref, fault };
  }

  startTimer(timer: EnlistmentTimer, delayMs: number): Output {
    return { kind: 'start-timer', name: timerName(timer, this.#ref), delayMs };
  }

  stopTimer(timer: EnlistmentTimer): Output {
    return { kind: 'stop-timer', name: timerName(timer, this.#ref) };
  }

  log(level: LogLevel, event: string, data: object): Output {
    return { kind: 'log', level, event, data: { ...this.#ref, ...data } };
  }
}

export function timerName(timer: EnlistmentTimer, ref: EnlistmentRef): string {
  return `${timer}/${refKey(ref)}`;
}

export function refused(reason: RefusalCode): CallResult {
  return { kind: 'refused', reason };
}

/** Tells the callers, if there are any. */
export function answer(calls: readonly CallId[], result: CallResult): readonly Output[] {
  return calls.length === 0 ? [] : [{ kind: 'answer', calls, result }];
}
