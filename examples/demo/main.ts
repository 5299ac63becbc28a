import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { allBuiltIn } from '../../src/cli/cluster-options.js';
import { LocalCluster } from '../../src/cli/local-cluster.js';
import { checkProof } from '../../src/cli/proof-check.js';
import { type ClientNode, loadNode } from '../../src/edge/config/node-file.js';
import { accountId, currency, type Transfer } from '../../src/edge/soap/banking.js';
import type { TransferResult } from '../../src/role/client/matching.js';
import { TransferClient } from '../../src/role/client/transfer-client.js';
import { participantId } from '../../src/vocabulary/ids.js';
import { tellSessions, tellTransferSession } from './sessions.js';
import { Story } from './story.js';

/** The story of README: transfers that survive dead and lying nodes. `npm run demo`. */

const alice = { bank: participantId('bank-a'), account: accountId('alice') };
const bob = { bank: participantId('bank-b'), account: accountId('bob') };
const timeoutMs = 30_000;
const script = (name: string) => fileURLToPath(new URL(`./${name}.js`, import.meta.url));

function order(amountMinor: number): Transfer {
  return { debtor: alice, creditors: [{ ...bob, amountMinor }], currency: currency('EUR') };
}

class Demo {
  readonly story = new Story();
  readonly cluster: LocalCluster;
  readonly client: TransferClient;

  constructor(cluster: LocalCluster, client: TransferClient) {
    this.cluster = cluster;
    this.client = client;
  }

  /** Makes a transfer, tells it, and checks that exactly the amount moved, or nothing. */
  async transfer(what: string, amountMinor: number, expected: 'committed' | 'aborted') {
    const before = await this.balances();
    const result = await this.ask(what, amountMinor);
    this.story.check(`it is ${expected}`, result.outcome === expected);
    const moved = result.outcome === 'committed' ? amountMinor : 0;
    await this.story.waitFor('both banks show the outcome', async () => {
      const now = await this.balances();
      return now.alice === before.alice - moved && now.bob === before.bob + moved;
    });
    return result.transactionId;
  }

  /** Makes a transfer and tells what the client is answered. */
  async ask(what: string, amountMinor: number): Promise<TransferResult> {
    const result = await this.story.step(
      what,
      () => this.client.transfer(order(amountMinor), { timeoutMs }),
      ({ outcome, reason, transactionId }) =>
        `${outcome}${reason ? ` (${reason})` : ''}  ${transactionId}`,
    );
    this.story.count(result.outcome);
    return result;
  }

  async balances(): Promise<{ alice: number; bob: number }> {
    const [a, b] = await Promise.all([
      this.client.getBalance(alice.bank, alice.account),
      this.client.getBalance(bob.bank, bob.account),
    ]);
    return { alice: a.amountMinor, bob: b.amountMinor };
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
        return checkProof(this.cluster.cluster, new Uint8Array(await answer.arrayBuffer()));
      },
      ({ ok }) => (ok ? 'valid' : 'invalid'),
    );
    this.story.check('the proof is valid', checked.ok);
  }
}

async function tell(demo: Demo): Promise<void> {
  const { story, cluster } = demo;
  const start = await demo.balances();
  const sum = start.alice + start.bob;

  story.chapter('All is well');
  const tid = await demo.transfer('transfer 12.50 EUR from alice to bob', 1250, 'committed');
  await demo.outcomeIsProvable(tid);
  await demo.transfer(
    'transfer 1,000,000.00 EUR, which alice does not have',
    100_000_000,
    'aborted',
  );

  story.chapter('A backup is dead');
  const backup = await demo.primary(2);
  await story.step(`kill ${backup} (SIGKILL)`, () => cluster.kill(backup));
  await demo.transfer('transfer 10.00 EUR', 1000, 'committed');
  await story.step(`start ${backup} again`, () => cluster.restart(backup));

  story.chapter('The primary is dead');
  const viewBefore = await demo.view();
  const primary = await demo.primary();
  await story.step(`kill the primary, ${primary} (SIGKILL)`, () => cluster.kill(primary));
  await demo.transfer('transfer 10.00 EUR', 1000, 'committed');
  const viewAfter = await demo.view();
  story.say(`view change: view ${viewBefore} -> ${viewAfter}, primary ${await demo.primary()}`);
  story.check('the view changed', viewAfter > viewBefore);
  await story.step(`start ${primary} again`, () => cluster.restart(primary));

  story.chapter('An initiator lies');
  await story.step('initiator-2 now asks the banks for ten times the amount', () =>
    cluster.restart('initiator-2', { script: script('byzantine-initiator') }),
  );
  await demo.transfer('transfer 20.00 EUR', 2000, 'committed');
  await story.step('the honest initiator-2 is back', () =>
    cluster.restart('initiator-2', { script: null }),
  );

  story.chapter('A coordinator lies');
  const liar = await demo.primary(1);
  await story.step(
    `${liar} now tells bank-a commit and bank-b roll back, and signs contradicting prepares`,
    () => cluster.restart(liar, { script: script('byzantine-coordinator') }),
  );
  await demo.transfer('transfer 5.00 EUR', 500, 'committed');
  await demo.transfer('transfer 1,000,000.00 EUR', 100_000_000, 'aborted');
  await story.step(`the honest ${liar} is back`, () => cluster.restart(liar, { script: null }));

  story.chapter('A bank dies between its vote and the outcome');
  await story.step('bank-b will be killed when the outcome reaches it', () =>
    cluster.restart('bank-b', { script: script('crashing-bank') }),
  );
  const before = await demo.balances();
  const result = await demo.ask('transfer 7.50 EUR', 750);
  story.check('it is committed', result.outcome === 'committed');
  await story.waitFor('bank-b is dead', async () => {
    return cluster.nodes.find(({ name }) => name === 'bank-b')?.pid === undefined;
  });
  await story.step('start bank-b again', () => cluster.restart('bank-b', { script: null }));
  await story.waitFor('bank-b has the outcome', async () => {
    const now = await demo.balances();
    return now.alice === before.alice - 750 && now.bob === before.bob + 750;
  });

  const owners = { alice: await ownerOf(cluster, 'alice'), carol: await ownerOf(cluster, 'carol') };
  await tellSessions({ story, cluster, ...owners });
  await tellTransferSession({ story, cluster, ...owners });

  story.chapter('The books');
  const end = await demo.balances();
  const conserved = end.alice + end.bob === sum;
  story.say(`alice ${euros(start.alice)} -> ${euros(end.alice)}`);
  story.say(`bob   ${euros(start.bob)} -> ${euros(end.bob)}`);
  story.check('the sum of all money is what it was', conserved);
  story.end(conserved);
}

function euros(minor: number): string {
  return `${(minor / 100).toFixed(2)} EUR`;
}

const directory = await mkdtemp(join(tmpdir(), 'concordat-demo-'));
const cluster = await LocalCluster.start({
  directory,
  create: {
    clients: ['alice', 'carol'],
    sessions: { engine: 'antipaxos', modules: allBuiltIn() },
  },
});
const client = new TransferClient({
  cluster: cluster.cluster,
  node: await ownerOf(cluster, 'alice'),
});
const demo = new Demo(cluster, client);
try {
  await tell(demo);
} catch (error) {
  demo.story.failed(error);
  for (const { name, logFile } of cluster.nodes) {
    const lines = (await readFile(logFile, 'utf8').catch(() => '')).split('\n').slice(-15);
    console.error(`--- ${name}\n${lines.join('\n')}`);
  }
} finally {
  await client.close();
  await cluster.stop();
  await rm(directory, { recursive: true, force: true });
}

async function ownerOf(of: LocalCluster, name: string): Promise<ClientNode> {
  const node = await loadNode(of.nodeFile(name));
  if (node.role !== 'client') throw new Error(`${name} is not a client`);
  return node;
}
