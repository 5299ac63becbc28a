import type { ExclusionStrategy } from '../../../src/ordering/core/antipaxos/state.js';
import type { WorldPlan } from '../kit/world.js';
import type { OrderingFault } from './fault-kinds.js';

/** What plans have in common whose replicas run an ordering engine, bare or below sessions. */
export interface ReplicaPlan extends WorldPlan {
  readonly engine: 'antipaxos' | 'ezbft' | 'fab' | 'pbft';
  readonly n: number;
  readonly f: number;
  /** The faults that are on, each with a strength above 0 and up to 1. */
  readonly faults: Partial<Readonly<Record<OrderingFault, number>>>;
  readonly liars: readonly { readonly replica: number }[];
  /** Replicas that run twice with one key; they count as liars. */
  readonly twins?: readonly number[];
  readonly exclusion: ExclusionStrategy;
  readonly pipelineDepth: number;
  readonly checkpointInterval: number;
}

/** Whether a replica is one of the `f`: nothing is promised of it. */
export function isFaulty(
  { liars, twins = [] }: Pick<ReplicaPlan, 'liars' | 'twins'>,
  replica: number,
): boolean {
  return twins.includes(replica) || liars.some((liar) => liar.replica === replica);
}
