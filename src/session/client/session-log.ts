import { ConcordatError, type NoData, noData } from '../../kernel/error.js';
import {
  type ClusterId,
  type Digest,
  oneCorrect,
  type ReplicaId,
  unreachable,
} from '../../kernel/ids.js';
import type { Keyring, Sign } from '../../kernel/keys.js';
import type { Signed } from '../../kernel/signed.js';
import { verifyOperationProof } from '../check-proof.js';
import type { OperationStatus } from '../core/outbox.js';
import type { SessionProblem } from '../http/problem.js';
import { type SessionChain, signRun } from '../owners.js';
import { digestOfResult } from '../proof.js';
import { headAfter } from '../run.js';
import type {
  CallResult,
  ReceiptStatement,
  SessionId,
  SessionOperation,
  SessionRun,
  WitnessStatement,
} from '../types.js';

/**
 * - `refused`: so many coordinators refuse the operation that one of them is correct.
 * - `unreachable`: no coordinator took it in time. It may have been taken all the same.
 * - `closed`: the client was closed before.
 */
export type SessionErrorCode = 'refused' | 'unreachable' | 'closed';

/**
 * An operation without an answer.
 *
 * @example
 * ```ts
 * import { type SessionClient, SessionError } from 'concordat/client';
 *
 * // What the application answers at once, or why there is no answer.
 * export async function answerOf(session: SessionClient, payload: string): Promise<string> {
 *   try {
 *     const { result } = await session.call(payload);
 *     return result.kind === 'done' ? result.result : result.reason;
 *   } catch (error) {
 *     if (!(error instanceof SessionError)) throw error;
 *     return error.data.problem?.code ?? error.code;
 *   }
 * }
 * ```
 */
export class SessionError extends ConcordatError<SessionErrorCode, SessionErrorData> {
  override readonly name = 'SessionError';

  constructor(
    readonly code: SessionErrorCode,
    message: string,
    readonly data: SessionErrorData = {},
  ) {
    super(message);
  }
}

/** What a `SessionError` is about. */
export interface SessionErrorData {
  /** Of `refused`: what the coordinators refuse, and why. */
  readonly problem?: SessionProblem;
}

/** A coordinator that does not answer as it should: another one is asked instead. */
export class NodeError extends ConcordatError<'bad-node-answer', NoData> {
  override readonly name = 'NodeError';
  readonly code = 'bad-node-answer';
  readonly data = noData;
}

/**
 * What an operation came to in the agreed order, with the result, the likely result where it was another, and the proof:
 * `committed`, `changed` (done, with another result than the client was told) or `aborted` (rejected).
 */
export type FinalStatus = Extract<
  OperationStatus,
  { readonly kind: 'committed' | 'changed' | 'aborted' }
>;

/** The operation that a status has to be of. */
export interface StatusSubject {
  readonly session: SessionId;
  readonly sequence: number;
  readonly head: Digest;
}

function isFinal(status: OperationStatus): status is FinalStatus {
  return status.kind === 'committed' || status.kind === 'changed' || status.kind === 'aborted';
}

/**
 * Throws `NodeError` unless what is said of the operation is signed by those that are named as its signers:
 * one coordinator for a promise, `f + 1` others for a witnessed one, `f + 1` for what is final.
 */
export function checkStatus(
  keyring: Keyring,
  subject: StatusSubject,
  status: OperationStatus,
): void {
  switch (status.kind) {
    case 'provisional':
      return checkPromise(keyring, subject, status.result, status.receipt);
    case 'witnessed': {
      checkPromise(keyring, subject, status.result, status.receipt);
      return checkWitnesses(keyring, subject, status.receipt.statement, status.witnesses);
    }
    case 'committed':
    case 'changed':
    case 'aborted':
      return checkFinal(keyring, subject, status);
    default:
      return unreachable(status);
  }
}

function checkPromise(
  keyring: Keyring,
  subject: StatusSubject,
  result: CallResult,
  receipt: Signed<ReceiptStatement>,
): void {
  if (receipt.statement.result !== digestOfResult(result)) {
    throw new NodeError('a receipt is of another result');
  }
  checkSigned(keyring, subject, receipt);
}

function checkWitnesses(
  keyring: Keyring,
  subject: StatusSubject,
  promised: ReceiptStatement,
  witnesses: readonly Signed<WitnessStatement>[],
): void {
  const { resilience } = keyring;
  if (witnesses.length > resilience.n) throw new NodeError('more witnesses than coordinators');
  const others = new Set(witnesses.map(({ statement }) => statement.replica));
  others.delete(promised.replica);
  if (others.size < Math.min(oneCorrect(resilience), Math.max(1, resilience.n - 1))) {
    throw new NodeError('too few witnesses');
  }
  for (const witness of witnesses) {
    if (witness.statement.result !== promised.result) {
      throw new NodeError('a witness of another result');
    }
    checkSigned(keyring, subject, witness);
  }
}

function checkSigned(
  keyring: Keyring,
  { session, sequence, head }: StatusSubject,
  { statement, bytes, signature }: Signed<ReceiptStatement | WitnessStatement>,
): void {
  const isOfIt =
    statement.session === session && statement.sequence === sequence && statement.head === head;
  if (!isOfIt) throw new NodeError(`a ${statement.kind} of another operation`);
  if (!keyring.verifies({ role: 'replica', id: statement.replica }, bytes, signature)) {
    throw new NodeError(`a ${statement.kind} that its replica has not signed`);
  }
}

function checkFinal(
  keyring: Keyring,
  { session, sequence, head }: StatusSubject,
  status: FinalStatus,
) {
  const { outcome } = status.proof;
  const isOfIt =
    outcome.session === session && outcome.sequence === sequence && outcome.head === head;
  if (!isOfIt || !isSame(outcome.result, status.result)) {
    throw new NodeError('a proof of something else');
  }
  if (!verifyOperationProof(keyring, status.proof).ok)
    throw new NodeError('a proof that proves nothing');
}

/** The status as the client sees it: compared with what it was promised, by whichever coordinator. */
export function finalStatus(status: FinalStatus, told: CallResult | undefined): FinalStatus {
  const { result, proof } = status;
  const isAborted = result.kind === 'rejected';
  if (told === undefined) return { kind: isAborted ? 'aborted' : 'committed', result, proof };
  const isAsTold = isSame(told, result);
  const kind = isAborted ? 'aborted' : isAsTold ? 'committed' : 'changed';
  return { kind, result, simulated: told, proof };
}

function isSame(a: CallResult, b: CallResult): boolean {
  return digestOfResult(a) === digestOfResult(b);
}

/** What one operation was answered with first: a likely result, or already the final one. */
export interface Performed {
  /** The operation's number in its session, from 1. */
  readonly sequence: number;
  /** What the application answers. */
  readonly result: CallResult;
  /** Resolves once it survives its home: `f + 1` others have it and came to the same, or it is final. */
  readonly witnessed: Promise<void>;
  /** Rejects with `SessionError` where it can no longer be learned. */
  readonly final: Promise<FinalStatus>;
}

/** One operation, and what is known of it. */
export class LoggedOperation {
  /** What every coordinator has promised. */
  readonly receipts = new Map<ReplicaId, Signed<ReceiptStatement>>();
  readonly answered = new Deferred<Performed>();
  readonly #witnessed = new Deferred<void>();
  readonly #final = new Deferred<FinalStatus>();
  #told: CallResult | undefined;
  #status: OperationStatus | undefined;

  constructor(
    readonly sequence: number,
    readonly operation: SessionOperation,
    readonly head: Digest,
  ) {}

  get isAnswered(): boolean {
    return this.#status !== undefined;
  }

  get isFinal(): boolean {
    return this.#status !== undefined && isFinal(this.#status);
  }

  /** Whether it says more than is known, or is another coordinator's promise. Nothing else has to be checked. */
  isNews(status: OperationStatus): boolean {
    if (this.isFinal) return false;
    const isPromise = 'receipt' in status && !this.receipts.has(status.receipt.statement.replica);
    return isPromise || rank(status) > rank(this.#status);
  }

  /** Takes what has been checked. Gives the status where it is news. */
  take(status: OperationStatus): OperationStatus | undefined {
    if ('receipt' in status) this.receipts.set(status.receipt.statement.replica, status.receipt);
    if (this.isFinal || rank(status) <= rank(this.#status)) return undefined;
    const news = isFinal(status) ? finalStatus(status, this.#told) : status;
    this.#status = news;
    this.#told ??= news.result;
    const { sequence } = this;
    const { promise: witnessed } = this.#witnessed;
    const { promise: final } = this.#final;
    this.answered.resolve({ sequence, result: this.#told, witnessed, final });
    if (news.kind !== 'provisional') this.#witnessed.resolve();
    if (isFinal(news)) this.#final.resolve(news);
    return news;
  }

  fail(error: Error): void {
    this.answered.reject(error);
    this.#witnessed.reject(error);
    this.#final.reject(error);
  }
}

/** A session's operations, chained. */
export class SessionLog {
  readonly operations: LoggedOperation[] = [];
  readonly #cluster: ClusterId;
  readonly #start: SessionChain;
  readonly #sign: Sign;
  #firstOpen = 1;

  constructor(cluster: ClusterId, start: SessionChain, sign: Sign) {
    this.#cluster = cluster;
    this.#start = start;
    this.#sign = sign;
  }

  get session() {
    return this.#start.session;
  }

  get length(): number {
    return this.operations.length;
  }

  /** The first that is not final, or the one to come. */
  get firstOpen(): number {
    while (this.at(this.#firstOpen)?.isFinal) this.#firstOpen += 1;
    return this.#firstOpen;
  }

  /** Whether one of those that are not final has no status at all. */
  get isUnanswered(): boolean {
    return this.operations.slice(this.firstOpen - 1).some(({ isAnswered }) => !isAnswered);
  }

  at(sequence: number): LoggedOperation | undefined {
    return this.operations[sequence - 1];
  }

  append(operation: SessionOperation): LoggedOperation {
    const sequence = this.length + 1;
    const head = headAfter(this.#headBefore(sequence), sequence, operation);
    const logged = new LoggedOperation(sequence, operation, head);
    this.operations.push(logged);
    return logged;
  }

  /** As many from this number on as go into one run, signed. */
  runFrom(first: number): SessionRun {
    const operations: SessionOperation[] = [];
    let bytes = 0;
    for (const { operation } of this.operations.slice(first - 1, first - 1 + runOperationsMax)) {
      bytes += operation.kind === 'call' ? Buffer.byteLength(operation.payload) : 0;
      if (operations.length > 0 && bytes > runBytesMax) break;
      operations.push(operation);
    }
    const chain = { ...this.#start, next: first, head: this.#headBefore(first) };
    return signRun(this.#cluster, chain, operations, this.#sign).run;
  }

  #headBefore(sequence: number): Digest {
    return this.at(sequence - 1)?.head ?? this.#start.head;
  }
}

/** Half of what a run may hold, so that the rest of it has room. */
const runOperationsMax = 32;
const runBytesMax = 128 * 1024;

function rank(status: OperationStatus | undefined): number {
  switch (status?.kind) {
    case undefined:
      return 0;
    case 'provisional':
      return 1;
    case 'witnessed':
      return 2;
    case 'committed':
    case 'changed':
    case 'aborted':
      return 3;
  }
}

/** A promise that is settled from outside. That nobody waits for it is no error. */
export class Deferred<Value> {
  readonly promise: Promise<Value>;
  resolve: (value: Value) => void = () => undefined;
  reject: (error: Error) => void = () => undefined;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.promise.catch(() => undefined);
  }
}
