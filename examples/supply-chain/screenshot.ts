import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LocalCluster } from 'concordat';
import type { Browser } from 'playwright-core';
import { browserPath, launchBrowser, OperatorPage } from './operator-page.js';
import { deliveryNote, sampleSupplier } from './sample.js';

/** Makes the picture of the page that is in the docs: `npm run screenshot`. */

const picture = fileURLToPath(new URL('../../../docs/images/supply-chain.png', import.meta.url));

/** About as wide as it is shown in the docs, and no larger a file than need be. */
const look = { width: 1040, scale: 0.75 };

/** Two operators at two nodes work on one delivery until one of them is contradicted. */
async function show(cluster: LocalCluster, browser: Browser, directory: string): Promise<void> {
  const open = (owner: string, node: string) =>
    OperatorPage.open(browser, cluster.url(node), filesOf(cluster, owner), look);
  const operators = [
    await open('alice', 'coordinator-0'),
    await open('bob', 'coordinator-1'),
  ] as const;
  const ids = Array.from({ length: 12 }, (_, index) => `P-${index + 1}`);
  const note = join(directory, 'delivery.json');
  await writeFile(note, JSON.stringify(deliveryNote(sampleSupplier('acme'), ids)));
  await bookIn(await open('alice', 'coordinator-2'), note, ids.length);

  for (const [index, operator] of operators.entries()) {
    await operator.start(`dock-${index + 1}`);
    await operator.scan(`P-${index + 1}`);
    await operator.validate();
    await operator.check(true, 'as ordered');
    await operator.label('dhl', `0034043416109404255${index}`);
    await operator.commit();
  }
  const contradicted = await contradict(operators, ids.slice(2, -1));
  await contradicted.scan('P-12');
  await contradicted.history(contradicted === operators[0] ? 'P-1' : 'P-2');
  await contradicted.page.screenshot({ path: picture, fullPage: true });
}

function filesOf(cluster: LocalCluster, owner: string) {
  return { keyFile: cluster.nodeFile(owner), clusterFile: cluster.clusterFile };
}

async function bookIn(operator: OperatorPage, note: string, packages: number): Promise<void> {
  await operator.start('gate');
  await operator.bookIn(note, packages + 1);
  await operator.commit();
  await operator.close();
}

/** Has both scan the same packages until one of them loses what was promised. */
async function contradict(
  operators: readonly [OperatorPage, OperatorPage],
  ids: readonly string[],
): Promise<OperatorPage> {
  for (const id of ids) {
    const steps = await Promise.all(operators.map((operator) => operator.scan(id)));
    await Promise.all(operators.map((operator) => operator.commit()));
    for (const [index, operator] of operators.entries()) {
      const { kind, told } = await operator.step(steps[index] ?? 0);
      if (kind === 'aborted' && told.includes('At first it looked like')) return operator;
    }
  }
  throw new Error('the operators never contradicted each other; try again');
}

const browserFile = browserPath();
if (browserFile === undefined) throw new Error('install chromium, or set CHROMIUM_PATH');
const directory = await mkdtemp(join(tmpdir(), 'concordat-screenshot-'));
const browser = await launchBrowser(browserFile);
try {
  const create = {
    participants: [],
    clients: ['alice', 'bob'],
    sessions: { engine: 'antipaxos', modules: { 'supply-chain': 'supply-chain' } },
  } as const;
  const cluster = await LocalCluster.start({ directory, create });
  try {
    await show(cluster, browser, directory);
  } finally {
    await cluster.stop();
  }
} finally {
  await browser.close();
  await rm(directory, { recursive: true, force: true });
}
