import { setTimeout as sleep } from 'node:timers/promises';
import type { TransferClient } from '../../../src/banking/client/transfer-client.js';
import { accountId } from '../../../src/banking/soap.js';
import { participantId } from '../../../src/kernel/ids.js';
import { RequestError } from '../../../src/service/client/request-error.js';
import { honestLanes, order } from '../ground/victim.js';

/** What became of the honest client's transfers. */
export interface Tally {
  readonly committed: number;
  readonly aborted: number;
  /** No outcome in time. */
  readonly unknown: number;
}

/** Balances in minor units. */
export interface Books {
  readonly alice: number;
  readonly bob: number;
  readonly carol: number;
}

const transferTimeoutMs = 30_000;
const settleTimeoutMs = 30_000;
const settlePollMs = 250;

/** The honest client: transfers one after the other on each lane, and what the banks must then hold. */
export class HonestLoad {
  readonly #client: TransferClient;
  #loops: Promise<void>[] = [];
  #stopped = false;
  #committed = 0;
  #aborted = 0;
  #unknown = 0;
  /** Net flow from alice to bob. */
  #flow = 0;
  #turn = 0;
  #longestGapMs = 0;
  #lastCommitAt = performance.now();

  constructor(client: TransferClient) {
    this.#client = client;
  }

  get tally(): Tally {
    return { committed: this.#committed, aborted: this.#aborted, unknown: this.#unknown };
  }

  /** How long at most no transfer was committed, in milliseconds. */
  get longestGapMs(): number {
    return Math.max(this.#longestGapMs, performance.now() - this.#lastCommitAt);
  }

  start(): void {
    this.#stopped = false;
    this.#lastCommitAt = performance.now();
    this.#loops = Array.from({ length: honestLanes }, () => this.#loop());
  }

  /** Waits for the transfers under way. */
  async stop(): Promise<void> {
    this.#longestGapMs = this.longestGapMs;
    this.#stopped = true;
    await Promise.all(this.#loops);
    this.#lastCommitAt = Number.POSITIVE_INFINITY;
  }

  /** What the banks hold now. */
  async books(): Promise<Books> {
    const balance = async (bank: string, account: string) =>
      (await this.#client.getBalance(participantId(bank), accountId(account), 10_000)).amountMinor;
    const [alice, bob, carol] = await Promise.all([
      balance('bank-a', 'alice'),
      balance('bank-b', 'bob'),
      balance('bank-c', 'carol'),
    ]);
    return { alice, bob, carol };
  }

  /** What is wrong with the books, once the banks have had time for the last outcomes. */
  async audit(before: Books): Promise<string[]> {
    const deadline = performance.now() + settleTimeoutMs;
    for (;;) {
      const now = await this.books();
      const wrong = this.#wrong(before, now);
      if (wrong === undefined) return [];
      if (performance.now() > deadline) return [wrong];
      await sleep(settlePollMs);
    }
  }

  #wrong(before: Books, now: Books): string | undefined {
    const sum = ({ alice, bob, carol }: Books) => alice + bob + carol;
    const told = `${JSON.stringify(before)} became ${JSON.stringify(now)}`;
    if (sum(before) !== sum(now)) return `money was not conserved: ${told}`;
    if (before.carol !== now.carol) return `an account that nobody used has changed: ${told}`;
    const strayed = Math.abs(before.alice - this.#flow - now.alice);
    return strayed > this.#unknown
      ? `the books are ${strayed} off what honest transfers made of them: ${told}`
      : undefined;
  }

  async #loop(): Promise<void> {
    while (!this.#stopped) await this.#transfer();
  }

  async #transfer(): Promise<void> {
    this.#turn += 1;
    const from = this.#turn % 2 === 0 ? 'alice' : 'bob';
    try {
      const { outcome } = await this.#client.transfer(order(from), {
        timeoutMs: transferTimeoutMs,
      });
      if (outcome === 'committed') this.#onCommit(from);
      else this.#aborted += 1;
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      this.#unknown += 1;
      await sleep(settlePollMs);
    }
  }

  #onCommit(from: 'alice' | 'bob'): void {
    const now = performance.now();
    this.#longestGapMs = Math.max(this.#longestGapMs, now - this.#lastCommitAt);
    this.#lastCommitAt = now;
    this.#committed += 1;
    this.#flow += from === 'alice' ? 1 : -1;
  }
}
