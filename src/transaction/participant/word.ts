import type {
  AcknowledgementStatement,
  Outcome,
  RegistrationStatement,
  TwoPhaseProtocol,
  Vote,
  VoteStatement,
} from '../../agreement/statements.js';
import {
  type CommonOutput,
  invariant,
  type LogLevel,
  type StoredRecord,
} from '../../kernel/core.js';
import {
  type Digest,
  digest,
  enlistmentId,
  oneCorrect,
  type ReplicaId,
  type Resilience,
  transactionId,
} from '../../kernel/ids.js';
import type { Signed } from '../../kernel/signed.js';
import type {
  CallId,
  CallResult,
  EnlistmentRef,
  Notification,
  Notified,
  ParticipantOptions,
  ParticipantOutput,
  RefusalCode,
} from './messages.js';
import { type EnlistmentTimer, startTimer, stopTimer } from './timers.js';

/** The prepared records: `participant/prepared/<transaction>/<enlistment>`. */
export const preparedPrefix = 'participant/prepared/';
const digestBytes = 32;

export interface PreparedRecord {
  readonly ref: EnlistmentRef;
  readonly digest: Digest;
  /** What the application gave with its vote. */
  readonly record: Uint8Array;
}

export function preparedKey(ref: EnlistmentRef): string {
  return preparedPrefix + refKey(ref);
}

/** The operation's digest and then the application's record. */
export function writePreparedValue(operation: Digest, record: Uint8Array): Uint8Array {
  const value = new Uint8Array(digestBytes + record.length);
  for (let i = 0; i < digestBytes; i++) {
    value[i] = Number.parseInt(operation.slice(2 * i, 2 * i + 2), 16);
  }
  value.set(record, digestBytes);
  return value;
}

/** Throws `RangeError` where the record is damaged: a vote stands behind it, so it is not skipped. */
export function readPrepared({ key, value }: StoredRecord): PreparedRecord {
  const [tid = '', enlistment = ''] = key.slice(preparedPrefix.length).split('/');
  const hex = Array.from(value.subarray(0, digestBytes), (byte) =>
    byte.toString(16).padStart(2, '0'),
  );
  return {
    ref: { tid: transactionId(tid), enlistment: enlistmentId(enlistment) },
    digest: digest(hex.join('')),
    record: value.slice(digestBytes),
  };
}

/** What is left of an enlistment that has ended. */
export interface Finished {
  readonly ref: EnlistmentRef;
  readonly digest: Digest;
  /** What the initiators received. */
  readonly result: CallResult;
  /** The vote that was cast, if any. */
  readonly vote: Vote | undefined;
  readonly end: 'committed' | 'aborted' | 'readOnly';
}

/** An enlistment as a map key, and as part of record keys. */
export function refKey({ tid, enlistment }: EnlistmentRef): string {
  return `${tid}/${enlistment}`;
}

/** The last enlistments that ended; the oldest is forgotten first. In memory only. */
export class FinishedLog {
  readonly #limit: number;
  readonly #byRef = new Map<string, Finished>();
  readonly #byOperation = new Map<string, Finished>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  byRef(ref: EnlistmentRef): Finished | undefined {
    return this.#byRef.get(refKey(ref));
  }

  byOperation(operation: string): Finished | undefined {
    return this.#byOperation.get(operation);
  }

  add(finished: Finished): void {
    this.#byRef.set(refKey(finished.ref), finished);
    this.#byOperation.set(operationKey(finished.ref.tid, finished.digest), finished);
    const [oldest] = this.#byRef.values();
    if (this.#byRef.size <= this.#limit || oldest === undefined) return;
    this.#byRef.delete(refKey(oldest.ref));
    const operation = operationKey(oldest.ref.tid, oldest.digest);
    if (this.#byOperation.get(operation) === oldest) this.#byOperation.delete(operation);
  }
}

/** An operation of a transaction as a map key. */
export function operationKey(tid: EnlistmentRef['tid'], digest: Digest): string {
  return `${tid}/${digest}`;
}

/** Every replica of the coordinator. */
export function everyReplica({ n }: Resilience): readonly ReplicaId[] {
  return Array.from({ length: n }, (_, index) => index as ReplicaId);
}

const provedBy: Readonly<Record<Outcome, Notification>> = { commit: 'commit', abort: 'rollback' };

/**
 * Which replicas have sent which notification about one enlistment. A participant acts on what `f + 1` replicas
 * send, one of which is correct, or on one message that proves what it says (Zhao §4.3).
 */
export class Hearing {
  readonly #needed: number;
  readonly #said: Readonly<Record<Notification, Set<ReplicaId>>> = {
    prepare: new Set(),
    commit: new Set(),
    rollback: new Set(),
  };
  readonly #believed = new Set<Notification>();

  constructor(resilience: Resilience) {
    this.#needed = oneCorrect(resilience);
  }

  /** The replicas to answer once the notification is believed: all that sent it, later each that sends it again. */
  hear(notified: Notified): readonly ReplicaId[] | undefined {
    const { replica, message } = notified;
    const said = this.#said[message];
    said.add(replica);
    if (this.#believed.has(message)) return [replica];
    if (said.size < this.#needed && !isProved(notified)) return undefined;
    this.#believed.add(message);
    return [...said];
  }

  /** Those that have sent it so far. */
  whoSaid(message: Notification): readonly ReplicaId[] {
    return [...this.#said[message]];
  }
}

/** Whether the message shows why, for just this transaction. */
function isProved(notified: Notified): boolean {
  const { message, ref, completion } = notified;
  return message === 'prepare'
    ? completion?.tid === ref.tid && completion.decision === 'commit'
    : isDecided(notified);
}

/**
 * The end of an enlistment that the message proves to a participant that does not remember it. A commit is
 * one only with the participant's own consent. It consents once a quorum has acknowledged its
 * registration, so a commit of that transaction has the enlistment, with that consent, in its certificate.
 */
export function provedEnd(notified: Notified): Outcome | undefined {
  if (notified.message === 'prepare' || !isDecided(notified)) return undefined;
  if (notified.message === 'rollback') return 'abort';
  const consent = notified.vote?.statement;
  return consent?.vote === 'prepared' &&
    consent.tid === notified.ref.tid &&
    consent.enlistment === notified.ref.enlistment
    ? 'commit'
    : undefined;
}

/** Whether the message proves the outcome that it names, for just this transaction. */
function isDecided({ certificate, message, ref }: Notified): boolean {
  if (certificate === undefined) return false;
  const { slot, result, phase } = certificate.statement;
  return (
    phase === 'commit' &&
    slot.kind === 'outcome' &&
    slot.tid === ref.tid &&
    result.kind === 'outcome' &&
    provedBy[result.outcome] === message
  );
}

type Output = ParticipantOutput<never> | CommonOutput;
type Fault = Extract<Output, { kind: 'send-fault' }>['fault'];

/** What a participant has signed about one enlistment. */
export interface Word {
  readonly vote?: Vote | undefined;
  readonly acknowledged?: Outcome | undefined;
}

/**
 * Signs what a participant sends about one enlistment, and nothing else does. It never contradicts itself: one
 * registration, one vote, one acknowledgement, each as often as a replica asks for it.
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

export function refused(reason: RefusalCode): CallResult {
  return { kind: 'refused', reason };
}

/** Answers the callers, if there are any. */
export function answer(calls: readonly CallId[], result: CallResult): readonly Output[] {
  return calls.length === 0 ? [] : [{ kind: 'answer', calls, result }];
}
