import type { Reader, Writer } from '../../../kernel/codec/bytes.js';
import type { Digest, ReplicaId } from '../../../kernel/ids.js';
import type { Signed } from '../../../kernel/signed.js';
import { packedValue } from '../../batch-codec.js';
import type {
  Cycle,
  CycleValue,
  ProposalStatement,
  ReportEntry,
  ReportStatement,
} from '../../types.js';
import { Reports, type Vector } from './reports.js';

const digestBytes = 32;

export function writeVector(writer: Writer, vector: Vector): void {
  for (const digest of vector) {
    writer.flag(digest !== null);
    if (digest !== null) writer.hex(digest, digestBytes);
  }
}

/** A vector of `n` processes. */
export function readVector(reader: Reader, n: number): Vector {
  return Array.from({ length: n }, () =>
    reader.flag() ? (reader.hex(digestBytes) as Digest) : null,
  );
}

export interface HeldValue {
  readonly proposal: Signed<ProposalStatement>;
  readonly value: CycleValue;
}

/** How a cycle was decided. On the fast path the reports are the proof; else the Decision Module's log. */
export type CycleDecision =
  | {
      readonly path: 'fast';
      readonly vector: Vector;
      readonly reports: readonly Signed<ReportStatement>[];
    }
  | { readonly path: 'slow'; readonly vector: Vector };

/**
 * A phase waits for all. Once `due`, it goes on with the usual number; once `overdue`, with as few as
 * `f` silent processes and an excluded one leave.
 */
export type PhaseAge = 'fresh' | 'due' | 'overdue';

/** What a process knows of one cycle. */
export class CycleState {
  readonly cycle: Cycle;
  /** The first valid proposal of each process: at most one counts (§4.1). */
  readonly proposals = new Map<ReplicaId, ReportEntry>();
  readonly values = new Map<Digest, HeldValue>();
  /** Named by a report or a decision, and not at hand. */
  readonly wanted = new Set<Digest>();
  /** The processes that were asked for them. */
  readonly sought = new Map<Digest, Set<ReplicaId>>();
  readonly reports = new Reports();
  /** When this process proposed, and when it reported. */
  startedMs: number | undefined;
  reportedMs: number | undefined;
  /** How long the phases have waited (lines 6 and 19). */
  reporting: PhaseAge = 'fresh';
  committing: PhaseAge = 'fresh';
  hasAskedForHelp = false;
  /** Whether others were asked for the reports that are missing. */
  hasAskedForReports = false;
  /** The processes that lack reports, or the decision. */
  readonly askers = new Set<ReplicaId>();
  /** The processes that have kept this one waiting for longer than others do (`DelayEstimate.slowMs`). */
  readonly slow = new Set<ReplicaId>();
  decision: CycleDecision | undefined;
  /** Keys on disk, to be deleted with the cycle. */
  readonly stored = new Set<string>();

  constructor(cycle: Cycle) {
    this.cycle = cycle;
  }

  /** A value has come. */
  hold(held: HeldValue): void {
    const { digest } = held.proposal.statement;
    this.values.set(digest, held);
    this.wanted.delete(digest);
  }

  /** The values are delivered: they are kept for those that ask for them. */
  pack(): void {
    for (const [digest, { proposal, value }] of this.values) {
      this.values.set(digest, { proposal, value: packedValue(value) });
    }
  }

  /** Whether each value that the vector names is at hand. */
  holds(vector: Vector): boolean {
    return vector.every((digest) => digest === null || this.values.has(digest));
  }

  /** Wants the values that the vector names and that are not at hand; returns them. */
  want(vector: Vector): readonly Digest[] {
    const missing: Digest[] = [];
    for (const digest of vector) {
      if (digest === null || this.values.has(digest)) continue;
      this.wanted.add(digest);
      missing.push(digest);
    }
    return missing;
  }
}
