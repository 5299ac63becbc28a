import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accountId, currency, type Transfer } from '../../src/edge/soap/banking.js';
import { participantId } from '../../src/vocabulary/ids.js';
import { InProcessCluster } from '../support/in-process-cluster.js';
import { standardsPresent, validateAgainstStandards } from '../support/schemas.js';

const bankA = participantId('bank-a');
const bankB = participantId('bank-b');

function order(amountMinor: number): Transfer {
  return {
    debtor: { bank: bankA, account: accountId('alice') },
    creditors: [{ bank: bankB, account: accountId('bob'), amountMinor }],
    currency: currency('EUR'),
  };
}

describe('a cluster over HTTP', () => {
  let all: InProcessCluster;
  beforeAll(async () => {
    all = await InProcessCluster.start();
  });
  afterAll(() => all?.stop());

  it('commits a transfer at both banks', async () => {
    const result = await all.client.transfer(order(1250), { timeoutMs: 20_000 });
    expect(result.outcome).toBe('committed');
    expect((await all.client.getBalance(bankA, accountId('alice'))).amountMinor).toBe(98_750);
    expect((await all.client.getBalance(bankB, accountId('bob'))).amountMinor).toBe(51_250);
  });

  it('aborts a transfer without funds at both banks', async () => {
    const result = await all.client.transfer(order(10_000_000), { timeoutMs: 20_000 });
    expect(result).toMatchObject({ outcome: 'aborted', reason: 'InsufficientFunds' });
    expect((await all.client.getBalance(bankA, accountId('alice'))).amountMinor).toBe(98_750);
    expect((await all.client.getBalance(bankB, accountId('bob'))).amountMinor).toBe(51_250);
  });

  it.runIf(standardsPresent)('sends only messages that are valid by the schemas', async () => {
    expect(all.sent.length).toBeGreaterThan(50);
    expect(await validateAgainstStandards([...all.sent])).toEqual([]);
  });
});
