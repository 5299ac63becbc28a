import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCluster } from '../../../src/api/test-cluster.js';
import { accountId, currency, type Transfer } from '../../../src/banking/soap.js';
import { participantId } from '../../../src/kernel/ids.js';

const bankA = participantId('bank-a');
const bankB = participantId('bank-b');

function order(amountMinor: number): Transfer {
  return {
    debtor: { bank: bankA, account: accountId('alice') },
    creditors: [{ bank: bankB, account: accountId('bob'), amountMinor }],
    currency: currency('EUR'),
  };
}

describe('a cluster with the compact binding', () => {
  let all: TestCluster;
  beforeAll(async () => {
    all = await TestCluster.start({ binding: 'compact' });
  });
  afterAll(() => all?.stop());

  const transfer = (amountMinor: number) =>
    all.client.transfer(order(amountMinor), { timeoutMs: 20_000 });

  it('commits and aborts, and its nodes sign none of their messages once the links are open', async () => {
    expect((await transfer(1250)).outcome).toBe('committed');
    expect(await transfer(10_000_000)).toMatchObject({
      outcome: 'aborted',
      reason: 'InsufficientFunds',
    });
    // What is still sent as SOAP is the client's: the same links do not come up for all at once.
    let others: readonly string[] = [''];
    for (let tries = 0; others.length > 0 && tries < 50; tries += 1) {
      all.sent.length = 0;
      expect((await transfer(10)).outcome).toBe('committed');
      others = all.sent.filter((text) => !text.includes('Transfer'));
    }
    expect(others).toEqual([]);
  });
});
