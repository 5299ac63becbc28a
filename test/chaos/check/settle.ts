import { setTimeout as sleep } from 'node:timers/promises';
import type { TransferClient } from '../../../src/banking/client/transfer-client.js';
import { accountId } from '../../../src/banking/soap.js';
import { participantId } from '../../../src/kernel/ids.js';
import { faultsMax, members } from '../cluster/members.js';
import type { Nodes } from '../cluster/nodes.js';
import { statuses } from '../cluster/status.js';
import type { Ledger } from '../load/ledger.js';
import { silentAccount } from '../load/silent-bank.js';
import { audit, type Violation } from './audit.js';
import { type BankStore, snapshotOf } from './books.js';

/** A transaction whose initiators died lives 30 s, and then its outcome must be agreed on and told. */
const settleMaxMs = 120_000;
const laggardsMs = 20_000;
const pollMs = 1000;
const balancesMax = 150;
const balanceTimeoutMs = 20_000;

/** Whatever speaks against all being well, from what the banks hold. */
export function auditStores(ledger: Ledger, stores: ReadonlyMap<string, BankStore>): Violation[] {
  const books = new Map([...stores].map(([bank, { balances }]) => [bank, honest(balances)]));
  const inDoubt = [...stores].flatMap(([bank, { prepared }]) =>
    prepared.map((key): Violation => ({ rule: 'in-doubt', what: `${bank} keeps ${key}` })),
  );
  return [...audit(ledger, books), ...inDoubt];
}

/** Without the account of the silent bank's client, which the ledger knows nothing of. */
function honest(balances: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  return new Map([...balances].filter(([account]) => account !== silentAccount.account));
}

export interface Settled {
  readonly tookMs: number;
  /** Coordinators, `f` at the most, that have slots open which the others have decided. */
  readonly lagging: readonly string[];
  /** What was still wrong in the end. */
  readonly violations: readonly Violation[];
}

/** What speaks against all being well now, while the banks run. */
export async function auditRunning(
  nodes: Nodes,
  directory: string,
  ledger: Ledger,
): Promise<readonly Violation[]> {
  return auditStores(ledger, await storesOf((bank) => snapshotOf(nodes, directory, bank)));
}

/**
 * Waits until no work is open: until `auditNow` finds nothing, so the books are as they must be, and no coordinator has a
 * slot open. After a while `f` of them may: the outcome is agreed on without them.
 */
export async function settle(
  nodes: Nodes,
  auditNow: () => Promise<readonly Violation[]>,
  progress: (line: string) => void,
): Promise<Settled> {
  const startMs = performance.now();
  for (;;) {
    const open = (await statuses(nodes)).map((status) => status?.openSlots);
    const wrong = await auditNow();
    const lagging = members.coordinators.filter((_, index) => open[index] !== 0);
    const tookMs = performance.now() - startMs;
    const allowed = tookMs < laggardsMs ? 0 : faultsMax;
    if (wrong.length === 0 && lagging.length <= allowed) return { tookMs, lagging, violations: [] };
    if (tookMs > settleMaxMs) {
      const unfinished: Violation = {
        rule: 'liveness',
        what: `open slots after ${Math.round(tookMs / 1000)} s: ${open.join(', ')}`,
      };
      const violations = lagging.length <= faultsMax ? wrong : [...wrong, unfinished];
      return { tookMs, lagging, violations };
    }
    progress(`open slots ${open.join(' ')}; ${wrong[0]?.what ?? 'books are right'}`);
    await sleep(pollMs);
  }
}

/** Asks banks what accounts hold, and compares it with what their stores do. */
export async function checkBalances(
  client: TransferClient,
  ledger: Ledger,
  stores: ReadonlyMap<string, BankStore>,
): Promise<Violation[]> {
  const violations: Violation[] = [];
  for (const { account } of ledger.pages.slice(-balancesMax)) {
    for (const [bank, { balances }] of stores) {
      const { amountMinor } = await balanceOf(client, bank, account);
      if (amountMinor === balances.get(account)) continue;
      const what = `${bank} says ${amountMinor} and stores ${balances.get(account)} in ${account}`;
      violations.push({ rule: 'money', what });
    }
  }
  return violations;
}

/** A connection of former times may break under the first attempt. */
async function balanceOf(client: TransferClient, bank: string, account: string) {
  const ask = () => client.getBalance(participantId(bank), accountId(account), balanceTimeoutMs);
  return ask().catch(ask);
}

export async function storesOf(
  read: (bank: string) => Promise<BankStore>,
): Promise<ReadonlyMap<string, BankStore>> {
  return new Map(
    await Promise.all(members.banks.map(async (bank) => [bank, await read(bank)] as const)),
  );
}
