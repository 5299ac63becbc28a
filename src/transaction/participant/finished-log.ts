import type { Vote } from '../../agreement/statements.js';
import type { Digest } from '../../kernel/ids.js';
import { type EnlistmentRef, type OperationResult, refKey } from './messages.js';

/** What is left of an enlistment that has ended. */
export interface Finished {
  readonly ref: EnlistmentRef;
  readonly digest: Digest;
  /** What the initiators received. */
  readonly result: OperationResult;
  /** The vote that was cast, if any. */
  readonly vote: Vote | undefined;
  /** `unknown`: volatile, and it stopped asking for the outcome. */
  readonly end: 'committed' | 'aborted' | 'readOnly' | 'unknown';
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
