import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { accountWrite, readAccount } from '../../src/banking/bank/account-book.js';
import { initCluster } from '../../src/cli/init.js';
import { claimPorts } from '../../src/cli/local/port-range.js';
import { openExistingStore } from '../../src/kernel/store/store.js';
import { cli } from '../cli/support/cli.js';
import { temporaryDirectory } from '../kernel/support/directory.js';
import { eventually } from './support/eventually.js';

const main = join(import.meta.dirname, '../../dist/src/cli/main.js');
const damaged = 6;

let file: string;
let dataDir: string;
let store: string;

beforeEach(async () => {
  const directory = await temporaryDirectory();
  const { basePort, release } = await claimPorts();
  onTestFinished(release);
  const layout = { kind: 'local', host: '127.0.0.1', basePort } as const;
  await initCluster({ directory, clusterId: 'test', f: 0, layout });
  file = join(directory, 'nodes', 'bank-a.json');
  dataDir = join(directory, 'data', 'bank-a');
  store = join(dataDir, 'store');
});

/** Runs the bank until it says that it has started, or has ended. */
async function run() {
  const child = spawn(process.execPath, [main, 'run', file], { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let written = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => {
      written += String(data);
    });
  }
  const closed = once(child, 'close');
  await eventually('it runs or has ended', () => {
    return child.exitCode !== null || written.includes('"msg":"started"');
  });
  const stop = async () => {
    child.kill('SIGTERM');
    const [exitCode] = await closed;
    return { exitCode, written };
  };
  return { stop };
}

/** The bank has run, and alice has spent all but this. */
async function spend(): Promise<void> {
  expect((await (await run()).stop()).exitCode).toBe(0);
  const opened = await openExistingStore(store);
  const [record] = await opened.load('account/');
  if (record === undefined) throw new Error('no account');
  await opened.write([accountWrite({ ...readAccount(record), amountMinor: 7 })]);
  await opened.close();
}

async function amount(): Promise<number | undefined> {
  const opened = await openExistingStore(store);
  const [record] = await opened.load('account/');
  await opened.close();
  return record && readAccount(record).amountMinor;
}

describe('a bank', () => {
  it('does not start on a store with a flipped byte, and its money stays as it was', async () => {
    await spend();
    const log = (await readdir(store)).find((name) => name.endsWith('.log')) ?? '';
    const good = await readFile(join(store, log));
    const at = good.lastIndexOf('amountMinor');
    expect(at).toBeGreaterThan(0);
    const bad = Buffer.from(good);
    bad[at] = (bad[at] ?? 0) ^ 1;
    await writeFile(join(store, log), bad);
    const { exitCode, written } = await (await run()).stop();
    expect(exitCode).toBe(damaged);
    expect(written).toContain('needs its newest backup');
    expect((await cli('check', dataDir)).exitCode).toBe(1);
  }, 60_000);

  it('starts on no store but what init or "new-store" made', async () => {
    await spend();
    expect(await amount()).toBe(7);
    await rm(dataDir, { recursive: true });
    const refused = await (await run()).stop();
    expect(refused.exitCode).toBe(damaged);
    expect(refused.written).toContain('the store has vanished');
    expect((await cli('check', dataDir)).exitCode).toBe(2);

    expect((await cli('new-store', file)).exitCode).toBe(0);
    expect((await cli('new-store', file)).err).toContain('exists already; move both away');
    expect((await (await run()).stop()).exitCode).toBe(0);
    expect(await amount()).toBe(100_000);
  }, 60_000);
});
