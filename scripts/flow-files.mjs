// Counts the files of `src` in which at least one function runs during a flow, with V8's precise coverage: all parties
// of a cluster run in this process, and what runs between two moments of rest is counted. Prints JSON; `--list` names
// the files. Needs `npm run build`.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Session } from 'node:inspector/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as rest } from 'node:timers/promises';
import { TestCluster } from 'concordat';
import { accountId, currency, loadNode, SessionClient } from 'concordat/client';

const restMs = 1500;
const inspector = new Session();
inspector.connect();
await inspector.post('Profiler.enable');
await inspector.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });

/** Files that ran since the last call. */
async function ran() {
  const { result } = await inspector.post('Profiler.takePreciseCoverage');
  const files = result
    .filter(({ functions }) =>
      functions.some(({ functionName, ranges }) => functionName && ranges[0].count > 0),
    )
    .map(({ url }) => /\/dist\/src\/(?!api\/)(.*)\.js$/.exec(url)?.[1])
    .filter((file) => file !== undefined);
  return [...new Set(files)].sort();
}

/** Does it once to warm up, and counts the second time. */
async function count(flow) {
  await flow(1);
  await rest(restMs);
  await ran();
  await flow(2);
  await rest(restMs);
  return ran();
}

async function transfers() {
  const all = await TestCluster.start();
  const [bankA, bankB] = all.cluster.participants;
  const flow = (amountMinor) =>
    all.client.transfer(
      {
        debtor: { bank: bankA.id, account: accountId('alice') },
        creditors: [{ bank: bankB.id, account: accountId('bob'), amountMinor }],
        currency: currency('EUR'),
      },
      { timeoutMs: 20_000 },
    );
  const files = await count(flow);
  await all.stop();
  return files;
}

const application = `export default { application: {
  name: 'echo',
  simulate: (_state, { payload }) => ({ kind: 'done', result: payload }),
  apply: (state, { payload }) => (state.set('last', payload), { kind: 'done', result: payload }),
  interferes: () => true,
} };`;

async function operations() {
  const directory = await mkdtemp(join(tmpdir(), 'concordat-flow-'));
  const echo = join(directory, 'echo.mjs');
  await writeFile(echo, application);
  const all = await TestCluster.start({ sessions: { engine: 'antipaxos', modules: { echo } } });
  const node = await loadNode(join(all.directory, 'nodes', 'alice.json'));
  const [home] = all.cluster.coordinators;
  const client = new SessionClient({
    cluster: all.cluster,
    node,
    application: 'echo',
    home: home.name,
  });
  const files = await count(async (number) => (await client.call(`call ${number}`)).final);
  client.close();
  await all.stop();
  await rm(directory, { recursive: true });
  return files;
}

const flows = { transfer: await transfers(), operation: await operations() };
const counts = Object.entries(flows).map(([name, files]) => [name, files.length]);
console.log(JSON.stringify(process.argv.includes('--list') ? flows : Object.fromEntries(counts)));
