import { setTimeout as sleep } from 'node:timers/promises';
import { TransferClient } from '../../../src/banking/client/transfer-client.js';
import { accountId, currency, type Transfer } from '../../../src/banking/soap.js';
import { participantId } from '../../../src/kernel/ids.js';
import { RequestError } from '../../../src/service/client/request-error.js';
import { members, silentBank } from '../cluster/members.js';
import { openingMinor } from './ledger.js';

/** Of the client of the silent bank, at every bank. Its money is nobody else's. */
export const silentAccount = {
  account: accountId('silent'),
  amountMinor: openingMinor,
  currency: currency('EUR'),
};

const inFlight = 2;
/** In all a tenth or so of what the honest clients ask for, and many times what one bank may owe. */
const turnMs = 500;
const timeoutMs = 10_000;

/** What became of the transfers to the silent bank, as its client knows it. */
export interface SilentBankCounts {
  committed: number;
  aborted: number;
  unknown: number;
}

/** The client of the bank that falls silent by turns: transfers from the honest banks to that bank, all the time. */
export class SilentBankLoad {
  readonly counts: SilentBankCounts = { committed: 0, aborted: 0, unknown: 0 };
  readonly #client: TransferClient;
  #isOn = false;
  #clients: Promise<unknown> = Promise.resolve();
  #turn = 0;

  constructor(options: Pick<ConstructorParameters<typeof TransferClient>[0], 'cluster' | 'node'>) {
    this.#client = new TransferClient({ ...options, lanes: inFlight });
  }

  start(): void {
    this.#isOn = true;
    this.#clients = Promise.all(Array.from({ length: inFlight }, () => this.#runClient()));
  }

  async stop(): Promise<void> {
    this.#isOn = false;
    await this.#clients;
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  async #runClient(): Promise<void> {
    while (this.#isOn) {
      this.counts[await this.#transfer()] += 1;
      await sleep(turnMs);
    }
  }

  async #transfer(): Promise<keyof SilentBankCounts> {
    this.#turn += 1;
    const debtor = members.banks[this.#turn % members.banks.length] ?? members.banks[0];
    try {
      return (await this.#client.transfer(orderFrom(debtor), { timeoutMs })).outcome;
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      return 'unknown';
    }
  }
}

function orderFrom(debtor: string): Transfer {
  const { account, currency: euro } = silentAccount;
  return {
    debtor: { bank: participantId(debtor), account },
    creditors: [{ bank: participantId(silentBank), account, amountMinor: 1 }],
    currency: euro,
  };
}
