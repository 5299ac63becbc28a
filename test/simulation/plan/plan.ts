import type { AgreementName } from '../../../src/kernel/cluster.js';
import type { LiarName } from '../byzantine/library.js';
import type { TransactionFault } from '../faults/fault-kinds.js';
import type { WorldPlan } from '../kit/world.js';

export interface LiarPlan {
  /** Where it lives: `c2`, `i0`, `bank-b`, `client-1`. */
  readonly address: string;
  readonly behaviours: readonly LiarName[];
}

/** All that makes a run, besides its seed: a small value that can be printed, edited and shrunk. */
export interface Plan extends WorldPlan {
  readonly n: number;
  readonly f: number;
  readonly banks: number;
  readonly clients: number;
  /** Orders of each client, one after the other. */
  readonly ordersPerClient: number;
  /** The faults that are on, each with a strength above 0 and up to 1. */
  readonly faults: Partial<Readonly<Record<TransactionFault, number>>>;
  readonly liars: readonly LiarPlan[];
  /** Replicas that run twice with one key; they count as liars. */
  readonly twins: readonly string[];
  /** Finished transactions that a coordinator remembers. */
  readonly retainedTransactions: number;
  /** How the coordinators agree. */
  readonly agreement: AgreementName;
}

export function isLiar(plan: Plan, address: string): boolean {
  return plan.twins.includes(address) || plan.liars.some((liar) => liar.address === address);
}
