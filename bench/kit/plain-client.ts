import { z } from 'zod';
import type { Transfer } from '../../src/banking/soap.js';
import { PlainParty } from '../../test/gateway/support/plain-party.js';
import { BenchmarkError } from '../benchmark.js';
import type { BankAccount } from '../transfer/ledger.js';
import { transferTimeoutMs } from '../transfer/system.js';
import type { Change } from './nodes/account-book.js';

/** Where a plain client finds everything: the gateway, and the application's address of each participant by its name. */
export interface PlainAddresses {
  readonly gateway: string;
  readonly participants: ReadonlyMap<string, string>;
}

const balanceSchema = z.strictObject({ balance: z.int() });

/** A client of plain WS-AtomicTransaction software, which knows the gateway only. */
export class PlainClient {
  readonly #party: PlainParty;
  readonly #addresses: PlainAddresses;
  #transfers = 0;

  private constructor(party: PlainParty, addresses: PlainAddresses) {
    this.#party = party;
    this.#addresses = addresses;
  }

  /** Listens at the port for what the coordinator sends it. */
  static async start(listenPort: number, addresses: PlainAddresses): Promise<PlainClient> {
    return new PlainClient(await PlainParty.start('1.1', listenPort), addresses);
  }

  /** Makes one transfer. Throws `BenchmarkError` unless it is committed. */
  async transfer({ debtor, creditors }: Transfer): Promise<void> {
    this.#transfers += 1;
    const own = this.#party.endpoint(`client-${this.#transfers}`);
    const context = await this.#party.create(`${this.#addresses.gateway}/activation`);
    const completion = await this.#party.register(context, 'Completion', own);
    const posting = (bank: string, change: Change) =>
      this.#post(bank, { registration: context.registration, change });
    await Promise.all([
      posting(debtor.bank, { account: debtor.account, amountMinor: -creditors.length }),
      ...creditors.map(({ bank, account, amountMinor }) => posting(bank, { account, amountMinor })),
    ]);
    const outcome = this.#outcomeFor(own.instance);
    await this.#party.notify('Commit', completion, own);
    if ((await outcome) !== 'Committed') {
      throw new BenchmarkError(`gateway: ${context.identifier} ended as ${await outcome}`);
    }
  }

  async balance({ bank, account }: BankAccount): Promise<number> {
    const answer = await fetch(`${this.#at(bank)}/accounts/${account}`);
    return balanceSchema.parse(await answer.json()).balance;
  }

  async close(): Promise<void> {
    await this.#party.stop();
  }

  async #post(bank: string, body: object): Promise<void> {
    const answer = await fetch(`${this.#at(bank)}/post`, {
      method: 'POST',
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(transferTimeoutMs),
    });
    const text = await answer.text();
    if (!answer.ok) throw new BenchmarkError(`gateway: ${bank} answered ${answer.status}: ${text}`);
  }

  /** What the coordinator sends the client of that name: Committed or Aborted, or why there is none. */
  async #outcomeFor(instance: string): Promise<string> {
    const { participants, received } = this.#party;
    try {
      return await new Promise((resolve) => {
        const timer = setTimeout(() => resolve('nothing: the time is over'), transferTimeoutMs);
        participants.set(instance, ({ name }) => {
          clearTimeout(timer);
          resolve(name);
        });
      });
    } finally {
      participants.delete(instance);
      // What was received is of no use any more, and there would be ever more of it.
      received.splice(0);
    }
  }

  #at(bank: string): string {
    const address = this.#addresses.participants.get(bank);
    if (address === undefined) throw new RangeError(`no participant ${bank}`);
    return address;
  }
}
