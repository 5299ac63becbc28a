import { setTimeout as sleep } from 'node:timers/promises';
import type { TransferClient } from '../../src/banking/client/transfer-client.js';
import {
  type AccountId,
  accountId,
  type Currency,
  currency,
  type Transfer,
} from '../../src/banking/soap.js';
import type { LocalCluster } from '../../src/cli/local-cluster.js';
import { loadNode } from '../../src/kernel/config/node-file.js';
import type { ParticipantId } from '../../src/kernel/ids.js';
import { BenchmarkError } from '../benchmark.js';

export interface BankAccount {
  readonly bank: ParticipantId;
  readonly account: AccountId;
  readonly currency: Currency;
}

/** Asks for what an account holds, in minor units. */
export type ReadBalance = (account: BankAccount) => Promise<number>;

/** A bank applies an outcome a little after the client has heard of it. */
const settleTimeoutMs = 20_000;
const settlePollMs = 100;

/**
 * What each account must hold. Each bank in turn is the debtor, so that the balances stay about where
 * they were, however long it takes: transfers of one minor unit to each creditor.
 */
export class Ledger {
  readonly #read: ReadBalance;
  readonly #accounts: readonly BankAccount[];
  readonly #currency: Currency;
  /** In minor units, in the order of the accounts. */
  readonly #expected: number[];
  #turn = 0;

  private constructor(read: ReadBalance, accounts: readonly BankAccount[], held: number[]) {
    const [first] = accounts;
    if (first === undefined) throw new BenchmarkError('no bank');
    this.#read = read;
    this.#accounts = accounts;
    this.#currency = first.currency;
    this.#expected = held;
  }

  /**
   * Asks the banks what they hold. Throws `BenchmarkError` unless each holds as much as could be held
   * for `inFlight` transfers at a time.
   */
  static async open(
    read: ReadBalance,
    accounts: readonly BankAccount[],
    inFlight: number,
  ): Promise<Ledger> {
    const held = await Promise.all(accounts.map(read));
    const needed = inFlight * accounts.length;
    const [poorest] = held.toSorted((a, b) => a - b);
    if (poorest === undefined || poorest < needed) {
      throw new BenchmarkError(`a bank holds ${poorest} minor units and may need ${needed}`);
    }
    return new Ledger(read, accounts, held);
  }

  /** The next transfer among the first `participants` banks. */
  next(participants: number): Transfer {
    const [debtor, ...creditors] = this.#inTurn(participants);
    if (debtor === undefined) throw new RangeError('no participants');
    return {
      debtor,
      creditors: creditors.map((creditor) => ({ ...creditor, amountMinor: 1 })),
      currency: this.#currency,
    };
  }

  /** Books a transfer that was committed. */
  committed({ debtor, creditors }: Transfer): void {
    this.#add(debtor.bank, -creditors.length);
    for (const { bank } of creditors) this.#add(bank, 1);
  }

  /** Throws `BenchmarkError` unless every bank comes to hold what was booked. */
  async check(): Promise<void> {
    const deadline = performance.now() + settleTimeoutMs;
    for (;;) {
      const held = await Promise.all(this.#accounts.map(this.#read));
      if (held.every((amount, index) => amount === this.#expected[index])) return;
      if (performance.now() > deadline) {
        throw new BenchmarkError(
          `money was not conserved: the banks hold ${held.join(', ')}, ` +
            `and should hold ${this.#expected.join(', ')}`,
        );
      }
      await sleep(settlePollMs);
    }
  }

  #inTurn(participants: number): BankAccount[] {
    const first = this.#turn % participants;
    this.#turn += 1;
    const taking = this.#accounts.slice(0, participants);
    return [...taking.slice(first), ...taking.slice(0, first)];
  }

  #add(bank: string, amountMinor: number): void {
    const index = this.#accounts.findIndex((account) => account.bank === bank);
    this.#expected[index] = (this.#expected[index] ?? 0) + amountMinor;
  }
}

/** At the banks of a cluster, by one of its clients. */
export function balanceAt(client: TransferClient): ReadBalance {
  return async ({ bank, account }) => (await client.getBalance(bank, account)).amountMinor;
}

/** The first account of each bank of a cluster on this machine. */
export function accountsOf(local: LocalCluster): Promise<BankAccount[]> {
  return Promise.all(
    local.cluster.participants.map(async ({ id, name }) => {
      const node = await loadNode(local.nodeFile(name));
      const account = node.role === 'participant' ? node.accounts[0] : undefined;
      if (account === undefined) throw new BenchmarkError(`${name} has no account`);
      return {
        bank: id,
        account: accountId(account.account),
        currency: currency(account.currency),
      };
    }),
  );
}
