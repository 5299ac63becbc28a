import { type Digest, oneCorrect, type ReplicaId } from '../../../kernel/ids.js';
import { encodeOrderingMessage } from '../../message-codec.js';
import type { Cycle, ReportStatement } from '../../types.js';
import type { OrderingOptions } from '../engine.js';
import { LostStore, LostStoreAllowance } from '../lost-store.js';
import type { Outbox } from '../outbox.js';
import { Pending } from '../pending.js';
import { CycleState } from './cycle.js';
import { Joins } from './joins.js';
import { Membership, Observations, type Roster } from './membership.js';
import type { Vector } from './reports.js';
import { DelayEstimate } from './standing.js';

/**
 * When a process that is missing is left out (Antipaxos §6.2), and the least that a phase waits.
 * S1: after one cycle. S2: after twenty in a row. S3: after one, but it waits longer.
 */
export const exclusionStrategies = {
  S1: { missedMax: 1, timeoutMs: 100 },
  S2: { missedMax: 20, timeoutMs: 100 },
  S3: { missedMax: 1, timeoutMs: 200 },
} as const;

export type ExclusionStrategy = keyof typeof exclusionStrategies;

/** What Antipaxos takes besides: when it leaves a slow replica out. */
export interface AntipaxosOptions extends OrderingOptions {
  /** How soon a replica that is missing is left out: `S1` and `S3` after one cycle, `S2` after twenty in a row. */
  readonly exclusion: ExclusionStrategy;
  /** The longest that a phase waits, however slow the network seems. */
  readonly timeoutMaxMs: number;
  /** How the Decision Module votes: `pbft` unless given; `fab` decides in two steps. The same at all replicas. */
  readonly decisionsBy?: 'pbft' | 'fab';
}

const PAST_MAX = 256;

/** What the parts of the engine share. */
export class AntipaxosState {
  readonly options: AntipaxosOptions;
  readonly outbox: Outbox;
  readonly membership: Membership;
  readonly observations: Observations;
  readonly delay: DelayEstimate;
  readonly pending = new Pending();
  readonly joins: Joins;
  readonly cycles = new Map<number, CycleState>();
  /** What the last cycles decided, for commands about them that come late. */
  readonly past = new Map<number, Vector>();
  /**
   * A replica that has lost its store may have signed something in the cycles up to a pipeline's depth beyond
   * what it had delivered, and that was a pipeline's depth beyond what others had, at most (protocol.md).
   */
  readonly lost: LostStore;
  readonly favours: LostStoreAllowance;
  /** Cycles up to here are started for the sake of one that has lost its store. */
  wantedThrough = 0;
  /** The last cycle delivered. */
  delivered = 0;
  /** The last stable checkpoint; what is at or below it is forgotten. */
  low = 0;

  constructor(options: AntipaxosOptions, outbox: Outbox) {
    const { missedMax, timeoutMs } = exclusionStrategies[options.exclusion];
    this.options = options;
    this.outbox = outbox;
    this.joins = new Joins(outbox);
    this.membership = new Membership(options.resilience, options.pipelineDepth, missedMax);
    this.observations = new Observations(options.self, this.membership);
    const { pipelineDepth } = options;
    this.lost = new LostStore(outbox, ({ view, position }) => ({
      view,
      position: position + 2 * pipelineDepth,
    }));
    this.favours = new LostStoreAllowance(outbox);
    this.delay = new DelayEstimate(timeoutMs, options.timeoutMaxMs, options.resilience.f);
  }

  get self(): ReplicaId {
    return this.options.self;
  }

  get everybody(): readonly ReplicaId[] {
    return Array.from({ length: this.options.resilience.n }, (_, index) => index as ReplicaId);
  }

  /** The last cycle that may be under way: a pipeline's depth on, and within the log. */
  get last(): number {
    const { pipelineDepth, checkpointInterval } = this.options;
    return Math.min(this.delivered + pipelineDepth, this.low + 2 * checkpointInterval);
  }

  /** The cycle's state; `undefined` where it is forgotten, or further on than others can be. */
  cycle(cycle: Cycle): CycleState | undefined {
    const known = this.cycles.get(cycle);
    if (known) return known;
    if (cycle <= this.low || cycle > this.delivered + 2 * this.options.pipelineDepth) {
      return undefined;
    }
    const state = new CycleState(cycle);
    this.cycles.set(cycle, state);
    return state;
  }

  /** A cycle of which something was on disk, however far on. */
  restoredCycle(cycle: Cycle): CycleState {
    const known = this.cycles.get(cycle);
    if (known) return known;
    const state = new CycleState(cycle);
    this.cycles.set(cycle, state);
    return state;
  }

  /** A cycle was delivered. */
  remember(cycle: number, vector: Vector): void {
    this.past.set(cycle, vector);
    this.past.delete(cycle - PAST_MAX);
  }

  /** `undefined` for a cycle that may not start yet. */
  rosterAt(cycle: number): Roster | undefined {
    return this.membership.rosterAt(cycle);
  }

  persist(state: CycleState, key: string, encode: () => Uint8Array): void {
    state.stored.add(key);
    this.outbox.persistSigned(key, encode);
  }

  /**
   * Writes down the values that the vector names, as far as they are not: before this process proposes,
   * reports, prepares or applies them. So it can hand over what it has vouched for, also after a crash,
   * and what has merely come costs no write of its own.
   */
  storeValues(state: CycleState, vector: Vector): void {
    for (const digest of vector) {
      const held = digest === null ? undefined : state.values.get(digest);
      const key = `value/${state.cycle}/${digest}`;
      if (!held || state.stored.has(key)) continue;
      this.persist(state, key, () =>
        encodeOrderingMessage({ kind: 'proposal', scope: 'antipaxos', ...held }),
      );
    }
  }

  /**
   * Asks for the values of a vector that are not at hand: `f + 1` of those that reported them, each once, so
   * that a correct one is asked however soon a liar's report came; everybody where no report is known.
   */
  seek(state: CycleState, vector: Vector, reports: readonly ReportStatement[] = []): void {
    const enough = oneCorrect(this.options.resilience);
    for (const digest of state.want(vector)) {
      const asked = state.sought.get(digest) ?? new Set();
      state.sought.set(digest, asked);
      const named = reporters(digest, vector.indexOf(digest) as ReplicaId, reports);
      const holders = named.length > 0 ? named : this.everybody;
      const most = named.length > 0 ? enough : holders.length;
      for (const holder of holders) {
        if (asked.has(holder) || asked.size >= most) continue;
        asked.add(holder);
        this.outbox.send(holder, { kind: 'fetch-value', cycle: state.cycle, digest });
      }
    }
  }

  /**
   * Forgets what a stable checkpoint covers, but for a pipeline's depth: so far a process may be behind that
   * a liar keeps waiting, and a whole state would come too late for it.
   */
  cut(low: number): void {
    this.low = low;
    this.membership.cut(low);
    for (const [cycle, state] of this.cycles) {
      if (cycle > low - this.options.pipelineDepth) continue;
      for (const key of state.stored) this.outbox.persist(key, null);
      this.stopTimers(cycle);
      this.cycles.delete(cycle);
    }
  }

  /** All of a cycle's timers, but for phases that go on, and then values are asked for, too. */
  stopTimers(cycle: number, phases: readonly string[] = []): void {
    const running = phases.length > 0 ? [...phases, 'fetch'] : phases;
    for (const what of ['fetch', 'ask', 'report', 'commit']) {
      if (!running.includes(what)) this.outbox.stopTimer(`${what}/${cycle}`);
    }
  }
}

/** The processes that should have a value, for they have reported it. */
function reporters(
  digest: Digest,
  proposer: ReplicaId,
  reports: readonly ReportStatement[],
): readonly ReplicaId[] {
  return reports
    .filter(({ entries }) => entries[proposer]?.digest === digest)
    .map(({ replica }) => replica);
}
