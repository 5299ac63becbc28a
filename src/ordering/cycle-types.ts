import type { Digest, ReplicaId } from '../kernel/ids.js';
import type { Signed } from '../kernel/signed.js';
import type { Batch, Cycle } from './common-types.js';

/** What a process puts into a cycle. It may be empty: the cycle goes on. Missing is something else. */
export interface CycleValue {
  readonly batch: Batch;
  /** Excluded processes whose messages the proposer has received, sorted. */
  readonly readmit: readonly ReplicaId[];
  /** Sorted by cycle, then by process. */
  readonly complaints: readonly Complaint[];
}

/**
 * What the proposer saw of another in one cycle. `absent`: its report or value did not come while there was
 * time, or it signed two values. `slow`: it came much later than the others', or its report lacks a value
 * that was there in time.
 */
export interface Complaint {
  readonly cycle: Cycle;
  readonly replica: ReplicaId;
  readonly what: ComplaintKind;
}

export type ComplaintKind = 'absent' | 'slow';

/** Antipaxos line 2. The value travels beside it. */
export interface ProposalStatement {
  readonly kind: 'proposal';
  readonly scope: 'antipaxos';
  readonly cycle: Cycle;
  readonly replica: ReplicaId;
  readonly digest: Digest;
}

/** What a report says of one process: the digest of its value, and that it signed it. */
export interface ReportEntry {
  readonly digest: Digest;
  readonly signature: Uint8Array;
}

/** Antipaxos line 14, with hashes for values (§4.1). */
export interface ReportStatement {
  readonly kind: 'report';
  readonly scope: 'antipaxos';
  readonly cycle: Cycle;
  readonly replica: ReplicaId;
  /** One for each process, in their order; `null` where no value came. */
  readonly entries: readonly (ReportEntry | null)[];
}

/** Antipaxos line 26: reports from which the Decision Module's decision of a cycle follows. */
export interface Assistance {
  /** The processes that are left out of the cycle, sorted. A replica that prepares the command has checked it. */
  readonly excluded: readonly ReplicaId[];
  /** Of different processes, sorted by process. */
  readonly reports: readonly Signed<ReportStatement>[];
}
