import { currentView } from '../cluster/status.js';
import type { World } from '../cluster/world.js';
import type { Violation } from './audit.js';
import { snapshotOf, storeOf } from './books.js';
import { checkProofs, type ProofFindings } from './proofs.js';
import { auditRunning, auditStores, checkBalances, settle, storesOf } from './settle.js';

/** What the checks have found out. */
export interface Findings {
  /** Since the load ended. */
  readonly settledMs: number;
  /** Coordinators that had not caught up with the others by then. */
  readonly lagging: readonly string[];
  readonly viewChanges: number;
  readonly proofs: ProofFindings;
  readonly violations: readonly Violation[];
}

/** As many transfers, the last ones, have their proofs checked where they are not forgotten. */
const proofsMax = 500;
/** Made when all else is over: less than any coordinator remembers, so their proofs must be there. */
const lastTransfers = 8;

/** Waits until all open work is finished, checks everything, and stops the nodes. */
export async function checkAll(
  { nodes, directory, ledger, cluster, load }: World,
  tell: (line: string) => void,
): Promise<Findings> {
  const auditNow = () => auditRunning(nodes, directory, ledger);
  const settled = await settle(nodes, auditNow, tell);
  await load.add(lastTransfers);
  const last = await settle(nodes, auditNow, tell);
  const remembered = new Set(load.answered.slice(-lastTransfers));
  const proofs = await checkProofs(nodes, cluster, load.answered.slice(-proofsMax), remembered);
  const viewChanges = await currentView(nodes);
  const running = await storesOf((bank) => snapshotOf(nodes, directory, bank));
  const balances = await checkBalances(load.client, ledger, running);
  await nodes.stopAll();
  const stopped = await storesOf((bank) => storeOf(directory, bank));
  const wrong = [...settled.violations, ...last.violations];
  return {
    settledMs: settled.tookMs,
    lagging: settled.lagging,
    viewChanges,
    proofs,
    violations: [
      // What was wrong with the books then and is not now would have taken a stop to mend.
      ...(wrong.length > 0 ? wrong : auditStores(ledger, stopped)),
      ...proofs.violations,
      ...balances,
    ],
  };
}
