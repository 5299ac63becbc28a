import { accountId, currency, type Transfer } from '../../src/banking/soap.js';
import type { Cluster } from '../../src/kernel/cluster.js';
import { participantId } from '../../src/kernel/ids.js';
import type { ProfiledProcess } from '../support/profile/window-profiler.js';
import { type BankAccount, Ledger, type ReadBalance } from '../transfer/ledger.js';
import type { Measured, ProcessorReading } from '../transfer/window.js';
import { accountNames, currencyCode } from './orders.js';

/** How the transfer is made; the first is what the others are compared with. */
export const wayNames = ['bank', 'table', 'postgres', 'sidecar', 'gateway'] as const;
export type WayName = (typeof wayNames)[number];

/** The two participants of each. */
export type Pair = readonly [string, string];
export const pairs: Readonly<Record<WayName, Pair>> = {
  bank: ['bank-a', 'bank-b'],
  table: ['table-a', 'table-b'],
  postgres: ['postgres-a', 'postgres-b'],
  sidecar: ['sidecar-a', 'sidecar-b'],
  gateway: ['plain-a', 'plain-b'],
};

export interface WayOptions {
  readonly name: WayName;
  readonly cluster: Cluster;
  readonly clients: number;
  /** Makes one transfer. Throws `BenchmarkError` unless it is committed. */
  readonly send: (transfer: Transfer) => Promise<void>;
  readonly read: ReadBalance;
  readonly processorTimes: () => ProcessorReading;
  readonly processes: () => readonly ProfiledProcess[];
}

/** One way to make the transfer, with its books: each client has an account of its own at both participants. */
export class Way implements Measured {
  readonly name: WayName;
  readonly cluster: Cluster;
  readonly processorTimes: () => ProcessorReading;
  readonly processes: () => readonly ProfiledProcess[];
  readonly #send: WayOptions['send'];
  readonly #ledgers: readonly Ledger[];
  /** Of clients that have no transfer under way. */
  readonly #free: Ledger[];
  #committed = 0;

  private constructor(options: WayOptions, ledgers: readonly Ledger[]) {
    this.name = options.name;
    this.cluster = options.cluster;
    this.processorTimes = options.processorTimes;
    this.processes = options.processes;
    this.#send = options.send;
    this.#ledgers = ledgers;
    this.#free = [...ledgers];
  }

  /** Asks for all balances: one client after the other, so that it is no load. */
  static async open(options: WayOptions): Promise<Way> {
    const ledgers: Ledger[] = [];
    for (const name of accountNames(options.clients)) {
      ledgers.push(await Ledger.open(options.read, accountsOf(options.name, name), 1));
    }
    return new Way(options, ledgers);
  }

  /** Transfers committed since the start, that is, all: any other outcome is an error. */
  get committed(): number {
    return this.#committed;
  }

  async transfer(): Promise<void> {
    const ledger = this.#free.pop();
    if (ledger === undefined) throw new RangeError('more transfers under way than clients');
    const order = ledger.next(2);
    await this.#send(order);
    ledger.committed(order);
    this.#committed += 1;
    this.#free.push(ledger);
  }

  /** Throws `BenchmarkError` unless every account holds what it should. */
  async check(): Promise<void> {
    for (const ledger of this.#ledgers) await ledger.check();
  }
}

function accountsOf(way: WayName, name: string): BankAccount[] {
  return pairs[way].map((bank) => ({
    bank: participantId(bank),
    account: accountId(name),
    currency: currency(currencyCode),
  }));
}
