import { openStore, type Store } from '../../../src/kernel/store/store.js';
import { accountNames, openingMinor } from '../orders.js';

/** What a transfer does to one account, in minor units; it debits where it is negative. */
export interface Change {
  readonly account: string;
  readonly amountMinor: number;
}

/** Of the latest that were confirmed, whose confirm may come again. */
const rememberedMax = 4096;

/**
 * Accounts of a service that knows nothing of Concordat. What it has promised is on disk, and so is what it has done: synced
 * writes, as the nodes make them. It does not start again from them: a run that loses a process is void.
 */
export class AccountBook {
  readonly #store: Store;
  readonly #balances: Map<string, number>;
  readonly #held = new Map<string, Change>();
  readonly #confirmed = new Set<string>();

  private constructor(store: Store, clients: number) {
    this.#store = store;
    this.#balances = new Map(accountNames(clients).map((name) => [name, openingMinor]));
  }

  static async open(folder: string, clients: number): Promise<AccountBook> {
    return new AccountBook(await openStore(folder), clients);
  }

  /** What is held, and neither confirmed nor cancelled. */
  get held(): string[] {
    return [...this.#held.keys()];
  }

  /** In minor units; `undefined` where there is no such account. */
  balance(account: string): number | undefined {
    return this.#balances.get(account);
  }

  /** Promises a change; it is on disk then. Resolves to false where the account does not hold enough. */
  async hold(key: string, change: Change): Promise<boolean> {
    if (this.#held.has(key)) return this.#synced();
    if (this.#available(change.account) + change.amountMinor < 0) return false;
    this.#held.set(key, change);
    await this.#store.write([{ key: `held/${key}`, value: bytesOf(change) }]);
    return true;
  }

  /** Makes the change. Resolves to false where nothing is known of it. */
  async confirm(key: string): Promise<boolean> {
    const change = this.#held.get(key);
    if (change === undefined) return this.#confirmed.has(key) && this.#synced();
    const { account, amountMinor } = change;
    const balance = (this.#balances.get(account) ?? 0) + amountMinor;
    this.#held.delete(key);
    this.#balances.set(account, balance);
    this.#confirmed.add(key);
    await this.#store.write([
      { key: `held/${key}`, value: null },
      { key: `account/${account}`, value: bytesOf(balance) },
      { key: `confirmed/${key}`, value: bytesOf(true) },
      ...this.#forgotten(),
    ]);
    return true;
  }

  /** Gives it up, where it is held. */
  async cancel(key: string): Promise<void> {
    if (this.#held.delete(key)) await this.#store.write([{ key: `held/${key}`, value: null }]);
  }

  /** Once all is on disk that was to be written before. */
  async #synced(): Promise<true> {
    await this.#store.write([]);
    return true;
  }

  /** What the account holds and has not promised; less than nothing where there is none. */
  #available(account: string): number {
    const promised = [...this.#held.values()]
      .filter((change) => change.account === account && change.amountMinor < 0)
      .reduce((sum, { amountMinor }) => sum + amountMinor, 0);
    return (this.#balances.get(account) ?? Number.NEGATIVE_INFINITY) + promised;
  }

  #forgotten() {
    const [oldest] = this.#confirmed;
    if (oldest === undefined || this.#confirmed.size <= rememberedMax) return [];
    this.#confirmed.delete(oldest);
    return [{ key: `confirmed/${oldest}`, value: null }];
  }
}

function bytesOf(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
