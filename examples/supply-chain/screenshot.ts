import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { LocalCluster } from '../../src/cli/local-cluster.js';
import { browserPath, launchBrowser, OperatorPage } from './operator-page.js';
import { deliveryNote, sampleSupplier } from './sample.js';

/** Makes the picture of the page that is in the docs: `npm run screenshot`. */

const picture = fileURLToPath(new URL('../../../docs/images/supply-chain.png', import.meta.url));

/** Two operators work on one delivery until one of them is contradicted. */
async function show(cluster: LocalCluster, browser: Browser, directory: string): Promise<void> {
  const open = (owner: string, node: string) =>
    OperatorPage.open(browser, cluster.url(node), cluster.nodeFile(owner));
  const alice = await open('alice', 'coordinator-0');
  const bob = await open('bob', 'coordinator-1');
  const note = join(directory, 'delivery.json');
  const spare = Array.from({ length: 4 }, (_, index) => `P-${index + 2}`);
  await writeFile(
    note,
    JSON.stringify(deliveryNote(sampleSupplier('acme'), ['P-1', ...spare, 'P-6'])),
  );

  await bob.start('dock-2');
  await bob.bookIn(note, spare.length + 3);
  await bob.commit();
  await alice.start('dock-1');
  await alice.scan('P-1');
  await alice.validate();
  await alice.check(true, 'as ordered');
  await alice.label('dhl', '00340434161094042557');
  await alice.commit();
  const contradicted = await contradict(alice, bob, spare);
  if (!contradicted) throw new Error('nobody was contradicted; try again on a quieter machine');
  await alice.scan('P-6');
  await alice.history('P-1');
  await alice.page.setViewportSize({ width: 1040, height: 800 });
  await alice.page.screenshot({ path: picture, fullPage: true });
}

/** Has both take the same packages until alice is told that bob was first. */
async function contradict(alice: OperatorPage, bob: OperatorPage, ids: readonly string[]) {
  for (const id of ids) {
    const step = await alice.scan(id);
    await bob.scan(id);
    await bob.commit();
    await alice.commit();
    if ((await alice.step(step)).kind === 'aborted') return true;
  }
  return false;
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
