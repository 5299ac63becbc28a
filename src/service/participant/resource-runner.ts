import type { StoredRecord } from '../../kernel/core.js';
import { resendDelayMs } from '../../kernel/core.js';
import { OccasionalLog } from '../../kernel/http/log-output.js';
import type { Logger } from '../../kernel/http/logger.js';
import type { ClusterId } from '../../kernel/ids.js';
import {
  type ApplicationVote,
  type ApplicationWrite,
  type EnlistmentRef,
  type OperationResult,
  type ParticipantInput,
  refKey,
} from '../../transaction/participant/messages.js';
import { jsonText, resultBytesMax } from '../json.js';
import { Deadline } from './deadline.js';
import {
  type AnyOperation,
  type OperationHandler,
  type OperationHandlers,
  Refusal,
  type ServiceOperation,
} from './operations.js';
import type { Outbox } from './outbox/messages.js';
import type { OutboxLog } from './outbox/outbox-log.js';
import type { PreparedWork, Resource } from './resource.js';
import { checkedVote, checkedWrites } from './resource-answers.js';

/** What a resource's answers are to the core of a participant. */
export type ResourceInput = Extract<
  ParticipantInput<never>,
  { readonly kind: 'executed' | 'voted' | 'settled' }
>;

export interface ResourceRunnerOptions<Work> {
  readonly resource: Resource<Work>;
  readonly operations: OperationHandlers<Work> | AnyOperation<Work>;
  readonly outbox: OutboxLog;
  readonly cluster?: ClusterId;
  readonly log: Logger;
  /** How long an operation may take, and how long the resource's methods may take once all is to stop. */
  readonly callTimeoutMs: number;
  /** The first wait after a commit or a rollback that failed; each next is longer. */
  readonly retryAfterMs: number;
  /** False where the core has no room now: it is given again. */
  readonly submit: (input: ResourceInput) => boolean;
}

/** Begins the keys of what the resource writes. */
export const workPrefix = 'work/';

/**
 * Enlistments that the resource is not done with. The core may have forgotten some of them: those that ended with
 * their vote, while the resource does not roll back.
 */
export const tasksMax = 2048;

interface Task {
  readonly abort: AbortController;
  /** Ends with the last method that was called for the ref. */
  last: Promise<void>;
}

const aborted: ApplicationVote = { vote: 'aborted' };

/**
 * Has a resource do what the core of a participant puts out, in the order of each enlistment, and gives the core its
 * answers, in the order in which the resource gave them: of two that wrote the same, the later has to be written later.
 * A method that fails is an answer as well, but for commit and rollback: those are asked for until they are done.
 */
export class ResourceRunner<Work> {
  readonly #options: ResourceRunnerOptions<Work>;
  readonly #log: OccasionalLog;
  readonly #tasks = new Map<string, Task>();
  readonly #prepared: PreparedWork[] = [];
  readonly #waits = new Set<() => void>();
  #submitting: Promise<void> = Promise.resolve();
  #isStopping = false;

  constructor(options: ResourceRunnerOptions<Work>) {
    this.#options = options;
    this.#log = new OccasionalLog(options.log);
  }

  /** At the start: what was prepared before. */
  recover(work: PreparedWork): void {
    this.#prepared.push(work);
  }

  /**
   * After all that was prepared is known, and before anything else. `records`: what was written for the resource, with
   * its own keys; `messages`: for the outbox. Keys of records that are of no use any more.
   */
  async start(
    records: readonly StoredRecord[],
    messages: readonly StoredRecord[] = [],
  ): Promise<readonly string[]> {
    const { resource, outbox, cluster } = this.#options;
    const inDoubt = new Set(this.#prepared.map(({ ref }) => refKey(ref)));
    const dropped = outbox.restore(messages, (ref) => inDoubt.has(ref));
    const prepared = this.#prepared.filter(({ ref }) => !outbox.isReadOnly(ref));
    await resource.start({ prepared, records, ...(cluster && { cluster }) });
    return dropped;
  }

  execute(ref: EnlistmentRef, operation: ServiceOperation): void {
    const handler = handlerOf(this.#options.operations, operation.operation);
    if (handler === undefined) return this.#refuse(ref, 'UnknownOperation');
    if (this.#tasks.size >= tasksMax) return this.#refuse(ref, 'Busy');
    this.#next(ref, async ({ signal }) => {
      const begun = (async () => this.#options.resource.begin(ref))();
      const outbox = this.#options.outbox.begin(ref);
      const result = await this.#execute(ref, operation, { handler, begun, outbox, signal });
      await this.#submit({ kind: 'executed', ref, result });
      // The next method is not called before this one has ended, however long that takes.
      await begun.catch(() => undefined);
    });
  }

  prepare(ref: EnlistmentRef): void {
    this.#next(ref, async () => {
      const voted = this.#options.outbox.vote(ref, await this.#vote(ref));
      await this.#submit({ kind: 'voted', ref, ...voted });
    });
  }

  commit(ref: EnlistmentRef): void {
    this.#next(ref, async () => {
      const { outbox } = this.#options;
      const messages = outbox.commit(ref);
      const done = await this.#untilDone('commit', ref, async () => ({
        writes: await this.#commit(ref),
      }));
      if (done === undefined) return;
      this.#tasks.delete(refKey(ref));
      await this.#submit({ kind: 'settled', ref, writes: [...done.writes, ...messages] });
      outbox.committed(ref);
    });
  }

  rollBack(ref: EnlistmentRef): void {
    this.#give(ref, (writes) => this.#submit({ kind: 'settled', ref, writes }));
  }

  /** The enlistment has ended by its own vote: nothing is said of it any more. */
  release(ref: EnlistmentRef): void {
    const task = this.#tasks.get(refKey(ref));
    // A vote may be repeated while the resource cannot roll back: once is enough.
    if (task && !task.abort.signal.aborted) this.#give(ref, () => Promise.resolve());
  }

  /** Waits for the methods that are under way, as long as a call may take, and closes the resource. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const { abort } of this.#tasks.values()) abort.abort();
    for (const wake of [...this.#waits]) wake();
    const ended = Promise.all([...this.#tasks.values()].map(({ last }) => last));
    await Promise.race([ended, this.#wait(this.#options.callTimeoutMs)]);
    for (const wake of [...this.#waits]) wake();
    try {
      await this.#options.resource.close();
    } catch (error) {
      this.#options.log.error({ err: error }, 'resource-not-closed');
    }
  }

  #refuse(ref: EnlistmentRef, reason: string): void {
    void this.#submit({ kind: 'executed', ref, result: { kind: 'refused', reason } });
  }

  #give(ref: EnlistmentRef, onDone: (writes: readonly ApplicationWrite[]) => Promise<void>): void {
    this.#tasks.get(refKey(ref))?.abort.abort();
    this.#next(ref, async () => {
      const isDone = await this.#untilDone('roll-back', ref, async () => {
        await this.#options.resource.rollBack(ref);
        return true;
      });
      if (isDone === undefined) return;
      this.#tasks.delete(refKey(ref));
      await onDone(this.#options.outbox.rollBack(ref));
    });
  }

  async #execute(
    ref: EnlistmentRef,
    { operation, payload, request }: ServiceOperation,
    { handler, begun, outbox, signal }: Begun<Work>,
  ): Promise<OperationResult> {
    const { name: client, application, procedure, payload: asked, permits } = request;
    const deadline = new Deadline(this.#options.callTimeoutMs, signal);
    const over = deadline.signal;
    const call = {
      ...{ payload, client, isPermitted: permits > 0, signal: over, transactionId: ref.tid, ref },
      request: { application, procedure, payload: asked },
      outbox,
    };
    try {
      const work = await unlessOver(over, begun);
      const made = await unlessOver(over, (async () => handler(work, call))());
      return { kind: 'done', result: jsonText(made ?? null, resultBytesMax) };
    } catch (error) {
      if (error instanceof Refusal) return { kind: 'refused', reason: error.data.reason };
      this.#log.write('warn', 'operation-failed', { err: error, operation, ...ref }, operation);
      return { kind: 'refused', reason: over.aborted ? 'OutOfTime' : 'OperationFailed' };
    } finally {
      deadline.end();
    }
  }

  async #vote(ref: EnlistmentRef): Promise<ApplicationVote> {
    try {
      return checkedVote(await this.#options.resource.prepare(ref));
    } catch (error) {
      this.#log.write('warn', 'not-prepared', { err: error, ...ref });
      return aborted;
    }
  }

  /** What a read-only call has locked, the resource may hold still. */
  async #commit(ref: EnlistmentRef): Promise<readonly ApplicationWrite[]> {
    const { resource, outbox } = this.#options;
    if (!outbox.isReadOnly(ref)) return checkedWrites(await resource.commit(ref)).map(ofWork);
    await resource.rollBack(ref);
    return [];
  }

  #next(ref: EnlistmentRef, work: (abort: AbortController) => Promise<void>): void {
    const key = refKey(ref);
    const task = this.#tasks.get(key) ?? { abort: new AbortController(), last: Promise.resolve() };
    this.#tasks.set(key, task);
    task.last = task.last.then(() => (this.#isStopping ? undefined : work(task.abort)));
  }

  /** Undefined where the participant stops first: what is left to do is asked for again after its next start. */
  async #untilDone<Value>(
    what: string,
    ref: EnlistmentRef,
    work: () => Promise<Value>,
  ): Promise<Value | undefined> {
    for (let attempts = 0; !this.#isStopping; attempts += 1) {
      try {
        return await work();
      } catch (error) {
        this.#log.write('error', 'resource-failed', { err: error, what, ...ref }, what);
        await this.#wait(resendDelayMs(this.#options.retryAfterMs, attempts));
      }
    }
    return undefined;
  }

  /** The core asks only once. */
  #submit(input: ResourceInput): Promise<void> {
    this.#submitting = this.#submitting.then(async () => {
      while (!this.#isStopping && !this.#options.submit(input)) {
        await this.#wait(this.#options.retryAfterMs);
      }
    });
    return this.#submitting;
  }

  #wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#waits.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, delayMs);
      this.#waits.add(wake);
    });
  }
}

function ofWork({ key, value }: ApplicationWrite): ApplicationWrite {
  return { key: workPrefix + key, value };
}

function handlerOf<Work>(
  operations: ResourceRunnerOptions<Work>['operations'],
  operation: string,
): OperationHandler<Work> | undefined {
  if (typeof operations === 'function') return (work, call) => operations(operation, work, call);
  return Object.hasOwn(operations, operation) ? operations[operation] : undefined;
}

interface Begun<Work> {
  readonly handler: OperationHandler<Work>;
  readonly begun: Promise<Work>;
  readonly outbox: Outbox;
  readonly signal: AbortSignal;
}

/** Rejects where the signal comes first; what the work comes to then is of no interest. */
async function unlessOver<Value>(signal: AbortSignal, work: Promise<Value>): Promise<Value> {
  let onAbort = () => {};
  const over = new Promise<never>((_, reject) => {
    onAbort = () => reject(new Error('the time of the call is over'));
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
  });
  try {
    return await Promise.race([work, over]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    work.catch(() => undefined);
  }
}
