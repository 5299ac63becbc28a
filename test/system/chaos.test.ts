import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

/** A short run of `npm run chaos`, on the network that leaves nothing behind on this machine. */

const main = fileURLToPath(new URL('../../dist/test/chaos/main.js', import.meta.url));

async function chaos(...args: string[]) {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const written = { out: '', err: '' };
  child.stdout.on('data', (data) => {
    written.out += String(data);
  });
  child.stderr.on('data', (data) => {
    written.err += String(data);
  });
  const [exitCode] = await once(child, 'close');
  return { exitCode, ...written };
}

it('finds no violation while nodes are killed, cut off and replaced by liars', async () => {
  const size = ['--minutes', '0.25', '--kills', '4', '--partitions', '1', '--clients', '3'];
  const run = await chaos('--seed', '4', '--network', 'proxy', '--json', ...size);
  const report = JSON.parse(run.out);
  expect(report.violations, run.err).toEqual([]);
  expect(run.exitCode).toBe(0);
  expect(report.faults.kill.all).toBeGreaterThanOrEqual(4);
  expect(report.faults).toMatchObject({ partition: { all: 1 }, byzantine: { all: 1 } });
  expect(report.faults['disk-loss']).toMatchObject({ all: 1, coordinators: 1 });
  expect(report.transfers.committed).toBeGreaterThan(0);
  expect(report.proofs.verified).toBeGreaterThan(0);
}, 240_000);

it('tells what it can do, and refuses what it cannot', async () => {
  const help = await chaos('--help');
  expect(help.exitCode).toBe(0);
  expect(help.out).toContain('soak');
  const refused = await chaos('--minutes', '0');
  expect(refused.exitCode).toBe(2);
  expect(refused.err).toContain('above 0');
});
