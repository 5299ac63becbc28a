import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { processesOf } from '../support/processes-of.js';
import { eventually } from '../system/support/eventually.js';

/** A benchmark that is interrupted while its processes start. */

const main = fileURLToPath(new URL('../../dist/bench/main.js', import.meta.url));

/** The benchmark's temporary directory, which is in the command line of each of its processes. */
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'concordat-interrupted-'));
  // PostgreSQL's own user reads its files, where this one is root.
  await chmod(directory, 0o755);
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

it.each([
  ['SIGTERM', 143, ['transfer', '--compare', '.']],
  ['SIGINT', 130, ['transfer']],
  ['SIGINT', 130, ['kit']],
  ['SIGTERM', 143, ['layer2']],
] as const)(
  '%s (%i) leaves nothing of %j',
  async (signal, status, args) => {
    const bench = spawn(process.execPath, [main, ...args], {
      stdio: 'ignore',
      env: { ...process.env, TMPDIR: directory },
    });
    const ended = once(bench, 'exit');
    await eventually('a node starts', async () => {
      const files = await readdir(directory, { recursive: true });
      return files.some((file) => file.endsWith('.log'));
    });
    bench.kill(signal);
    expect(await ended).toEqual([status, null]);
    expect(processesOf(directory)).toEqual([]);
    expect(await readdir(directory)).toEqual([]);
  },
  120_000,
);
