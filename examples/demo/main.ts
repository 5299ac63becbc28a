import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LocalCluster } from 'concordat';
import { type ClientNode, loadNode, TransferClient } from 'concordat/client';
import { Demo, euros } from './demo.js';
import { tellOwnership } from './ownership.js';
import { recordTransfer, tellPast } from './past.js';
import { tellSessions, tellTransferSession } from './sessions.js';

/** The story of README: transfers that survive dead and lying nodes. `npm run demo`. */

const script = (name: string) => fileURLToPath(new URL(`./${name}.js`, import.meta.url));
/** So few that in a minute all is forgotten. */
const retainedTransactions = 4;
/** The applications that come with the package. */
const modules = { 'supply-chain': 'supply-chain', banking: 'banking' };

async function tell(demo: Demo): Promise<void> {
  const { story, cluster } = demo;
  const start = await demo.balances();
  const sum = start.alice + start.bob;

  story.chapter('All is well');
  const owners = {
    alice: await ownerOf(cluster, 'alice'),
    carol: await ownerOf(cluster, 'carol'),
    mallory: await ownerOf(cluster, 'mallory'),
  };
  const first = await recordTransfer(demo, owners.alice, 1250);
  await demo.outcomeIsProvable(first.transactionId);
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

  await tellSessions({ story, cluster, ...owners });
  demo.paid(await tellTransferSession({ story, cluster, ...owners }));

  await tellOwnership(demo, owners.mallory);
  await tellPast(demo, owners.alice, first);

  story.chapter('The books');
  const end = await demo.balances();
  const conserved = end.alice + end.bob === sum;
  story.say(`alice ${euros(start.alice)} -> ${euros(end.alice)}`);
  story.say(`bob   ${euros(start.bob)} -> ${euros(end.bob)}`);
  story.check('the sum of all money is what it was', conserved);
  story.check('each transfer was paid once', start.alice - end.alice === demo.paidMinor);
  story.end(conserved);
}

const directory = await mkdtemp(join(tmpdir(), 'concordat-demo-'));
const cluster = await LocalCluster.start({
  directory,
  create: {
    clients: ['alice', 'carol', 'mallory'],
    retainedTransactions,
    sessions: { engine: 'antipaxos', modules },
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
