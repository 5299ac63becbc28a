import {
  type ApplicationVote,
  type ApplicationWrite,
  type EnlistmentRef,
  refKey,
} from '../../transaction/participant/messages.js';
import type { LeftWork, Resource } from './resource.js';

/** How the part of a call in its transaction ended. `readOnly`: with its vote; the participant does not learn the outcome. */
export type CompletionStatus = 'committed' | 'aborted' | 'readOnly';

/**
 * What is done around the two phases of each call beside the resource: a cache that is flushed before and emptied after,
 * as `Synchronization` of the Java Transaction API. It keeps nothing over a restart: of what was prepared before one, it
 * receives nothing more.
 */
export interface Synchronization<Work> {
  /** Before the resource votes; what it does with the work is part of the call. Where it rejects, the vote is to abort. */
  beforeCompletion(ref: EnlistmentRef, work: Work): Promise<void>;
  /** After the resource has committed or rolled back. That stands, whatever this method throws. */
  afterCompletion(ref: EnlistmentRef, status: CompletionStatus): void;
  /** Called with what `afterCompletion` threw. Unless given, it is a warning of the process. */
  onError?(ref: EnlistmentRef, error: unknown): void;
}

interface Held<Work> {
  readonly work: Work;
  isReadOnly: boolean;
}

/**
 * A resource with a cache in front of it: `beforeCompletion` flushes it into the work of the call, `afterCompletion` keeps
 * or forgets what it has of the call.
 *
 * @example
 * ```ts
 * import {
 *   type OperationCall,
 *   type Resource,
 *   synchronized,
 *   Table,
 *   type TableWork,
 * } from 'concordat/participant';
 *
 * // By the enlistment, so by the call: a transaction may make several calls, each with work of its own.
 * const seats = new Map<string, number>();
 *
 * export const resource: Resource<TableWork> = synchronized(new Table(), {
 *   async beforeCompletion({ enlistment }, work) {
 *     const count = seats.get(enlistment);
 *     if (count !== undefined) await work.set(`seats/${enlistment}`, count);
 *   },
 *   afterCompletion({ enlistment }) {
 *     seats.delete(enlistment);
 *   },
 * });
 *
 * export const operations = {
 *   reserve: (_work: TableWork, { ref, payload }: OperationCall) => {
 *     seats.set(ref.enlistment, Number(payload));
 *   },
 * };
 * ```
 */
export function synchronized<Work>(
  resource: Resource<Work>,
  synchronization: Synchronization<Work>,
): Resource<Work> {
  return new SynchronizedResource(resource, synchronization);
}

class SynchronizedResource<Work> implements Resource<Work> {
  readonly #resource: Resource<Work>;
  readonly #synchronization: Synchronization<Work>;
  readonly #held = new Map<string, Held<Work>>();

  constructor(resource: Resource<Work>, synchronization: Synchronization<Work>) {
    this.#resource = resource;
    this.#synchronization = synchronization;
  }

  start(left: LeftWork): Promise<void> {
    this.#held.clear();
    return this.#resource.start(left);
  }

  async begin(ref: EnlistmentRef): Promise<Work> {
    const work = await this.#resource.begin(ref);
    this.#held.set(refKey(ref), { work, isReadOnly: false });
    return work;
  }

  async prepare(ref: EnlistmentRef): Promise<ApplicationVote> {
    const held = this.#held.get(refKey(ref));
    if (held === undefined) return this.#resource.prepare(ref);
    await this.#synchronization.beforeCompletion(ref, held.work);
    const vote = await this.#resource.prepare(ref);
    held.isReadOnly = vote.vote === 'readOnly';
    return vote;
  }

  async commit(ref: EnlistmentRef): Promise<readonly ApplicationWrite[]> {
    const writes = await this.#resource.commit(ref);
    this.#end(ref, 'committed');
    return writes;
  }

  async rollBack(ref: EnlistmentRef): Promise<void> {
    await this.#resource.rollBack(ref);
    const isReadOnly = this.#held.get(refKey(ref))?.isReadOnly === true;
    this.#end(ref, isReadOnly ? 'readOnly' : 'aborted');
  }

  close(): Promise<void> {
    return this.#resource.close();
  }

  #end(ref: EnlistmentRef, status: CompletionStatus): void {
    if (!this.#held.delete(refKey(ref))) return;
    this.#afterCompletion(ref, status).catch((error: unknown) => {
      process.emitWarning(`afterCompletion of ${refKey(ref)}: ${String(error)}`);
    });
  }

  /** Must not fail the end: asked to commit again, the resource has nothing more to write. */
  async #afterCompletion(ref: EnlistmentRef, status: CompletionStatus): Promise<void> {
    try {
      await this.#synchronization.afterCompletion(ref, status);
    } catch (error) {
      if (this.#synchronization.onError === undefined) throw error;
      this.#synchronization.onError(ref, error);
    }
  }
}
