import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { claimPorts, type PortRange } from '../../src/cli/local/port-range.js';
import { isHealthy } from '../../src/kernel/http/http-get.js';
import { cli } from '../cli/support/cli.js';
import { processesOf } from '../support/processes-of.js';
import { eventually } from './support/eventually.js';

/** `concordat up` as a person uses it. */

const main = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

interface Announcement {
  readonly nodes: { readonly name: string; readonly pid: number; readonly url: string }[];
  readonly curl: string;
}

let directory: string;
/** Held to the end, so that nobody takes the ports while the cluster is down. */
let ports: PortRange;
const running = new Set<ChildProcess>();

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'concordat-up-'));
  ports = await claimPorts();
});

afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  await ports.release();
  await rm(directory, { recursive: true, force: true });
});

/** A process of the command, and what it has written so far. */
function start(...args: string[]) {
  const child = spawn(process.execPath, [main, ...args]);
  running.add(child);
  const written = { out: '', err: '' };
  child.stdout.on('data', (data) => {
    written.out += String(data);
  });
  child.stderr.on('data', (data) => {
    written.err += String(data);
  });
  const ended = once(child, 'exit').then(([exitCode]) => {
    running.delete(child);
    return exitCode as number | null;
  });
  return { child, written, ended };
}

async function announcementOf({ written }: ReturnType<typeof start>): Promise<Announcement> {
  await eventually('all nodes are announced', () => written.out.endsWith('}\n'));
  return JSON.parse(written.out);
}

it('starts a cluster, starts a dead node again, and stops on Ctrl-C', async () => {
  const smallest = ['--f', '0', '--n', '1', '--initiators', '1'];
  const up = start('up', directory, '--json', ...smallest, '--base-port', String(ports.basePort));
  const { nodes, curl } = await announcementOf(up);
  expect(nodes.map(({ name }) => name)).toEqual([
    'coordinator-0',
    'initiator-0',
    'bank-a',
    'bank-b',
    'front',
  ]);

  const shell = spawn('sh', ['-c', curl]);
  let reply = '';
  shell.stdout.on('data', (data) => {
    reply += String(data);
  });
  await once(shell, 'close');
  expect(reply).toContain('<b:outcome>committed</b:outcome>');

  const second = await cli('up', directory);
  expect(second.err).toMatch(/port \d+ of coordinator-0 is in use/);
  expect(second.exitCode).toBe(1);

  const [coordinator] = nodes;
  process.kill(coordinator?.pid ?? 0, 'SIGKILL');
  await eventually('the coordinator is up again', () =>
    up.written.err.includes('coordinator-0 is up again'),
  );
  expect(up.written.err).toMatch(/coordinator-0 was killed by SIGKILL .* starting it again/);

  up.child.kill('SIGINT');
  expect(await up.ended).toBe(0);
  expect(up.written.err).toContain('All nodes stopped.');
  await expectGone(nodes);
}, 120_000);

it('takes the nodes with it, however it ends', async () => {
  const up = start('up', directory, '--json');
  const { nodes } = await announcementOf(up);
  up.child.kill('SIGKILL');
  await up.ended;
  await expectGone(nodes);
}, 120_000);

describe('while the cluster starts', () => {
  /** One directory a test: it is in the command line of each of its nodes. */
  let made: string;
  beforeEach(async () => {
    made = await mkdtemp(join(tmpdir(), 'concordat-up-made-'));
  });
  afterEach(() => rm(made, { recursive: true, force: true }));

  async function starting() {
    const up = start('up', made);
    await eventually('a node starts', async () => (await readdir(join(made, 'logs'))).length > 0);
    return up;
  }

  it.each(['SIGTERM', 'SIGINT'] as const)('%s stops what has started', async (signal) => {
    const up = await starting();
    up.child.kill(signal);
    expect(await up.ended).toBe(0);
    expect(up.written.err).toMatch(/\nStopping \.\.\.\nAll nodes stopped\.\n$/);
    expect(processesOf(made)).toEqual([]);
    expect(await readdir(made)).toEqual(['logs']);
  });

  it('the nodes that start end with it, however it ends', async () => {
    const up = await starting();
    up.child.kill('SIGKILL');
    await up.ended;
    await eventually('all nodes are gone', () => processesOf(made).length === 0);
  });
}, 120_000);

it('a node runs alone, stops on SIGTERM, and says why it cannot start', async () => {
  const file = join(directory, 'nodes', 'initiator-0.json');
  const first = start('run', file);
  await eventually('it runs', () => first.written.out.includes('"msg":"started"'));
  const second = start('run', file);
  expect(await second.ended).toBe(1);
  expect(second.written.err).toMatch(/concordat: port \d+ is in use/);
  first.child.kill('SIGTERM');
  expect(await first.ended).toBe(0);
  for (const line of first.written.out.trim().split('\n')) {
    expect(JSON.parse(line)).toMatchObject({ node: 'initiator-0' });
  }
});

async function expectGone(nodes: Announcement['nodes']): Promise<void> {
  const gone = new Set<string>();
  await eventually('all nodes are gone', () => {
    for (const { pid, name } of nodes) if (!exists(pid)) gone.add(name);
    return gone.size === nodes.length;
  });
  for (const { url } of nodes) expect(await isHealthy(url)).toBe(false);
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
