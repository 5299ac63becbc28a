import type { LocalCluster } from 'concordat';
import {
  accountId,
  currency,
  participantId,
  type RequestResult,
  type Ticket,
  type Transfer,
  type TransferClient,
} from 'concordat/client';
import { verifyOutcomeProof } from 'concordat/verify';
import { publicFile } from './public-file.js';
import { Story } from './story.js';

const alice = { bank: participantId('bank-a'), account: accountId('alice') };
const bob = { bank: participantId('bank-b'), account: accountId('bob') };
export const timeoutMs = 30_000;

/** From alice to bob. */
export function order(amountMinor: number): Transfer {
  return { debtor: alice, creditors: [{ ...bob, amountMinor }], currency: currency('EUR') };
}

/** What a transfer is made with; alice's client, which keeps nothing, unless given. */
interface Asking {
  readonly client?: TransferClient;
  readonly beforeSending?: (request: Ticket) => Promise<void>;
}

interface Balances {
  readonly alice: number;
  readonly bob: number;
}

/** A cluster, a client of it, and the story of what becomes of transfers from alice to bob. */
export class Demo {
  readonly story = new Story();
  readonly cluster: LocalCluster;
  readonly client: TransferClient;
  #paidMinor = 0;

  constructor(cluster: LocalCluster, client: TransferClient) {
    this.cluster = cluster;
    this.client = client;
  }

  /** Makes a transfer, tells it, and checks that exactly the amount moved, or nothing. */
  async transfer(
    what: string,
    amountMinor: number,
    expected: 'committed' | 'aborted',
    asking: Asking = {},
  ) {
    const before = await this.balances();
    const result = await this.ask(what, amountMinor, asking);
    this.story.check(`it is ${expected}`, result.outcome === expected);
    const moved = result.outcome === 'committed' ? amountMinor : 0;
    await this.story.waitFor('both banks show the outcome', async () => {
      const now = await this.balances();
      return now.alice === before.alice - moved && now.bob === before.bob + moved;
    });
    return result.transactionId;
  }

  /** Makes a transfer and tells what the client is answered. */
  async ask(
    what: string,
    amountMinor: number,
    { client = this.client, beforeSending }: Asking = {},
  ): Promise<RequestResult> {
    const result = await this.story.step(
      what,
      () =>
        client.transfer(order(amountMinor), { timeoutMs, ...(beforeSending && { beforeSending }) }),
      ({ outcome, reason, transactionId }) =>
        `${outcome}${reason ? ` (${reason})` : ''}  ${transactionId}`,
    );
    this.count(result, amountMinor);
    return result;
  }

  /** Counts a transfer among those of the last line. */
  count({ outcome }: RequestResult, amountMinor: number): void {
    this.story.count(outcome);
    if (outcome === 'committed') this.paid(amountMinor);
  }

  /** Counts what a committed transfer took from alice. */
  paid(amountMinor: number): void {
    this.#paidMinor += amountMinor;
  }

  /** What all committed transfers took from alice, each once. */
  get paidMinor(): number {
    return this.#paidMinor;
  }

  async balances(): Promise<Balances> {
    const [a, b] = await Promise.all([
      this.client.getBalance(alice.bank, alice.account),
      this.client.getBalance(bob.bank, bob.account),
    ]);
    return { alice: a.amountMinor, bob: b.amountMinor };
  }

  /** Tells both balances, and checks that they are what they were. */
  async nothingMoved(before: Balances): Promise<void> {
    const now = await this.balances();
    this.story.say(`alice has ${euros(now.alice)}, bob ${euros(now.bob)}, as before`);
    this.story.check('no money has moved', now.alice === before.alice && now.bob === before.bob);
  }

  /** The view that most coordinators are in. */
  async view(): Promise<number> {
    const views = await Promise.all(
      this.cluster.cluster.coordinators.map(async ({ url }) => {
        const answer = await fetch(`${url}/status`).catch(() => undefined);
        const status = (await answer?.json()) as { view: number } | undefined;
        return status?.view ?? 0;
      }),
    );
    return views.sort((a, b) => b - a)[1] ?? 0;
  }

  async primary(offset = 0): Promise<string> {
    const { coordinators } = this.cluster.cluster;
    const index = ((await this.view()) + offset) % coordinators.length;
    return coordinators[index]?.name ?? '';
  }

  async outcomeIsProvable(tid: string): Promise<void> {
    const checked = await this.story.step(
      'fetch the outcome’s proof and verify it offline',
      async () => {
        const [first] = this.cluster.cluster.coordinators;
        const answer = await fetch(`${first?.url}/proof/${tid}`);
        const proof = new Uint8Array(await answer.arrayBuffer());
        return verifyOutcomeProof(await publicFile(this.cluster), proof);
      },
      ({ ok }) => (ok ? 'valid' : 'invalid'),
    );
    this.story.check('the proof is valid', checked.ok);
  }
}

export function euros(minor: number): string {
  return `${(minor / 100).toFixed(2)} EUR`;
}
