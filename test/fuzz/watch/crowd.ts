import { setTimeout as sleep } from 'node:timers/promises';
import { percentile } from '../../../bench/support/statistics.js';
import { TransferClient } from '../../../src/banking/client/transfer-client.js';
import { accountId, currency } from '../../../src/banking/soap.js';
import { loadClient } from '../../../src/cli/client.js';
import { participantId } from '../../../src/kernel/ids.js';
import { RequestError } from '../../../src/service/client/request-error.js';
import { crowd } from '../ground/accounts.js';
import type { Victim } from '../ground/victim.js';
import { underFlood } from './flood.js';

/** How long the clients of the crowd waited. */
export interface Waits {
  readonly transfers: number;
  readonly failed: number;
  readonly p99Ms: number;
}

/** One client's flood, and what the others noticed of it. */
export interface FloodReport {
  readonly quiet: Waits;
  readonly flooded: Waits;
  readonly ratio: number;
  readonly floodRequests: number;
}

/** Quiet and flooded by turns, so that a machine that grows slower is no effect of the flood. */
const turns = 3;
const turnMs = 8000;
const warmUpMs = 3000;
const timeoutMs = 30_000;

/** Lets the crowd make transfers, one at a time each, with and without another client's flood. */
export async function measureFlood(
  victim: Victim,
  progress: (line: string) => void,
): Promise<FloodReport> {
  const clients = await Promise.all(crowd.map((name) => member(victim, name)));
  const waits = { quiet: new Samples(), flooded: new Samples() };
  let samples = new Samples();
  let isOver = false;
  let floodRequests = 0;
  const loops = clients.map(async ({ name, client }) => {
    while (!isOver) await transfer(name, client, () => samples);
  });
  await sleep(warmUpMs);
  for (let turn = 0; turn < turns; turn += 1) {
    samples = waits.quiet;
    await sleep(turnMs);
    samples = waits.flooded;
    const { requests } = await underFlood(victim, () => sleep(turnMs));
    floodRequests += requests;
    progress(`turn ${turn + 1} of ${turns}: ${waits.quiet.told}, flooded ${waits.flooded.told}`);
  }
  isOver = true;
  await Promise.all(loops);
  await Promise.all(clients.map(({ client }) => client.close()));
  const [quiet, flooded] = [waits.quiet.figures, waits.flooded.figures];
  return { quiet, flooded, ratio: flooded.p99Ms / quiet.p99Ms, floodRequests };
}

class Samples {
  readonly #tookMs: number[] = [];
  #failed = 0;

  get figures(): Waits {
    const p99Ms = Math.round(percentile(this.#tookMs, 99));
    return { transfers: this.#tookMs.length, failed: this.#failed, p99Ms };
  }

  get told(): string {
    const { transfers, failed, p99Ms } = this.figures;
    return `${transfers} transfers, ${failed} failed, p99 ${p99Ms} ms`;
  }

  add(tookMs: number, isDone: boolean): void {
    this.#tookMs.push(tookMs);
    if (!isDone) this.#failed += 1;
  }
}

async function member({ local }: Victim, name: string) {
  const { node, cluster } = await loadClient(local.nodeFile(name));
  return { name, client: new TransferClient({ cluster, node }) };
}

/** The time of a transfer counts for what went on when it began. */
async function transfer(
  name: string,
  client: TransferClient,
  current: () => Samples,
): Promise<void> {
  const samples = current();
  const begunMs = performance.now();
  const creditor = { bank: participantId('bank-b'), account: accountId(name), amountMinor: 1 };
  const debtor = { bank: participantId('bank-a'), account: accountId(name) };
  try {
    const order = { debtor, creditors: [creditor], currency: currency('EUR') };
    const { outcome } = await client.transfer(order, { timeoutMs });
    samples.add(performance.now() - begunMs, outcome === 'committed');
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    samples.add(performance.now() - begunMs, false);
  }
}
