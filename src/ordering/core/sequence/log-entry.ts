import type { ReplicaId } from '../../../kernel/ids.js';
import type { Signed } from '../../../kernel/signed.js';
import type {
  Batch,
  SequenceNumber,
  SequencePhase,
  SequencePrepared,
  SharedCertificate,
} from '../../types.js';

export interface Proposed {
  readonly prePrepare: Signed<SequencePhase>;
  readonly batch: Batch;
}

/** What a replica knows of one sequence number. */
export interface LogEntry {
  readonly sequence: SequenceNumber;
  /** The pre-prepare of the highest view that this replica voted for. It votes once in a view. */
  accepted: Proposed | undefined;
  /** A proposal that the host may judge later. */
  held: Proposed | undefined;
  /** The last prepare, and the last commit, of each replica. */
  readonly prepares: Map<ReplicaId, Signed<SequencePhase>>;
  readonly commits: Map<ReplicaId, Signed<SequencePhase>>;
  /** Of the highest view that this batch, or another, prepared in here. */
  prepared: SequencePrepared | undefined;
  committed: SharedCertificate<SequencePhase> | undefined;
  /** Where acknowledgements alone have decided. */
  fast: SequencePrepared | undefined;
  /** Since when this replica waits for it. */
  sinceMs: number;
  /** Whether others were asked for the proof. */
  hasAsked: boolean;
}

export function freshEntry(sequence: SequenceNumber, sinceMs: number): LogEntry {
  return {
    sequence,
    accepted: undefined,
    held: undefined,
    prepares: new Map(),
    commits: new Map(),
    prepared: undefined,
    committed: undefined,
    fast: undefined,
    sinceMs,
    hasAsked: false,
  };
}

/** What is decided at a place, however. */
export function decisionOf({ committed, fast }: LogEntry): SequencePhase | undefined {
  return committed?.statement ?? fast?.prePrepare.statement;
}
