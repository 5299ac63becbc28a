import { readAll, Writer } from '../../../kernel/codec/bytes.js';
import type { StoredRecord } from '../../../kernel/core.js';
import type { Cycle } from '../../types.js';
import type { Outbox } from '../outbox.js';

const JOINED = 'joined';

/**
 * Cycles that this process joins with nothing to propose. That value is always the same, and any signature of it
 * will do, so it is not written down in each: it is on disk up to which cycle there may be some, a pipeline's depth ahead.
 * After a restart the process proposes nothing else up to there, unless its own value is on disk. So it
 * proposes no two values in a cycle, and saves a write in most of those that others start.
 */
export class Joins {
  readonly #outbox: Outbox;
  /** On disk, or on the way there. */
  #through = 0;
  /** The same of its life before. */
  #boundThrough = 0;

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  restore(records: readonly StoredRecord[]): void {
    for (const [rest, bytes] of this.#outbox.stored(records, JOINED)) {
      if (rest === '') this.#through = readAll(bytes, (reader) => reader.u64());
    }
    this.#boundThrough = this.#through;
  }

  /** Whether this process may have proposed nothing there, which is not on disk. */
  isBound(cycle: number): boolean {
    return cycle <= this.#boundThrough;
  }

  /** This process proposes nothing in a cycle: before that leaves, it is on disk that it may have. */
  mayJoin(cycle: Cycle): void {
    if (cycle <= this.#through) return;
    this.#through = cycle + this.#outbox.options.pipelineDepth;
    const writer = new Writer();
    writer.u64(this.#through);
    this.#outbox.persist(JOINED, writer.finish());
  }
}
