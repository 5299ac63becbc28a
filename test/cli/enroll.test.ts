import { copyFile, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { loadCluster } from '../../src/kernel/config/cluster-file.js';
import { loadNode } from '../../src/kernel/config/node-file.js';
import { verifyRecord } from '../../src/kernel/enrollment/record.js';
import { temporaryDirectory } from '../kernel/support/directory.js';
import { cli } from './support/cli.js';

/** Nothing listens there: ports below those that any user may open. */
const basePort = '900';
let directory: string;
let clusterFile: string;
const at = (name: string) => join(directory, name);
const nodeFile = (name: string) => join(directory, 'nodes', `${name}.json`);

beforeEach(async () => {
  directory = await temporaryDirectory();
  clusterFile = at('cluster.json');
  await cli('init', directory, '--base-port', basePort);
});

const ok = async (...args: string[]) => {
  const result = await cli(...args);
  expect(result).toMatchObject({ exitCode: 0, err: '' });
  return result.out;
};

const enroll = (name: string, url = `http://127.0.0.1:8${name.length}00`, more: string[] = []) =>
  cli(
    ...['enroll', 'participant', name, '--url', url, '-c', clusterFile],
    ...['-o', at(`${name}.request`), ...more],
  );

const approve = (name: string, coordinator: number, output = at(`${name}.${coordinator}`)) =>
  cli(
    ...['approve', at(`${name}.request`), '--node', nodeFile(`coordinator-${coordinator}`)],
    ...['-o', output],
  );

const issue = (name: string) => cli('issue', at(`${name}.request`), '-d', directory);

/** As far as a record, by these coordinators. */
const recorded = async (name: string, coordinators = [0, 1, 2]) => {
  await enroll(name);
  await issue(name);
  for (const each of coordinators) await approve(name, each);
  return admit(
    name,
    coordinators.map((each) => at(`${name}.${each}`)),
  );
};

const admit = (name: string, approvals: string[], more = ['--no-send']) =>
  cli(
    ...['admit', at(`${name}.request`), at(`${name}.crt`), ...approvals],
    ...['-c', clusterFile, '-o', at(`${name}.record`), ...more],
  );

describe('a participant that enrolls', () => {
  it('makes its own keys, in a file for its owner that waits for its certificate', async () => {
    expect(await enroll('hotel')).toMatchObject({ exitCode: 0 });
    expect((await stat(nodeFile('hotel'))).mode & 0o777).toBe(0o600);
    await expect(loadNode(nodeFile('hotel'))).rejects.toThrow(/certificate: .*concordat join/);
    const request = await readFile(at('hotel.request'), 'latin1');
    expect(request).not.toContain('PRIVATE KEY');
    expect(await enroll('hotel')).toMatchObject({ exitCode: 2 });
  });

  it('joins by its record: with its certificate, its store, and itself as a member', async () => {
    expect((await recorded('hotel')).exitCode).toBe(0);
    await ok('join', nodeFile('hotel'), at('hotel.record'));
    const node = await loadNode(nodeFile('hotel'));
    expect(node).toMatchObject({ role: 'participant', name: 'hotel', accounts: [] });
    expect((await stat(nodeFile('hotel'))).mode & 0o777).toBe(0o600);
    await ok('check', join(directory, 'data', 'hotel'));
    await stat(join(directory, 'data', 'hotel', 'members', 'hotel.record'));
    // Once more, as after a crash.
    await ok('join', nodeFile('hotel'), at('hotel.record'));
  });

  it('does not join by another’s record', async () => {
    await recorded('hotel');
    await recorded('motels');
    const { exitCode, err } = await cli('join', nodeFile('hotel'), at('motels.record'));
    expect({ exitCode, err }).toMatchObject({
      exitCode: 2,
      err: expect.stringMatching(/not for the keys/),
    });
    await expect(stat(join(directory, 'data', 'hotel'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('has a name and an address that no member has', async () => {
    const cluster = await loadCluster(clusterFile);
    const [bank] = cluster.participants;
    const taken = await enroll('hotel', bank?.url);
    expect(taken).toMatchObject({
      exitCode: 1,
      err: expect.stringMatching(/url of "hotel" is that of the member "bank-a"/),
    });
    expect((await enroll('front')).err).toMatch(/name of "front"/);
  });

  it('says where it is reached, and where it listens', async () => {
    const without = await cli('enroll', 'participant', 'hotel', '-c', clusterFile);
    expect(without).toMatchObject({ exitCode: 2, err: expect.stringMatching(/needs --url/) });
    expect((await enroll('hotel', 'hotel')).exitCode).toBe(2);
    expect((await enroll('hotel', 'http://h', ['--listen', 'h'])).err).toMatch(/HOST:PORT/);
    await enroll('hotel', 'http://hotel.example:8080', ['--listen', '[::]:8081']);
    const node: unknown = JSON.parse(await readFile(nodeFile('hotel'), 'utf8'));
    expect(node).toMatchObject({ listen: { host: '::', port: 8081 } });
  });
});

describe('approve', () => {
  it('shows what is asked for without a node', async () => {
    const made = await enroll('hotel');
    const shown = await ok('approve', at('hotel.request'), '-c', clusterFile, '--json');
    const { sha256 } = JSON.parse(shown);
    expect(JSON.parse(shown)).toMatchObject({ role: 'participant', name: 'hotel' });
    expect(made.out).toContain(sha256);
    expect(await ok('approve', at('hotel.request'), '-c', clusterFile)).toMatch(/^url +http/m);
  });

  it('is for coordinators, and for participants', async () => {
    await enroll('hotel');
    const byBank = await cli('approve', at('hotel.request'), '--node', nodeFile('bank-a'));
    expect(byBank).toMatchObject({
      exitCode: 2,
      err: expect.stringMatching(/only coordinators approve/),
    });
    await cli('enroll', 'client', 'bob', '-c', clusterFile, '-o', at('bob.request'));
    expect(await approve('bob', 0)).toMatchObject({
      exitCode: 1,
      err: expect.stringMatching(/is a client/),
    });
  });

  it('approves one request for a name, an address or a key, for good', async () => {
    await enroll('hotel');
    expect((await approve('hotel', 0)).exitCode).toBe(0);
    // The same once more.
    expect((await approve('hotel', 0)).exitCode).toBe(0);
    await copyFile(at('hotel.request'), at('first.request'));
    await rm(nodeFile('hotel'));
    await enroll('hotel', 'http://127.0.0.1:8900');
    expect(await approve('hotel', 0)).toMatchObject({
      exitCode: 1,
      err: expect.stringMatching(/has approved another request with the name of "hotel"/),
    });
    expect((await approve('hotel', 1)).exitCode).toBe(0);
    expect((await approve('first', 1)).exitCode).toBe(1);
    await enroll('motel', 'http://127.0.0.1:8900');
    expect((await approve('motel', 1)).err).toMatch(/with the url of "motel"/);
  });

  it('does not go on from an approval on disk that is damaged', async () => {
    await enroll('hotel');
    await approve('hotel', 0);
    const kept = join(directory, 'data', 'coordinator-0', 'approvals', 'hotel.request');
    await writeFile(kept, (await readFile(kept)).subarray(1));
    await enroll('motels');
    expect((await approve('motels', 0)).exitCode).toBe(1);
  });
});

describe('issue', () => {
  it('issues a name to one key only', async () => {
    await enroll('hotel');
    expect((await issue('hotel')).exitCode).toBe(0);
    expect((await issue('hotel')).exitCode).toBe(0);
    await rm(nodeFile('hotel'));
    await enroll('hotel');
    expect(await issue('hotel')).toMatchObject({
      exitCode: 1,
      err: expect.stringMatching(/for another key/),
    });
  });

  it('issues nobody the name of a client that there is', async () => {
    const node = at('mallory.json');
    const [role, name] = ['client', 'alice'];
    await cli('enroll', role, name, '-c', clusterFile, '--node', node, '-o', at('alice.request'));
    expect(await issue('alice')).toMatchObject({
      exitCode: 1,
      err: expect.stringMatching(/for another key/),
    });
    await cli(
      'enroll',
      role,
      'bob',
      '-c',
      clusterFile,
      '--node',
      at('bob.json'),
      '-o',
      at('bob.request'),
    );
    expect((await issue('bob')).exitCode).toBe(0);
    expect((await cli('add-client', 'bob', '-d', directory)).exitCode).toBe(2);
  });

  it('needs the authority’s key', async () => {
    await enroll('hotel');
    await rm(at('authority-key.pem'));
    expect(await issue('hotel')).toMatchObject({
      exitCode: 2,
      err: expect.stringMatching(/authority-key\.pem/),
    });
  });
});

describe('a client that enrolls', () => {
  it('joins by its certificate alone', async () => {
    await ok('enroll', 'client', 'bob', '-c', clusterFile, '-o', at('bob.request'));
    await ok('issue', at('bob.request'), '-d', directory, '--days', '30');
    await ok('join', nodeFile('bob'), at('bob.crt'));
    expect(await loadNode(nodeFile('bob'))).toMatchObject({ role: 'client', name: 'bob' });
  });

  it('does not join by a certificate for another key', async () => {
    await cli('enroll', 'client', 'bob', '-c', clusterFile, '-o', at('bob.request'));
    await cli('enroll', 'client', 'eve', '-c', clusterFile, '-o', at('eve.request'));
    await issue('eve');
    expect((await cli('join', nodeFile('bob'), at('eve.crt'))).exitCode).toBe(1);
    const request = await cli('join', nodeFile('bob'), at('bob.request'));
    expect(request).toMatchObject({
      exitCode: 1,
      err: expect.stringMatching(/not an enrollment certificate/),
    });
  });
});

describe('admit', () => {
  it('makes a record of the files in any order, each approval counted once', async () => {
    expect((await recorded('hotel', [2, 0, 3])).exitCode).toBe(0);
    const cluster = await loadCluster(clusterFile);
    const file = new Uint8Array(await readFile(at('hotel.record')));
    expect(verifyRecord(cluster, file).approvals.map(({ replica }) => replica)).toEqual([0, 2, 3]);
    const twice = await admit('hotel', [at('hotel.0'), at('hotel.0'), at('hotel.2')]);
    expect(twice).toMatchObject({
      exitCode: 1,
      err: expect.stringMatching(/2 coordinators approve, and 3 must/),
    });
  });

  it('refuses files that do not belong together', async () => {
    await recorded('hotel');
    await recorded('motels');
    const mixed = ['hotel.0', 'hotel.1', 'motels.2'].map(at);
    expect(await admit('hotel', mixed)).toMatchObject({
      exitCode: 1,
      err: expect.stringMatching(/another request/),
    });
    const two = await cli('admit', at('hotel.request'), at('motels.request'), '-c', clusterFile);
    expect(two).toMatchObject({ exitCode: 2, err: expect.stringMatching(/one request/) });
    expect((await cli('admit', clusterFile, '-c', clusterFile)).exitCode).toBe(2);
  });

  it('says which nodes did not answer: status 3', async () => {
    await recorded('hotel');
    const sent = await cli('admit', at('hotel.record'), '-c', clusterFile, '-o', at('again'));
    expect(sent.out.match(/NO ANSWER/g)).toHaveLength(10);
    expect(sent.exitCode).toBe(3);
  });
});

describe('merge', () => {
  it('writes a cluster file with the newcomer in it, once', async () => {
    await recorded('hotel');
    const merge = () => ok('merge', at('hotel.record'), '-c', clusterFile, '-o', clusterFile);
    await merge();
    await merge();
    const { participants } = await loadCluster(clusterFile);
    expect(participants.map(({ name }) => name)).toEqual(['bank-a', 'bank-b', 'hotel']);
  });

  it('keeps a renewal, and takes one only once it is valid', async () => {
    await recorded('hotel');
    await copyFile(at('hotel.record'), at('older.record'));
    const clock = (daysFromNow: number) =>
      vi.useFakeTimers({ now: Date.now() + daysFromNow * 86_400_000, toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    clock(2);
    await issue('hotel');
    vi.useRealTimers();
    await admit(
      'hotel',
      [0, 1, 2].map((each) => at(`hotel.${each}`)),
    );
    const digest = async () => (await loadCluster(clusterFile)).participants.at(-1);
    const merge = (record: string) =>
      cli('merge', at(record), '-c', clusterFile, '-o', clusterFile);
    await merge('older.record');
    const before = await digest();
    expect((await merge('hotel.record')).err).toMatch(/not valid before/);
    expect((await cli('join', nodeFile('hotel'), at('hotel.record'))).err).toMatch(/not valid/);
    expect(await digest()).toEqual(before);
    clock(3);
    expect((await merge('hotel.record')).exitCode).toBe(0);
    const renewed = await digest();
    expect(renewed?.certificateSha256).not.toBe(before?.certificateSha256);
    expect((await merge('older.record')).exitCode).toBe(0);
    expect(await digest()).toEqual(renewed);
  });

  it('takes no record of another cluster', async () => {
    const elsewhere = await temporaryDirectory();
    await cli('init', elsewhere, '--base-port', basePort);
    await recorded('hotel');
    const foreign = join(elsewhere, 'cluster.json');
    const merged = await cli('merge', at('hotel.record'), '-c', foreign, '-o', at('merged.json'));
    expect(merged).toMatchObject({ exitCode: 1, err: expect.stringMatching(/not signed by it/) });
  });
});
