import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Clients besides the honest one, whose waiting is measured while another one floods. */
export const crowd: readonly string[] = Array.from({ length: 12 }, (_, index) => `crowd-${index}`);
/** As many creditors as one transfer may have. */
const heavyCreditors = 15;
export const heavyAccounts: readonly string[] = Array.from(
  { length: heavyCreditors },
  (_, index) => `heavy-${index}`,
);

const plenty = { amountMinor: 1_000_000_000, currency: 'EUR' };
const empty = { amountMinor: 0, currency: 'EUR' };

/** Gives each client of the crowd, and the flooding one, an account of its own and somebody to pay. */
export async function openAccounts(directory: string, flooder: string): Promise<void> {
  const payers = [...crowd, flooder].map((account) => ({ account, ...plenty }));
  const payees = [...crowd, ...heavyAccounts].map((account) => ({ account, ...empty }));
  await addAccounts(join(directory, 'nodes', 'bank-a.json'), payers);
  await addAccounts(join(directory, 'nodes', 'bank-b.json'), payees);
}

async function addAccounts(file: string, accounts: readonly object[]): Promise<void> {
  const node = JSON.parse(await readFile(file, 'utf8')) as { accounts: object[] };
  node.accounts.push(...accounts);
  await writeFile(file, JSON.stringify(node, null, 2));
}
