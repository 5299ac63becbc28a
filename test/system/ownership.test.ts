import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCluster } from '../../src/api/test-cluster.js';
import { TransferClient } from '../../src/banking/client/transfer-client.js';
import { accountId, currency, type Transfer } from '../../src/banking/soap.js';
import { loadNode } from '../../src/kernel/config/node-file.js';
import { participantId } from '../../src/kernel/ids.js';

const alice = { bank: participantId('bank-a'), account: accountId('alice') };
const bob = { bank: participantId('bank-b'), account: accountId('bob') };
const fiveCents: Transfer = {
  debtor: alice,
  creditors: [{ ...bob, amountMinor: 5 }],
  currency: currency('EUR'),
};

describe('somebody else’s account', () => {
  let all: TestCluster;
  let mallory: TransferClient;
  beforeAll(async () => {
    all = await TestCluster.start({ clients: ['alice', 'mallory'] });
    const node = await loadNode(join(all.directory, 'nodes', 'mallory.json'));
    mallory = new TransferClient({ cluster: all.cluster, node });
  });
  afterAll(async () => {
    await mallory?.close();
    await all?.stop();
  });

  it('cannot be debited, and the client is told why', async () => {
    const refused = await mallory.transfer(fiveCents, { timeoutMs: 20_000 });
    expect(refused).toMatchObject({
      outcome: 'aborted',
      reason: 'NotAuthorized: mallory may not debit alice',
    });
    expect((await all.client.getBalance(alice.bank, alice.account)).amountMinor).toBe(100_000);
  });

  it('cannot be read', async () => {
    await expect(mallory.getBalance(alice.bank, alice.account)).rejects.toMatchObject({
      code: 'NotAuthorized',
      data: { reason: 'mallory may not read alice' },
    });
  });

  it('is debited for its owner, and for the front door', async () => {
    const paid = await all.client.transfer(fiveCents, { timeoutMs: 20_000 });
    expect(paid.outcome).toBe('committed');
    const node = await loadNode(join(all.directory, 'nodes', 'front.json'));
    if (node.role !== 'front') throw new Error('no front door');
    const front = new TransferClient({ cluster: all.cluster, node });
    expect((await front.transfer(fiveCents, { timeoutMs: 20_000 })).outcome).toBe('committed');
    await front.close();
    expect((await all.client.getBalance(alice.bank, alice.account)).amountMinor).toBe(99_990);
  });
});
