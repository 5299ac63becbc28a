import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { verifyOutcomeProof } from '../../src/api/verify.js';
import { TransferClient } from '../../src/banking/client/transfer-client.js';
import { loadClient } from '../../src/cli/client.js';
import { LocalCluster } from '../../src/cli/local-cluster.js';
import { order } from './support/order.js';

let local: LocalCluster | undefined;
let directory: string | undefined;
afterEach(async () => {
  await local?.stop();
  if (directory) await rm(directory, { recursive: true, force: true });
});

it('a cluster that agrees in two steps commits, and goes on when its primary is killed', {
  timeout: 120_000,
}, async () => {
  directory = await mkdtemp(join(tmpdir(), 'concordat-two-step-'));
  const create = { f: 1, clients: ['alice'], agreement: 'two-step' } as const;
  local = await LocalCluster.start({ directory, create });
  const { node, cluster } = await loadClient(local.nodeFile('alice'));
  const client = new TransferClient({ cluster, node, lanes: 4 });
  const keys = JSON.parse(await readFile(join(directory, 'cluster.json'), 'utf8'));
  expect(keys.agreement).toBe('two-step');
  const proved = async (transactionId: string | undefined) => {
    const answer = await fetch(`${local?.url('coordinator-1')}/proof/${transactionId}`);
    const checked = verifyOutcomeProof(keys, new Uint8Array(await answer.arrayBuffer()));
    return checked.ok && checked.value.kind === 'outcome' && checked.value.outcome;
  };
  try {
    const first = await client.transfer(order, { timeoutMs: 60_000 });
    expect(first.outcome).toBe('committed');
    expect(await proved(first.transactionId)).toBe('commit');
    await local.kill('coordinator-0');
    const second = await client.transfer(order, { timeoutMs: 60_000 });
    expect(second.outcome).toBe('committed');
    expect(await proved(second.transactionId)).toBe('commit');
  } finally {
    await client.close();
  }
});
