import type { Outcome } from '../../agreement/statements.js';
import type { CommonOutput, Core, StoredRecord, TimerInput } from '../../kernel/core.js';
import { oneCorrect, type TransactionId, unreachable } from '../../kernel/ids.js';
import { LatelyHeard } from '../../kernel/lately-heard.js';
import { Enlistment, type EnlistmentIdentity } from './enlistment.js';
import { type Finished, FinishedLog, operationKey } from './finished-log.js';
import {
  type EnlistmentRef,
  type Invited,
  type Notified,
  type ParticipantInput,
  type ParticipantOptions,
  type ParticipantOutput,
  refKey,
} from './messages.js';
import { provedEnd } from './notifications.js';
import { preparedPrefix, readPreparedRecord } from './prepared-records.js';
import { type Admission, Calls, Invitations, ReplicaOrder } from './registration.js';
import { answer, ParticipantSigner, refused } from './signer.js';
import { type ParticipantTimer, readTimer, startTimer, stopTimer } from './timers.js';

type Output<Operation> = ParticipantOutput<Operation> | CommonOutput;
type Outputs<Operation> = readonly Output<Operation>[];
type Accepted = Extract<Admission, { readonly kind: 'accepted' }>;

/** What an enlistment that ended so has acknowledged, or may yet. */
const acknowledgedBy: Readonly<Record<Finished['end'], Outcome | undefined>> = {
  committed: 'commit',
  aborted: 'abort',
  readOnly: undefined,
  unknown: undefined,
};

/** After a restart, so much between the first questions about two enlistments in doubt. */
const recoverySpacingMs = 5;

/**
 * A participant of transactions that a replicated coordinator runs for replicated initiators (Zhao §4).
 *
 * An operation that `f + 1` initiators ask for makes one enlistment: registered at a quorum of
 * coordinators, executed by the application, and then led through two-phase commit by what `f + 1`
 * coordinators say, or one proves. The application answers `execute`, `prepare`, `commit` and
 * `roll-back` by inputs, at once or later; what it writes goes into the store together with the
 * participant's own record.
 *
 * What is neither open nor remembered is not in doubt, but it may have been before: what the participant
 * signed of it is not known here any more. So it signs no vote, and acknowledges what is proved to it: a
 * commit with the consent that it signed itself.
 */
export class Participant<Operation>
  implements Core<ParticipantInput<Operation>, ParticipantOutput<Operation>>
{
  readonly #options: ParticipantOptions;
  readonly #invitations: Invitations;
  readonly #open = new Map<string, Enlistment<Operation>>();
  readonly #openByOperation = new Map<string, Enlistment<Operation>>();
  readonly #finished: FinishedLog;
  readonly #order: ReplicaOrder;
  readonly #heard: LatelyHeard;

  constructor(options: ParticipantOptions) {
    this.#options = options;
    this.#invitations = new Invitations(oneCorrect(options.resilience), options.limits);
    this.#finished = new FinishedLog(options.limits.finished);
    this.#order = new ReplicaOrder(options.resilience);
    this.#heard = new LatelyHeard(options.resilience.n);
  }

  get underWay(): number {
    return this.#heard.size;
  }

  /** Throws `RangeError` where a prepared record is damaged: a vote stands behind it. */
  restore(records: readonly StoredRecord[]): Outputs<Operation> {
    return records
      .filter(({ key }) => key.startsWith(preparedPrefix))
      .flatMap((stored, index) => {
        const record = readPreparedRecord(stored);
        const enlistment = this.#add({ ...record, protocol: 'durable', calls: new Calls() });
        return enlistment.recover(record, index * recoverySpacingMs);
      });
  }

  handle(input: ParticipantInput<Operation> | TimerInput): Outputs<Operation> {
    switch (input.kind) {
      case 'invited':
        return this.#invited(input);
      case 'notified':
        return this.#notified(input);
      case 'registered':
        this.#order.heard(input.replica);
        return this.#told(input.ref, (it) => it.registered(input.replica));
      case 'registration-refused':
        return this.#told(input.ref, (it) => it.registrationRefused(input.replica));
      case 'registration-failed':
        this.#order.wasLate(input.replica);
        return this.#step(input.ref, (it) => it.registrationFailed());
      case 'executed':
        return this.#told(input.ref, (it) => it.executed(input.result));
      case 'voted':
        return this.#told(input.ref, (it) => it.voted(input.vote, input.writes));
      case 'settled':
        return this.#told(input.ref, (it) => it.settled(input.writes));
      case 'timer':
        return this.#timer(readTimer(input.name));
      default:
        return unreachable(input);
    }
  }

  #invited(invited: Invited<Operation>): Outputs<Operation> {
    const { tid, digest, initiator, call } = invited;
    const operation = operationKey(tid, digest);
    const open = this.#openByOperation.get(operation);
    if (open !== undefined) {
      this.#heard.of(refKey(open.ref));
      return open.join(initiator, call);
    }
    const finished = this.#finished.byOperation(operation);
    if (finished !== undefined) return answer([call], finished.result);
    const admission = this.#invitations.admit(invited);
    const timer = { kind: 'invitation', tid, digest } as const;
    switch (admission.kind) {
      case 'busy':
        return answer([call], refused('Busy'));
      case 'waiting':
        return [
          ...answer(admission.superseded, refused('Superseded')),
          ...(admission.isFirst ? [startTimer(timer, this.#lifetimeMs(invited.expiresMs))] : []),
        ];
      case 'accepted':
        return [stopTimer(timer), ...this.#enlist(invited, admission)];
      default:
        return unreachable(admission);
    }
  }

  #enlist(
    invited: Invited<Operation>,
    { calls, invitations, expiresMs }: Accepted,
  ): Outputs<Operation> {
    const { tid, enlistment, digest, protocol, operation } = invited;
    const ref = { tid, enlistment };
    if (this.#open.size >= this.#options.limits.enlistments || this.#open.has(refKey(ref))) {
      return answer(calls.takeAll(), refused('Busy'));
    }
    const lifetimeMs = this.#lifetimeMs(expiresMs);
    this.#heard.of(refKey(ref));
    return this.#add({ ref, digest, protocol, calls }).register(operation, invitations, lifetimeMs);
  }

  #notified(notified: Notified): Outputs<Operation> {
    this.#order.heard(notified.replica);
    const proved = notified.certificate?.statement.ballot.view;
    if (proved !== undefined) this.#order.sawView(proved);
    return this.#open.has(refKey(notified.ref))
      ? this.#told(notified.ref, (it) => it.notified(notified))
      : this.#answerEnded(notified);
  }

  #answerEnded(notified: Notified): Outputs<Operation> {
    const finished = this.#finished.byRef(notified.ref);
    return finished === undefined || finished.end === 'unknown'
      ? this.#answerForgotten(notified)
      : this.#answerFinished(notified, finished);
  }

  /** As the state None says, but for what contradicts the vote or the end. */
  #answerFinished(
    { ref, message, replica }: Notified,
    { vote, end }: Finished,
  ): Outputs<Operation> {
    const signer = new ParticipantSigner(this.#options, ref, {
      vote,
      acknowledged: acknowledgedBy[end],
    });
    switch (message) {
      case 'prepare':
        return [signer.vote(vote ?? 'aborted', [replica])];
      case 'commit':
        if (end !== 'committed') break;
        return [signer.acknowledgement('commit', [replica])];
      case 'rollback':
        if (end !== 'aborted') break;
        return [signer.acknowledgement('abort', [replica])];
      default:
        return unreachable(message);
    }
    return [signer.log('warn', 'contradicts-the-end', { message, replica, end })];
  }

  /**
   * It may have signed any vote and either acknowledgement, so it signs no vote, and acknowledges only the
   * end that is proved: there is one. It does not hold it any more, or its record would be here.
   */
  #answerForgotten(notified: Notified): Outputs<Operation> {
    const { ref, message, replica, vote } = notified;
    const end = provedEnd(notified);
    const signer = new ParticipantSigner(
      this.#options,
      ref,
      end === 'commit' ? vote?.statement : {},
    );
    return end === undefined
      ? [signer.log('info', 'forgotten', { message, replica })]
      : [signer.acknowledgement(end, [replica])];
  }

  #timer(timer: ParticipantTimer): Outputs<Operation> {
    switch (timer.kind) {
      case 'register':
      case 'expires':
      case 'doubt':
        return this.#step(timer.ref, (it) => it.timerRanOut(timer.kind));
      case 'invitation':
        return answer(this.#invitations.drop(timer.tid, timer.digest), refused('Unmatched'));
      default:
        return unreachable(timer);
    }
  }

  #add(identity: EnlistmentIdentity): Enlistment<Operation> {
    const enlistment = new Enlistment<Operation>(this.#options, identity, this.#order);
    this.#open.set(refKey(enlistment.ref), enlistment);
    this.#openByOperation.set(operationKey(enlistment.ref.tid, enlistment.digest), enlistment);
    return enlistment;
  }

  /** A step that others have a part in. */
  #told(
    ref: EnlistmentRef,
    step: (enlistment: Enlistment<Operation>) => Outputs<Operation>,
  ): Outputs<Operation> {
    if (this.#open.has(refKey(ref))) this.#heard.of(refKey(ref));
    return this.#step(ref, step);
  }

  #step(
    ref: EnlistmentRef,
    step: (enlistment: Enlistment<Operation>) => Outputs<Operation>,
  ): Outputs<Operation> {
    const enlistment = this.#open.get(refKey(ref));
    if (enlistment === undefined) return [];
    const outputs = step(enlistment);
    if (enlistment.finished !== undefined) {
      this.#open.delete(refKey(ref));
      this.#heard.ended(refKey(ref));
      this.#openByOperation.delete(operationKey(ref.tid, enlistment.digest));
      this.#finished.add(enlistment.finished);
    }
    return enlistment.isCompleting ? [...outputs, ...this.#refuseUnmatched(ref.tid)] : outputs;
  }

  /** A transaction that is being completed takes no operation that too few have asked for. */
  #refuseUnmatched(tid: TransactionId): Outputs<Operation> {
    return this.#invitations
      .of(tid)
      .flatMap((digest) => [
        stopTimer({ kind: 'invitation', tid, digest }),
        ...answer(this.#invitations.drop(tid, digest), refused('Unmatched')),
      ]);
  }

  #lifetimeMs(expiresMs: number): number {
    return Math.min(expiresMs, this.#options.limits.expiresMs);
  }
}
