import { transactionId } from '../../../src/kernel/ids.js';
import { audit, type Violation } from '../check/audit.js';
import { type BankStore, snapshotOf, storeOf } from '../check/books.js';
import { type Asked, checkProofs, type ProofFindings } from '../check/proofs.js';
import { settle } from '../check/settle.js';
import { currentView } from '../cluster/status.js';
import { auditDatabases, type Databases } from './audit.js';
import { banks, services } from './cast.js';
import type { System } from './system.js';

/** What the checks have found out. */
export interface Findings {
  /** Since the last answer. */
  readonly settledMs: number;
  /** Coordinators that had not caught up with the others by then. */
  readonly lagging: readonly string[];
  readonly viewChanges: number;
  readonly proofs: ProofFindings;
  /** Rows of `entries` in each database. */
  readonly entries: number;
  readonly violations: readonly Violation[];
}

/** As many orders, the last ones, have their proofs checked: less than coordinators remember. */
const proofsMax = 2000;
/** Made when all else is over: all of them must commit. */
const lastOrders = 8;

/** Waits until all open work is finished, checks everything, and stops the nodes. */
export async function checkAll(system: System, tell: (line: string) => void): Promise<Findings> {
  const { nodes, directory, cluster, load } = system;
  const running = () => auditAll(system, (name) => snapshotOf(nodes, directory, name));
  await load.askAgain();
  const settled = await settle(nodes, running, tell);
  const refused = await load.add(lastOrders);
  const last = await settle(nodes, running, tell);
  const asked = [
    ...load.answered.slice(-proofsMax).map(({ line }) => line),
    ...(await unanswered(system)),
  ];
  const proofs = await checkProofs(nodes, cluster, asked, new Set(asked));
  const viewChanges = await currentView(nodes);
  await nodes.stopAll();
  const stopped = await auditAll(system, (name) => storeOf(directory, name));
  const { warehouse } = await databasesOf(system);
  const wrong = [...settled.violations, ...last.violations];
  return {
    settledMs: settled.tookMs,
    lagging: settled.lagging,
    viewChanges,
    proofs,
    entries: warehouse.entries.length,
    violations: [
      // What was wrong with the books then and is not now would have taken a stop to mend.
      ...(wrong.length > 0 ? wrong : stopped),
      ...proofs.violations,
      ...refused.map(({ id, line }): Violation => {
        const { kind, why = '' } = { why: undefined, ...(line.answer ?? { kind: 'unknown' }) };
        return { rule: 'liveness', what: `order ${id}, made when all was well: ${kind} ${why}` };
      }),
    ],
  };
}

/** Whatever speaks against all being well. */
async function auditAll(
  system: System,
  read: (node: string) => Promise<BankStore>,
): Promise<Violation[]> {
  const { ledger, load } = system;
  const databases = await databasesOf(system);
  const stores = new Map<string, BankStore>();
  for (const name of [...banks, ...services]) stores.set(name, await read(name));
  const books = new Map(banks.map((bank) => [bank, stores.get(bank)?.balances ?? new Map()]));
  const inDoubt = [...stores].flatMap(([name, { prepared }]) =>
    prepared.map((key): Violation => ({ rule: 'in-doubt', what: `${name} keeps ${key}` })),
  );
  return [...inDoubt, ...auditDatabases(load.orders, databases, books), ...audit(ledger, books)];
}

async function databasesOf(system: System): Promise<Databases> {
  return {
    warehouse: await system.database('warehouse').books(),
    depot: await system.database('depot').books(),
  };
}

/** What committed though the client has no answer: its proof must say so, too. */
async function unanswered(system: System): Promise<Asked[]> {
  const { entries } = (await databasesOf(system)).warehouse;
  const unknown = new Set(
    system.load.orders
      .filter(({ line }) => line.answer === undefined || line.answer.kind === 'unknown')
      .map(({ id }) => id),
  );
  return entries
    .filter(({ order }) => unknown.has(order))
    .slice(-proofsMax)
    .map(({ tid }) => ({ answer: { kind: 'committed', tid: transactionId(tid) } }));
}
