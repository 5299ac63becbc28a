import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { initCluster } from '../../../src/cli/init.js';
import { loadCluster } from '../../../src/kernel/config/cluster-file.js';
import { loadNode, ownMember } from '../../../src/kernel/config/node-file.js';
import { temporaryDirectory } from '../support/directory.js';

let directory: string;

beforeEach(async () => {
  directory = await temporaryDirectory();
  const layout = { kind: 'local', host: '127.0.0.1', basePort: 7000 } as const;
  await initCluster({ directory, clusterId: 'demo', f: 1, layout });
});

/** Changes one value of a JSON file; `undefined` removes it. */
async function change(file: string, path: (string | number)[], value: unknown): Promise<void> {
  const json = JSON.parse(await readFile(file, 'utf8'));
  const last = path.at(-1) ?? '';
  const parent = path.slice(0, -1).reduce((at, key) => at[key], json);
  parent[last] = value;
  await writeFile(file, JSON.stringify(json));
}

describe('loadCluster', () => {
  const twin = 'a'.repeat(64);

  it.each<[string, (string | number)[], unknown, RegExp]>([
    [
      'a bad address',
      ['coordinators', 1, 'url'],
      'http://x/',
      /coordinators\[1\]\.url: must be an http/,
    ],
    [
      'a bad port',
      ['coordinators', 1, 'peer', 'port'],
      70_000,
      /coordinators\[1\]\.peer\.port: must be/,
    ],
    ['a missing field', ['initiators', 0, 'url'], undefined, /initiators\[0\]\.url: /],
    [
      'a bad digest',
      ['fronts', 0, 'certificateSha256'],
      'AB',
      /fronts\[0\]\.certificateSha256: must/,
    ],
    ['a reserved name', ['fronts', 0, 'name'], 'sessions', /fronts\[0\]\.name: must not be/],
    ['a field nobody knows', ['timing', 'suspectMs'], 1, /timing: .*suspectMs/],
    ['a bad authority', ['authority'], 'x', /authority: must be the PEM certificate of a CA/],
    ['too high an f', ['f'], 2, /coordinators: lists 4, but f = 2 needs 3f \+ 1 = 7/],
    ['ids out of order', ['coordinators', 2, 'id'], 3, /coordinators\[2\]\.id: is 3 but must be/],
    [
      'a path as an origin',
      ['allowedOrigins'],
      ['http://x/y'],
      /allowedOrigins\[0\]: must be an origin/,
    ],
    [
      'a timing of zero',
      ['timing', 'resendAfterMs'],
      0,
      /timing\.resendAfterMs: must be at least 1/,
    ],
    [
      'a memory too long',
      ['retainedTransactions'],
      50_001,
      /retainedTransactions: must be at most/,
    ],
    ['debts without a bound', ['owedTransactions'], 0, /owedTransactions: must be at least 1/],
    [
      'an engine that there is not',
      ['sessions'],
      { engine: 'raft', applications: ['shop'] },
      /sessions\.engine: must be one of antipaxos, fab, pbft/,
    ],
    [
      'an engine that sessions cannot have',
      ['sessions'],
      { engine: 'ezbft', applications: ['shop'] },
      /must be one of antipaxos, fab, pbft; ezbft puts only what interferes in order/,
    ],
    [
      'sessions for nothing',
      ['sessions'],
      { engine: 'pbft', applications: [] },
      /sessions\.applications: must name an application/,
    ],
    [
      'an application twice',
      ['sessions'],
      { applications: ['shop', 'shop'] },
      /sessions\.applications: must name each only once/,
    ],
    [
      'an application in the way',
      ['sessions'],
      { applications: ['status'] },
      /sessions\.applications\[0\]: must be another name/,
    ],
    [
      'too many applications',
      ['sessions'],
      { applications: Array.from({ length: 17 }, (_, index) => `shop-${index}`) },
      /sessions\.applications: must be at most 16/,
    ],
    [
      'an address that no registration can hold',
      ['participants', 0, 'url'],
      `http://bank-a.test/${'x'.repeat(482)}`,
      /participants\[0\]\.url: must have at most 500 bytes/,
    ],
  ])('names the field of %s', async (_, path, value, message) => {
    const file = join(directory, 'cluster.json');
    await change(file, path, value);
    await expect(loadCluster(file)).rejects.toThrow(message);
  });

  it('refuses one statement key under two names', async () => {
    const file = join(directory, 'cluster.json');
    await change(file, ['coordinators', 1, 'statementKey'], twin);
    await change(file, ['initiators', 2, 'statementKey'], twin);
    await expect(loadCluster(file)).rejects.toThrow(
      /initiators\[2\]\.statementKey: is that of coordinators\[1\] too/,
    );
  });

  it('takes antipaxos where sessions name no engine', async () => {
    const file = join(directory, 'cluster.json');
    await change(file, ['sessions'], { applications: ['shop'] });
    const { sessions } = await loadCluster(file);
    expect(sessions).toEqual({ engine: 'antipaxos', applications: ['shop'] });
  });

  it('says how to get a file that is not there', async () => {
    await expect(loadCluster(join(directory, 'none.json'))).rejects.toThrow(/concordat init/);
  });
});

describe('loadNode', () => {
  const node = () => join(directory, 'nodes', 'bank-a.json');

  it('never quotes the file', async () => {
    const text = await readFile(node(), 'utf8');
    await writeFile(node(), text.replace('"privateKey": "', '"privateKey": '));
    const error = await loadNode(node()).catch((thrown: Error) => thrown);
    expect(error).toMatchObject({ message: expect.stringMatching(/not valid JSON/) });
    expect(String(error)).not.toContain('PRIVATE');
  });

  it.each<[string, (string | number)[], unknown, RegExp]>([
    ['an unknown role', ['role'], 'judge', /role/],
    ['a key that is none', ['statementKey'], 'x', /statementKey: must be an Ed25519 private key/],
    ['an account without money', ['accounts', 0, 'amountMinor'], 0.5, /accounts\[0\]\.amountMinor/],
    ['worker threads without end', ['threads'], 65, /threads: must be 0 to 64/],
    ['less than no worker threads', ['threads'], -1, /threads: must be 0 to 64/],
    ['half a worker thread', ['threads'], 0.5, /threads: must be a whole number from 0 to 64/],
    [
      'a bad currency',
      ['accounts', 0, 'currency'],
      'euro',
      /accounts\[0\]\.currency: must be an ISO/,
    ],
  ])('names the field of %s', async (_, path, value, message) => {
    await change(node(), path, value);
    await expect(loadNode(node())).rejects.toThrow(message);
  });

  it.each(['initiator-0', 'front', 'alice'])(
    'says who has worker threads: not %s',
    async (name) => {
      const file = join(directory, 'nodes', `${name}.json`);
      await change(file, ['threads'], 2);
      await expect(loadNode(file)).rejects.toThrow(
        /: threads: only a coordinator and a participant take it/,
      );
    },
  );

  it('finds modules beside the file, and leaves the names of built-in applications alone', async () => {
    const file = join(directory, 'nodes', 'coordinator-0.json');
    await change(file, ['applications'], { shop: './shop/application.js', chain: 'supply-chain' });
    expect(await loadNode(file)).toMatchObject({
      applications: {
        shop: join(directory, 'nodes', 'shop', 'application.js'),
        chain: 'supply-chain',
      },
    });
    await change(file, ['applications'], { shop: '' });
    await expect(loadNode(file)).rejects.toThrow(/applications\.shop: must be a path/);
  });

  it.each<[object, RegExp | undefined]>([
    [{ url: 'http://127.0.0.1:8080' }, undefined],
    [{ url: 'http://hotel:8080', allowedOrigins: ['http://hotel:8080'] }, undefined],
    [{ url: 'http://hotel:8080' }, /sidecar\.url: must be on 127\.0\.0\.1 or \[::1\], or/],
    [{ url: 'hotel' }, /sidecar\.url: must be an http or https address/],
    [{ url: 'http://127.0.0.1:8080', timeoutMs: 0 }, /sidecar\.timeoutMs: must be at least 1/],
    [{ url: 'http://127.0.0.1:8080', port: 1 }, /sidecar: .*port/],
  ])('reads what a sidecar stands in front of: %j', async (sidecar, fault) => {
    await change(node(), ['sidecar'], sidecar);
    const loaded = loadNode(node());
    if (fault) await expect(loaded).rejects.toThrow(fault);
    else expect(await loaded).toMatchObject({ sidecar });
  });

  it('is a sidecar or runs a module, not both', async () => {
    await change(node(), ['sidecar'], { url: 'http://127.0.0.1:8080' });
    await change(node(), ['service'], './hotel.js');
    await expect(loadNode(node())).rejects.toThrow(/sidecar: must not be there beside "service"/);
  });

  it("refuses another node's key", async () => {
    const other = await loadNode(join(directory, 'nodes', 'bank-b.json'));
    await change(node(), ['privateKey'], other.privateKey);
    await expect(loadNode(node())).rejects.toThrow(/privateKey: is not the key of "certificate"/);
  });
});

describe('ownMember', () => {
  it('refuses a node that the cluster file knows by other keys', async () => {
    const cluster = await loadCluster(join(directory, 'cluster.json'));
    const node = await loadNode(join(directory, 'nodes', 'bank-a.json'));
    const other = await loadNode(join(directory, 'nodes', 'bank-b.json'));
    if (node.role !== 'participant' || other.role !== 'participant') throw new Error('not banks');
    expect(() => ownMember(cluster, { ...node, statementKey: other.statementKey })).toThrow(
      /statementKey of "bank-a" is not the one in its own file/,
    );
    expect(() => ownMember(cluster, { ...other, name: 'bank-a' })).toThrow(/certificateSha256/);
    expect(() => ownMember(cluster, { ...node, name: 'bank-x' })).toThrow(/has no "bank-x"/);
  });
});
