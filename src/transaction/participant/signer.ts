import type {
  AcknowledgementStatement,
  Outcome,
  RegistrationStatement,
  TwoPhaseProtocol,
  Vote,
  VoteStatement,
} from '../../agreement/statements.js';
import { type CommonOutput, invariant, type LogLevel } from '../../kernel/core.js';
import type { ReplicaId, Resilience } from '../../kernel/ids.js';
import type { Signed } from '../../kernel/signed.js';
import type {
  CallId,
  EnlistmentRef,
  OperationResult,
  ParticipantOptions,
  ParticipantOutput,
  ParticipantRefusalCode,
} from './messages.js';
import { type EnlistmentTimer, startTimer, stopTimer } from './timers.js';

/** Every replica of the coordinator. */
export function everyReplica({ n }: Resilience): readonly ReplicaId[] {
  return Array.from({ length: n }, (_, index) => index as ReplicaId);
}

type Output = ParticipantOutput<never> | CommonOutput;
type Fault = Extract<Output, { kind: 'send-fault' }>['fault'];

/** What a participant has signed about one enlistment. */
export interface SignedBefore {
  readonly vote?: Vote | undefined;
  readonly acknowledged?: Outcome | undefined;
}

/**
 * Signs what a participant sends about one enlistment, and nothing else does. It never contradicts itself: one
 * registration, one vote, one acknowledgement, each as often as a replica asks for it.
 */
export class ParticipantSigner {
  readonly everybody: readonly ReplicaId[];
  readonly #options: ParticipantOptions;
  readonly #ref: EnlistmentRef;
  #hasRegistered = false;
  #vote: Vote | undefined;
  #acknowledged: Outcome | undefined;

  /** `before`: what it has signed already. */
  constructor(options: ParticipantOptions, ref: EnlistmentRef, before: SignedBefore = {}) {
    this.#vote = before.vote;
    this.#acknowledged = before.acknowledged;
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

  /** What the coordinator asked for is done. */
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

  startTimer(kind: EnlistmentTimer, delayMs: number): Output {
    return startTimer({ kind, ref: this.#ref }, delayMs);
  }

  stopTimer(kind: EnlistmentTimer): Output {
    return stopTimer({ kind, ref: this.#ref });
  }

  log(level: LogLevel, event: string, data: object): Output {
    return { kind: 'log', level, event, data: { ...this.#ref, ...data } };
  }
}

export function refused(reason: ParticipantRefusalCode): OperationResult {
  return { kind: 'refused', reason };
}

/** Answers the callers, if there are any. */
export function answer(calls: readonly CallId[], result: OperationResult): readonly Output[] {
  return calls.length === 0 ? [] : [{ kind: 'answer', calls, result }];
}
