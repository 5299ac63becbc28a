import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { engineNames } from '../../bench/simulated/cluster.js';

const main = fileURLToPath(new URL('../../dist/test/chaos/main.js', import.meta.url));
const run = promisify(execFile);

/** Six seconds of faults; the processes start, and finish, before and after. */
const size = ['--minutes', '0.1', '--clients', '4', '--json'];

it.each(engineNames)(
  '%s bears a liar, kills, pauses and partitions over real processes',
  async (engine) => {
    const { stdout } = await run(process.execPath, [
      ...[main, 'ordering', '--engine', engine, '--seed', '4'],
      ...size,
    ]);
    const { violations, acknowledged, lies } = JSON.parse(stdout);
    expect(violations).toEqual([]);
    expect(acknowledged).toBeGreaterThan(0);
    expect(lies.length).toBeGreaterThan(0);
  },
  180_000,
);
