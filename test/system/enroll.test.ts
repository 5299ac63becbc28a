import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { claimPorts, type PortRange } from '../../src/cli/local/port-range.js';
import { LocalCluster } from '../../src/cli/local-cluster.js';
import { loadCluster } from '../../src/kernel/config/cluster-file.js';
import { loadNode } from '../../src/kernel/config/node-file.js';
import { isHealthy } from '../../src/kernel/http/http-get.js';
import { ProcedureClient } from '../../src/service/client/procedure-client.js';
import { cli } from '../cli/support/cli.js';
import { temporaryDirectory } from '../kernel/support/directory.js';
import { eventually } from './support/eventually.js';

/** One process a node, and the newcomer in one that the cluster does not know of at first. */

const built = (path: string) => fileURLToPath(new URL(`../../dist/${path}`, import.meta.url));
const book = { application: 'travel', procedure: 'book', payload: { nights: 2 } };
const patience = { timeoutMs: 40_000 };

let directory: string;
let ports: PortRange;
let local: LocalCluster;
let hotel: ChildProcess | undefined;
/** The last port of the range, which no node of the cluster has. */
let hotelUrl: string;
let client: ProcedureClient;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'concordat-enroll-'));
  ports = await claimPorts();
  hotelUrl = `http://127.0.0.1:${ports.basePort + 40}`;
  const applications = { travel: built('examples/own-participant/travel.js') };
  const create = { applications };
  local = await LocalCluster.start({ directory, basePort: ports.basePort, create });
  const node = await loadNode(local.nodeFile('alice'));
  client = new ProcedureClient({ cluster: local.cluster, node });
}, 90_000);

afterAll(async () => {
  await client?.close();
  hotel?.kill('SIGKILL');
  await local?.stop();
  await ports?.release();
  await rm(directory, { recursive: true, force: true });
});

async function run(...args: string[]) {
  const { exitCode, out, err } = await cli(...args);
  expect({ args, exitCode, err }).toEqual({ args, exitCode: 0, err: '' });
  return out;
}

const at = (name: string) => join(directory, name);
const cluster = () => ['-c', local.clusterFile];

async function startHotel(): Promise<void> {
  const args = [built('src/cli/main.js'), 'run', local.nodeFile('hotel')];
  const child = spawn(process.execPath, args, { stdio: 'ignore' });
  hotel = child;
  await eventually('the hotel answers', () => isHealthy(hotelUrl));
}

async function stopHotel(): Promise<void> {
  hotel?.kill('SIGTERM');
  if (hotel) await once(hotel, 'exit');
}

/** Every party does its part, each with its own file; nothing is sent to a node yet. */
async function makeRecord(): Promise<void> {
  const service = built('examples/own-participant/hotel.js');
  const asked = ['--url', hotelUrl, '--service', service, '-o', at('hotel.request')];
  await run('enroll', 'participant', 'hotel', ...cluster(), ...asked);
  await run('issue', at('hotel.request'), '-d', directory);
  const approvals = [];
  for (const index of [0, 1, 3]) {
    const approval = at(`hotel.${index}.approval`);
    const node = ['--node', local.nodeFile(`coordinator-${index}`)];
    await run('approve', at('hotel.request'), ...node, '-o', approval);
    approvals.push(approval);
  }
  const record = ['--no-send', '-o', at('hotel.record')];
  await run('admit', at('hotel.request'), at('hotel.crt'), ...approvals, ...cluster(), ...record);
}

/** What each node answered to the record. */
async function sendRecord(): Promise<string[]> {
  const answer = await run('admit', at('hotel.record'), ...cluster(), '-o', at('again'), '--json');
  return JSON.parse(answer).nodes.map((each: { admission: string }) => each.admission);
}

/** Brings a record to one node, as anybody may. */
async function bring(url: string, file: string): Promise<Response> {
  const headers = { 'content-type': 'application/octet-stream' };
  const body = new Uint8Array(await readFile(file));
  return fetch(`${url}/members`, { method: 'POST', headers, body });
}

it('a hotel joins a cluster that runs, and a procedure commits at it', {
  timeout: 180_000,
}, async () => {
  const pids = () => local.nodes.map(({ name, pid }) => ({ name, pid }));
  const before = pids();
  const file = await readFile(local.clusterFile);
  await makeRecord();
  await run('join', local.nodeFile('hotel'), at('hotel.record'));
  await startHotel();

  // Nobody knows it: a procedure that calls it aborts.
  expect(await client.run(book, patience)).toMatchObject({ outcome: 'aborted' });
  // A record that reaches one node reaches all, whoever brought it.
  expect((await bring(local.url('bank-b'), at('hotel.record'))).status).toBe(200);
  await eventually('all nodes know the hotel', async () => {
    const asked = local.nodes.map(({ url }) => fetch(`${url}/members/hotel`));
    return (await Promise.all(asked)).every(({ status }) => status === 200);
  });
  expect(new Set(await sendRecord())).toEqual(new Set(['known']));
  const booked = await client.run(book, patience);
  expect(booked).toMatchObject({ outcome: 'committed', result: { room: 12 } });
  // No process was restarted, and no file of the others was touched.
  expect(pids()).toEqual(before);
  expect(await readFile(local.clusterFile)).toEqual(file);

  // A verifier that has the merged file can check the proof; one that has the old file does not know the hotel.
  await run('merge', at('hotel.record'), ...cluster(), '-o', at('merged.json'));
  const proof = ['proof', booked.transactionId, '-c', at('merged.json'), '-o', at('x.proof')];
  await eventually('the proof is there', async () => (await cli(...proof)).exitCode === 0);
  expect(await run('verify', at('x.proof'), '-c', at('merged.json'))).toContain('hotel');
  const old = await cli('verify', at('x.proof'), ...cluster());
  expect(old).toMatchObject({ exitCode: 1, out: expect.stringContaining('INVALID') });
});

it('nodes that restart still know it, and so does the hotel', { timeout: 120_000 }, async () => {
  await stopHotel();
  for (const name of ['coordinator-0', 'initiator-0', 'initiator-1', 'coordinator-1']) {
    await local.restart(name);
  }
  await startHotel();
  expect(await client.run(book, patience)).toMatchObject({
    outcome: 'committed',
    result: { room: 11 },
  });
  expect(new Set(await sendRecord())).toEqual(new Set(['known']));
});

it('a stranger’s record of its own making is refused by each', { timeout: 60_000 }, async () => {
  const elsewhere = await temporaryDirectory();
  const there = (name: string) => join(elsewhere, name);
  const files = ['-c', there('cluster.json'), '-o', there('motel.request')];
  await run('init', elsewhere, '--base-port', '900');
  await run('enroll', 'participant', 'motel', '--url', 'http://127.0.0.1:990', ...files);
  await run('issue', there('motel.request'), '-d', elsewhere);
  const approvals = [0, 1, 2].map((index) => there(`motel.${index}`));
  for (const [index, output] of approvals.entries()) {
    const node = ['--node', join(elsewhere, 'nodes', `coordinator-${index}.json`)];
    await run('approve', there('motel.request'), ...node, '-o', output);
  }
  const parts = ['motel.request', 'motel.crt'].map(there);
  const made = ['-c', there('cluster.json'), '--no-send', '-o', there('motel.record')];
  await run('admit', ...parts, ...approvals, ...made);
  const { coordinators, participants, fronts } = await loadCluster(local.clusterFile);
  for (const { url } of [...coordinators, ...participants, ...fronts]) {
    const answer = await bring(url, there('motel.record'));
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: 'bad-approval' });
  }
});
