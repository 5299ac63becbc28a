import type { Batch } from '../../../vocabulary/ordering.js';

export type Judgement = 'accept' | 'later' | 'refuse';

/** What the log is for: an application, or the Decision Module. */
export interface PbftHost {
  /** Whether a backup may prepare the batch. Asked again on `recheck` where it said `later`. */
  judge(batch: Batch): Judgement;
  /** How long a request may wait for its proposal, where the host measures delays itself. */
  usualWaitMs?(): number;
  /** Requests that are new, in their order. The batch of a null request is empty and not applied. */
  apply(sequence: number, batch: Batch): void;
  snapshot(): readonly Uint8Array[];
  differences(own: Uint8Array, theirs: Uint8Array): readonly string[];
  install(snapshot: Uint8Array): void;
}
