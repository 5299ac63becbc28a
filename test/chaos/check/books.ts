import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { accountPrefix, readAccount } from '../../../src/banking/bank/account-book.js';
import { openStore } from '../../../src/kernel/store/store.js';
import { preparedPrefix } from '../../../src/transaction/participant/prepared-records.js';
import { dataIn } from '../cluster/files.js';
import type { Nodes } from '../cluster/nodes.js';

/** What is in a bank's store. */
export interface BankStore {
  readonly balances: ReadonlyMap<string, number>;
  /** Keys of the prepared records: enlistments that wait for their outcome. */
  readonly prepared: readonly string[];
}

/** Reads the store of a bank that runs: as a copy, made while the process is stopped for a moment. */
export async function snapshotOf(
  nodes: Nodes,
  directory: string,
  bank: string,
): Promise<BankStore> {
  const copy = await mkdtemp(join(tmpdir(), `concordat-chaos-${bank}-`));
  try {
    nodes.signal(bank, 'SIGSTOP');
    try {
      await cp(dataIn(directory, bank), copy, { recursive: true });
    } finally {
      nodes.signal(bank, 'SIGCONT');
    }
    return await readStore(copy);
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

/** Reads the store of a bank that does not run. */
export async function storeOf(directory: string, bank: string): Promise<BankStore> {
  return readStore(dataIn(directory, bank));
}

async function readStore(dataDir: string): Promise<BankStore> {
  const store = await openStore(join(dataDir, 'store'));
  try {
    const accounts = (await store.load(accountPrefix)).map(readAccount);
    const prepared = await store.load(preparedPrefix);
    return {
      balances: new Map(accounts.map(({ account, amountMinor }) => [account, amountMinor])),
      prepared: prepared.map(({ key }) => key),
    };
  } finally {
    await store.close();
  }
}
