import type { OperationStatus } from '../../core/session/messages.js';
import { headAfter } from '../../crypto/session/chain.js';
import { type SessionChain, signRun } from '../../crypto/session/owner.js';
import type { Sign } from '../../crypto/signer.js';
import type { ClusterId, Digest, ReplicaId } from '../../vocabulary/ids.js';
import type {
  CallResult,
  ReceiptStatement,
  SessionOperation,
  SessionRun,
} from '../../vocabulary/session.js';
import type { Signed } from '../../vocabulary/statements.js';
import { type FinalStatus, finalStatus, isFinal } from './session-checks.js';

/** What one operation was answered with first: a likely result, or already the final one. */
export interface Performed {
  readonly sequence: number;
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
