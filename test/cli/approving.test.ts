import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { approve } from '../../src/cli/enrollment/approving.js';
import { loadCluster } from '../../src/kernel/config/cluster-file.js';
import { type CoordinatorNode, loadNode } from '../../src/kernel/config/node-file.js';
import { exclusively } from '../../src/kernel/enrollment/files.js';
import { participantId } from '../../src/kernel/ids.js';
import { newcomer } from '../kernel/enrollment/newcomer.js';
import { temporaryDirectory } from '../kernel/support/directory.js';
import { cli } from './support/cli.js';

let directory: string;
let clusterFile: string;

beforeEach(async () => {
  directory = await temporaryDirectory();
  clusterFile = join(directory, 'cluster.json');
  await cli('init', directory, '--base-port', '900');
});

async function coordinator(index: number): Promise<CoordinatorNode> {
  const node = await loadNode(join(directory, 'nodes', `coordinator-${index}.json`));
  if (node.role !== 'coordinator') throw new Error(node.role);
  return node;
}

async function requestOf(name: string, url: string): Promise<Uint8Array> {
  const cluster = await loadCluster(clusterFile);
  return newcomer({ cluster }, { name: participantId(name), url }).signed.file;
}

describe('approvals of one coordinator at once', () => {
  it('approve one of two requests for an address', async () => {
    const node = await coordinator(0);
    const names = ['hotel', 'motel', 'hostel', 'inn'];
    const requests = await Promise.all(names.map((name) => requestOf(name, 'http://same.test')));
    const all = await Promise.allSettled(requests.map((request) => approve(request, node)));
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const refused = all.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
    expect(refused.map(({ code }) => code)).toEqual(['taken', 'taken', 'taken']);
  });

  it('leave no lock, whatever comes of them', async () => {
    const node = await coordinator(0);
    const lock = join(node.dataDir, 'approvals.lock');
    await approve(await requestOf('hotel', 'http://same.test'), node);
    await expect(approve(await requestOf('inn', 'http://same.test'), node)).rejects.toThrow();
    await expect(stat(lock)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('say what to do about a lock that stays', async () => {
    const lock = join(directory, 'a.lock');
    await writeFile(lock, '4711\n');
    const tried = exclusively(lock, async () => 'done', 30);
    await expect(tried).rejects.toMatchObject({
      code: 'locked',
      message: expect.stringMatching(/a\.lock: process 4711 .* remove the file/),
    });
    expect(await readFile(lock, 'utf8')).toBe('4711\n');
  });
});

describe('approvals of a cluster that is nearly full', () => {
  const known = 996;

  beforeEach(async () => {
    const file = JSON.parse(await readFile(clusterFile, 'utf8'));
    const hex = (index: number, digit: string) => digit.repeat(58) + `${index}`.padStart(6, '0');
    file.participants = Array.from({ length: known }, (_, index) => ({
      ...{ id: `bank-${index}`, name: `bank-${index}`, url: `http://bank-${index}.test` },
      ...{ certificateSha256: hex(index, 'a'), statementKey: hex(index, 'b') },
    }));
    await writeFile(clusterFile, JSON.stringify(file));
  });

  it('never make more records than all nodes have room for', async () => {
    // Coordinator 3 lies, and approves all of them: two more make a record.
    const pairs = [
      ['inn', 0, 1],
      ['hotel', 1, 2],
      ['motel', 2, 0],
    ] as const;
    for (const [name, ...approving] of pairs) {
      const request = await requestOf(name, `http://${name}.test`);
      for (const index of approving) await approve(request, await coordinator(index));
    }
    for (const [name, index] of [['hostel', 0] as const, ['lodge', 1] as const]) {
      const one = approve(await requestOf(name, `http://${name}.test`), await coordinator(index));
      await expect(one).rejects.toMatchObject({ code: 'full' });
    }
    expect(known + pairs.length).toBeLessThanOrEqual(1000);
  });
});
