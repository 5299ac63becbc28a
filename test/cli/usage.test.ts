import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cli } from './support/cli.js';

const transfer = ['transfer', '--from', 'bank-a/alice', '--to', 'bank-b/bob', '--amount'];
const uuid = '00000000-0000-8000-8000-00000000cafe';

describe('a wrong command line', () => {
  const wrong: [string[], RegExp][] = [
    [['fly'], /unknown command 'fly'/],
    [['init', '--wings'], /unknown option '--wings'/],
    [['init', '--f', 'one'], /--f.*whole number from 0 to 21/],
    [['init', '--banks', '1'], /--banks.*whole number from 2 to 16/],
    [['init', '--compose', '--base-port', '7000'], /--base-port is of no use with --compose/],
    [['init', '--n', '3', '/tmp/never'], /3f \+ 1/],
    [['run'], /missing required argument/],
    [['transfer', '--from', 'bank-a/alice'], /required option '--to/],
    [['transfer', '--from', 'alice'], /BANK\/ACCOUNT/],
    [['transfer', '--from', 'a/b/c'], /BANK\/ACCOUNT/],
    [[...transfer, 'much'], /--amount much: write a positive amount of EUR, such as 12.50/],
    [[...transfer, '0'], /positive amount/],
    [[...transfer, '1.234'], /positive amount/],
    [[...transfer, '1.5', '--currency', 'JPY'], /positive amount of JPY, such as 1250/],
    [[...transfer, '1', '--currency', 'euro'], /three capital letters/],
    [
      [...transfer, '1', '-c', 'comp/cluster.json'],
      /by the client’s private file: use --client FILE/,
    ],
    [['balance', 'alice'], /BANK\/ACCOUNT/],
    [['proof', 'the-last-one'], /transaction id: a UUID/],
    [['approve', '/nowhere/x.request'], /\/nowhere\/x.request: no such file/],
    [
      ['approve', import.meta.filename, '--node', '/nowhere/n.json'],
      /n.json: no such file; name a coord.*--node/,
    ],
    [['status', '-c', '/nowhere/c.json'], /c.json: no such file; name the cluster.*--cluster/],
    [
      ['merge', 'x.record', '-o', 'x.json', '-c', '/nowhere/c.json'],
      /c.json: no such file; name the/,
    ],
    [
      ['procedure', 'a', 'b', '--client', '/nowhere/a.json'],
      /a.json: no such file; name a cli.*--client/,
    ],
    [['enroll', 'initiator', 'x'], /Allowed choices are participant, client/],
    [['verify', '/nowhere/x.proof', '--cluster', '/nowhere/cluster.json'], /no such file/],
  ];

  it.each(wrong)('%j is refused with status 2', async (args, message) => {
    const { exitCode, out, err } = await cli(...args);
    expect(err).toMatch(message);
    expect(err).not.toMatch(/^\s+at /m);
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
  });
});

describe('help', () => {
  it('is there for every command, with an example', async () => {
    const { exitCode, out } = await cli('--help');
    expect(exitCode).toBe(0);
    expect(out).toContain('Exit status:');
    for (const command of 'init up run transfer balance status proof verify enroll approve issue admit join merge'.split(
      ' ',
    )) {
      expect(out).toContain(`  ${command}`);
      const help = await cli(command, '--help');
      expect(help.exitCode).toBe(0);
      expect(help.out).toMatch(new RegExp(`Examples?:\n  concordat ${command}`));
    }
  });

  it('tells the version', async () => {
    expect(await cli('--version')).toMatchObject({ exitCode: 0, out: '0.1.0\n' });
  });
});

describe('where no node runs', () => {
  let directory: string;
  let client: string;
  let cluster: string;
  beforeAll(async () => {
    // Ports that nothing listens on: below those that any user may open.
    directory = await mkdtemp(join(tmpdir(), 'concordat-'));
    await cli('init', directory, '--base-port', '900');
    client = join(directory, 'nodes', 'alice.json');
    cluster = join(directory, 'cluster.json');
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it('a transfer is not sent: status 3', async () => {
    const { exitCode, err } = await cli(...transfer, '1', '--client', client);
    expect(err).toMatch(/^concordat: 0 of 3 initiators answer and 2 must; nothing was sent/);
    expect(exitCode).toBe(3);
  });

  it('status shows them down: status 3', async () => {
    const { exitCode, out } = await cli('status', '--cluster', cluster);
    expect(out.match(/DOWN/g)).toHaveLength(10);
    expect(exitCode).toBe(3);
    const json = JSON.parse((await cli('status', '--cluster', cluster, '--json')).out);
    expect(json).toMatchObject({ nodes: 10, nodesUp: 0, coordinatorQuorum: false });
  });

  it('balance and proof say that nobody answers: status 3', async () => {
    const balance = await cli('balance', 'bank-a/alice', '--client', client);
    expect(balance.err).toMatch(/^concordat: no answer from bank-a/);
    expect(balance.exitCode).toBe(3);
    const proof = await cli('proof', uuid, '--cluster', cluster);
    expect(proof.err).toContain('coordinator-3: no answer');
    expect(proof.exitCode).toBe(3);
  });

  it('a bank or a client that is none is told apart: status 2', async () => {
    const bank = join(directory, 'nodes', 'bank-a.json');
    const notClient = await cli(...transfer, '1', '--client', bank);
    expect(notClient).toMatchObject({ exitCode: 2, err: expect.stringContaining('--client') });
    const unknown = await cli('balance', 'bank-z/alice', '--client', client);
    expect(unknown).toMatchObject({ exitCode: 2, err: expect.stringContaining('bank-z') });
    expect(unknown.err).toContain('only bank-a, bank-b');
    const notNode = await cli('run', client);
    expect(notNode).toMatchObject({ exitCode: 2, err: expect.stringContaining("is a client's") });
  });
});
