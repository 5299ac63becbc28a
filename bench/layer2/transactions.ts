import { TransferClient } from '../../src/banking/client/transfer-client.js';
import { loadClient } from '../../src/cli/client.js';
import type { LocalCluster } from '../../src/cli/local-cluster.js';
import { BenchmarkError } from '../benchmark.js';
import { accountsOf, balanceAt, Ledger } from '../transfer/ledger.js';

/** Takes part in each transfer. */
export const banks = ['bank-a', 'bank-b'] as const;
const timeoutMs = 30_000;

/** What layer 1 does without layer 2: transactions of two banks, one at a time, each decided alone. */
export class Transactions {
  readonly #client: TransferClient;
  readonly #ledger: Ledger;

  private constructor(client: TransferClient, ledger: Ledger) {
    this.#client = client;
    this.#ledger = ledger;
  }

  static async open(local: LocalCluster, client: string): Promise<Transactions> {
    const transferClient = new TransferClient(await loadClient(local.nodeFile(client)));
    try {
      const ledger = await Ledger.open(balanceAt(transferClient), await accountsOf(local), 1);
      return new Transactions(transferClient, ledger);
    } catch (error) {
      await transferClient.close();
      throw error;
    }
  }

  /** Makes one transfer; milliseconds from the request until the client knows that it is committed. */
  async time(): Promise<number> {
    const order = this.#ledger.next(banks.length);
    const startMs = performance.now();
    const { outcome, reason = 'no reason given' } = await this.#client.transfer(order, {
      timeoutMs,
    });
    const tookMs = performance.now() - startMs;
    if (outcome !== 'committed') throw new BenchmarkError(`a transfer was ${outcome}: ${reason}`);
    this.#ledger.committed(order);
    return tookMs;
  }

  /** Throws `BenchmarkError` unless every bank holds what it should. */
  checkMoney(): Promise<void> {
    return this.#ledger.check();
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}
