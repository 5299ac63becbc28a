import type {
  ActivationStatement,
  CompletionStatement,
  Decision,
  Outcome,
} from '../../agreement/statements.js';
import { activationContent, activationSlotRequest } from '../../agreement/values.js';
import { type CommonOutput, resendDelayMs } from '../../kernel/core.js';
import {
  type Digest,
  oneCorrect,
  primaryOf,
  quorum,
  type ReplicaId,
  replicaId,
  type TransactionId,
  unreachable,
} from '../../kernel/ids.js';
import type { Signed } from '../../kernel/signed.js';
import { InvitationsOfLegs, Legs, Tally } from './calls.js';
import { DialogueCallers, refusalOf } from './dialogue.js';
import type {
  AbortCause,
  Called,
  ClientRequest,
  Dialogue,
  InitiatorInput,
  InitiatorOptions,
  InitiatorOutput,
  Instruction,
  RequestId,
  RequestReply,
} from './messages.js';
import { nextStep } from './steps.js';
import { type RequestTimer, startTimer, stopTimer } from './timers.js';

type Outputs<Call extends Called> = readonly (InitiatorOutput<Call> | CommonOutput)[];
type Input<Kind extends InitiatorInput['kind']> = Extract<InitiatorInput, { kind: Kind }>;

/** How many lifetimes of the transaction to wait for the outcome after the completion message. */
const outcomePatience = 4;
/** After so many completion messages in vain the coordinators are asked whether they have forgotten it. */
const roundsBeforeDoubt = 3;
const abortedElsewhere: AbortCause = 'AbortedByCoordinator';

type Phase =
  | { readonly kind: 'activating'; rounds: number }
  | { readonly kind: 'working'; readonly tid: TransactionId }
  | { readonly kind: 'completing'; readonly statement: Signed<CompletionStatement>; rounds: number }
  | { readonly kind: 'ended'; readonly reply: RequestReply };

/**
 * One transaction as an initiator replica drives it: activating, working (the legs are out),
 * completing (Commit or Rollback is out), ended. An outcome may come in any phase but the first.
 */
export class InitiatorTransaction<Call extends Called> {
  readonly #options: InitiatorOptions;
  readonly #request: ClientRequest<Call>;
  readonly #activation: Signed<ActivationStatement>;
  /** Names the activation slot at the coordinators. */
  readonly #slotRequest: Digest;
  /** Distinguishes it from another request of the client in that slot. */
  readonly #content: Digest;
  readonly #legs = new Legs<Call>();
  readonly #invitations: InvitationsOfLegs;
  readonly #activations: Tally<TransactionId>;
  readonly #tooOld: Tally<'TooOld'>;
  readonly #taken: Tally<'TimestampTaken'>;
  readonly #notices: Tally<Outcome>;
  #tid: TransactionId | undefined;
  /** The believed primary. */
  #primary = replicaId(0);
  #phase: Phase = { kind: 'activating', rounds: 0 };
  #decision: Decision | undefined;
  /** What the procedure made of it, where it has come to its end here. */
  #result: string | undefined;
  /** Why this initiator asked for a rollback. */
  #reason: string | undefined;
  /** What the client of a dialogue has asked for. */
  #asked: Decision | undefined;
  readonly #callers: DialogueCallers;
  readonly #signed: Decision | undefined;

  /** `signed`: what this initiator asked the coordinators for when the request was open here before. */
  constructor(options: InitiatorOptions, request: ClientRequest<Call>, signed?: Decision) {
    this.#options = options;
    this.#request = request;
    this.#signed = signed;
    this.#activation = options.sign<ActivationStatement>({
      kind: 'activation',
      client: request.client,
      timestamp: request.timestamp,
      request: request.digest,
      expiresMs: options.timing.defaultExpiresMs,
      initiator: options.id,
    });
    this.#slotRequest = activationSlotRequest(this.#activation.statement);
    this.#content = activationContent(this.#activation.statement);
    this.#callers = new DialogueCallers(options.limits.waiters);
    this.#invitations = new InvitationsOfLegs(options, request.operation);
    this.#activations = new Tally(oneCorrect(options.resilience));
    this.#tooOld = new Tally(quorum(options.resilience));
    this.#taken = new Tally(oneCorrect(options.resilience));
    this.#notices = new Tally(oneCorrect(options.resilience));
  }

  get request(): ClientRequest<Call> {
    return this.#request;
  }

  /** Known from the activation's end on. */
  get tid(): TransactionId | undefined {
    return this.#tid;
  }

  /** What the coordinators were asked for. */
  get decision(): Decision | undefined {
    return this.#decision;
  }

  /** Set once the transaction has ended. */
  get reply(): RequestReply | undefined {
    return this.#phase.kind === 'ended' ? this.#phase.reply : undefined;
  }

  /** Asks the believed primary alone; the others are asked when it keeps silent. */
  start(primary: ReplicaId): Outputs<Call> {
    const { resendAfterMs, defaultExpiresMs } = this.#options.timing;
    this.#primary = primary;
    return [
      this.#activate([primary]),
      this.#timer({ kind: 'resend' }, resendAfterMs),
      this.#timer({ kind: 'deadline' }, defaultExpiresMs),
    ];
  }

  activated({ replica, evidence }: Input<'activated'>): Outputs<Call> {
    if (this.#phase.kind !== 'activating') return [];
    if (evidence.kind === 'plain') {
      const tid = this.#activations.add(replica, evidence.tid);
      return tid === undefined ? [] : this.#begin(tid);
    }
    const { slot, result, ballot } = evidence.certificate.statement;
    this.#primary = primaryOf(this.#options.resilience, ballot.view);
    if (slot.kind !== 'activation' || slot.request !== this.#slotRequest) return [];
    if (result.kind !== 'activation') return [];
    if (result.content !== this.#content) return this.#end({ kind: 'refusal', code: 'conflict' });
    return this.#begin(result.tid);
  }

  /** A primary that cannot be reached is not worth waiting for. */
  activationFailed(): Outputs<Call> {
    const phase = this.#phase;
    return phase.kind === 'activating' && phase.rounds === 0 ? this.#resend() : [];
  }

  /**
   * When a quorum has forgotten it, no quorum can activate it any more, or decide its outcome. Fewer may be
   * past it while the others still make it, or still know it. That its timestamp is taken was decided, so
   * `f + 1` are enough.
   */
  activationRefused({ replica, fault }: Input<'activation-refused'>): Outputs<Call> {
    const { kind } = this.#phase;
    if (kind === 'ended' || (kind !== 'activating' && fault !== 'TooOld')) return [];
    const known =
      fault === 'TooOld' ? this.#tooOld.add(replica, fault) : this.#taken.add(replica, fault);
    if (known === undefined) return this.activationFailed();
    return this.#end({ kind: 'refusal', code: fault === 'TooOld' ? 'stale' : 'conflict' });
  }

  completionFailed(): Outputs<Call> {
    const phase = this.#phase;
    return phase.kind === 'completing' && phase.rounds === 1 ? this.#resend() : [];
  }

  legAnswered({ leg, result }: Input<'leg-answered'>): Outputs<Call> {
    if (this.#phase.kind !== 'working') return [];
    const verdict = this.#legs.answered(leg, result);
    const answered = this.#callers.answered(leg, this.#legs.answerTo(leg));
    switch (verdict.kind) {
      case 'wait':
        return answered;
      case 'retry': {
        const firstMs = this.#options.timing.resendAfterMs;
        return [this.#timer({ kind: 'leg', leg }, resendDelayMs(firstMs, verdict.attempts - 1))];
      }
      case 'all-answered':
      case 'refused':
        return [...answered, ...this.#proceed(this.#phase.tid)];
      default:
        return unreachable(verdict);
    }
  }

  /** Whether it is a dialogue with this transaction id. */
  isDialogue(tid: TransactionId): boolean {
    return this.#request.operation.kind === 'dialogue' && tid === this.#tid;
  }

  /** The client goes on with its dialogue. What it is told with the end is not answered here. */
  instructed(requestId: RequestId, instruction: Instruction<Call>): Outputs<Call> {
    const { operation } = this.#request;
    if (operation.kind !== 'dialogue') return [];
    switch (instruction.kind) {
      case 'call':
        return this.#called(requestId, operation, instruction);
      case 'complete':
        return this.#toComplete(instruction.decision);
      default:
        return unreachable(instruction);
    }
  }

  #called(
    requestId: RequestId,
    { callsMax }: Dialogue,
    { number, call, text, warrant }: Extract<Instruction<Call>, { kind: 'call' }>,
  ): Outputs<Call> {
    const isNext = number === this.#legs.count && number < callsMax && this.#legs.areDone;
    if (isNext && this.#phase.kind === 'working' && this.#asked === undefined) {
      this.#legs.add([call], warrant);
      return [...this.#callers.add(number, text, requestId), ...this.#invoke(number)];
    }
    if (!this.#callers.isSame(number, text)) return [refusalOf(requestId, 'out-of-place')];
    const answer = this.#legs.answerTo(number);
    return answer === undefined
      ? this.#callers.add(number, text, requestId)
      : [{ kind: 'answer', requestId, reply: { kind: 'called', answer } }];
  }

  /** The first decision stands: the end says which it was. */
  #toComplete(decision: Decision): Outputs<Call> {
    if (this.#phase.kind !== 'working' || this.#asked !== undefined) return [];
    this.#asked = decision;
    return this.#proceed(this.#phase.tid);
  }

  notified({ replica, evidence }: Input<'notified'>): Outputs<Call> {
    const tid = this.#tid;
    if (tid === undefined || this.#phase.kind === 'ended') return [];
    if (evidence.kind === 'plain') {
      const outcome = this.#notices.add(replica, evidence.outcome);
      return outcome === undefined ? [] : this.#conclude(tid, outcome);
    }
    const { slot, result } = evidence.certificate.statement;
    if (slot.kind !== 'outcome' || slot.tid !== tid) return [];
    return result.kind === 'outcome' ? this.#conclude(tid, result.outcome) : [];
  }

  /** A later request of the same client shows that this one is over. */
  giveUp(): Outputs<Call> {
    return this.#end({ kind: 'refusal', code: 'stale' });
  }

  timerRanOut(timer: RequestTimer): Outputs<Call> {
    switch (timer.kind) {
      case 'resend':
        return this.#resend();
      case 'deadline':
        return this.#deadline();
      case 'leg':
        return this.#invoke(timer.leg);
      default:
        return unreachable(timer);
    }
  }

  #begin(tid: TransactionId): Outputs<Call> {
    this.#tid = tid;
    this.#phase = { kind: 'working', tid };
    const { defaultExpiresMs } = this.#options.timing;
    const isDialogue = this.#request.operation.kind === 'dialogue';
    return [
      this.#stop({ kind: 'resend' }),
      ...(isDialogue ? [this.#timer({ kind: 'deadline' }, defaultExpiresMs)] : []),
      ...this.#proceed(tid),
    ];
  }

  /** What comes next, if anything does before further answers. */
  #proceed(tid: TransactionId): Outputs<Call> {
    const step = nextStep(this.#request.operation, this.#legs, this.#asked);
    switch (step?.kind) {
      case undefined:
        return [];
      case 'call':
        return this.#call(step.legs);
      case 'commit':
        this.#result = step.result;
        return this.#complete(tid, 'commit');
      case 'rollback':
        this.#reason = step.reason;
        return this.#complete(tid, 'rollback');
      default:
        return unreachable(step);
    }
  }

  #call(calls: readonly Call[]): Outputs<Call> {
    const legs = this.#legs.add(calls, this.#request.warrant);
    return [
      this.#timer({ kind: 'deadline' }, this.#options.timing.voteTimeoutMs),
      ...legs.flatMap((leg) => this.#invoke(leg)),
    ];
  }

  #invoke(leg: number): Outputs<Call> {
    const sent = this.#phase.kind === 'working' ? this.#legs.attempt(leg) : undefined;
    if (this.#phase.kind !== 'working' || sent === undefined) return [];
    const { tid } = this.#phase;
    const { call, warrant } = sent;
    const { digest } = this.#request;
    const invitation = this.#invitations.of(tid, call.participant, this.#legs.called);
    return [{ kind: 'invoke-leg', request: digest, tid, leg, call, warrant, invitation }];
  }

  /** What was sent once stands: nothing after this makes a Commit a Rollback, or the reverse. */
  #complete(tid: TransactionId, wanted: Decision): Outputs<Call> {
    const { id, sign, timing } = this.#options;
    const decision = this.#signed ?? wanted;
    const statement = sign<CompletionStatement>({
      kind: 'completion',
      tid,
      decision,
      initiator: id,
    });
    this.#decision = decision;
    this.#phase = { kind: 'completing', statement, rounds: 0 };
    return [
      ...this.#stopLegs(),
      this.#timer({ kind: 'deadline' }, outcomePatience * timing.defaultExpiresMs),
      ...this.#resend(),
    ];
  }

  /** Sends the phase's message to the believed primary, later to every replica that has not answered. */
  #resend(): Outputs<Call> {
    const phase = this.#phase;
    if (phase.kind !== 'activating' && phase.kind !== 'completing') return [];
    const delayMs = resendDelayMs(this.#options.timing.resendAfterMs, phase.rounds);
    phase.rounds += 1;
    const timer = this.#timer({ kind: 'resend' }, delayMs);
    if (phase.kind === 'activating')
      return [this.#activate(this.#silent(this.#activations)), timer];
    const { rounds, statement } = phase;
    const to = rounds === 1 ? [this.#primary] : this.#silent(this.#notices);
    const isInDoubt = rounds > roundsBeforeDoubt;
    return [
      { kind: 'send-completion', to, statement },
      ...(isInDoubt ? [this.#activate(this.#silent(this.#tooOld))] : []),
      timer,
    ];
  }

  #deadline(): Outputs<Call> {
    switch (this.#phase.kind) {
      case 'activating':
        return this.#end({ kind: 'refusal', code: 'not-activated' });
      case 'working':
        this.#reason = this.#legs.refusal ?? this.#lateness;
        return this.#complete(this.#phase.tid, 'rollback');
      case 'completing':
        return this.#end({ kind: 'refusal', code: 'outcome-unknown' });
      case 'ended':
        return [];
    }
  }

  /** A bank that has used the request knows it of another transaction: this one's end is not its outcome. */
  #conclude(transactionId: TransactionId, outcome: Outcome): Outputs<Call> {
    if (outcome === 'abort' && this.#legs.refusal === 'RequestUsed') {
      return this.#end({ kind: 'refusal', code: 'stale' });
    }
    if (outcome === 'abort') {
      const reason = this.#reason ?? this.#legs.refusal ?? abortedElsewhere;
      return this.#end({ kind: 'outcome', transactionId, outcome: 'aborted', reason });
    }
    const result = this.#result === undefined ? {} : { result: this.#result };
    return this.#end({ kind: 'outcome', transactionId, outcome: 'committed', ...result });
  }

  #end(reply: RequestReply): Outputs<Call> {
    this.#phase = { kind: 'ended', reply };
    return [
      this.#stop({ kind: 'resend' }),
      this.#stop({ kind: 'deadline' }),
      ...this.#stopLegs(),
      ...this.#callers.dismiss(),
    ];
  }

  get #lateness(): string {
    const isDialogue = this.#request.operation.kind === 'dialogue';
    const cause: AbortCause = isDialogue ? 'ClientTimeout' : 'ParticipantTimeout';
    const { awaited } = this.#legs;
    return isDialogue || awaited === undefined ? cause : `${cause}: ${awaited}`;
  }

  #activate(to: readonly ReplicaId[]): InitiatorOutput<Call> {
    const request = this.#request.digest;
    return { kind: 'send-activation', request, to, statement: this.#activation };
  }

  #silent(tally: Tally<unknown>): ReplicaId[] {
    return Array.from({ length: this.#options.resilience.n }, (_, index) =>
      replicaId(index),
    ).filter((replica) => !tally.hasHeard(replica));
  }

  #timer(timer: RequestTimer, delayMs: number): CommonOutput {
    return startTimer({ request: this.#request.digest, timer }, delayMs);
  }

  #stop(timer: RequestTimer): CommonOutput {
    return stopTimer({ request: this.#request.digest, timer });
  }

  #stopLegs(): Outputs<Call> {
    return this.#legs.called.map((_, leg) => this.#stop({ kind: 'leg', leg }));
  }
}
