import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCluster } from '../../src/api/test-cluster.js';
import { accountId, currency, type Transfer } from '../../src/banking/soap.js';
import { type Binding, bindings } from '../../src/kernel/cluster.js';
import { type Costs, costs, costsSince } from '../../src/kernel/costs.js';
import { participantId } from '../../src/kernel/ids.js';

const order: Transfer = {
  debtor: { bank: participantId('bank-a'), account: accountId('alice') },
  creditors: [{ bank: participantId('bank-b'), account: accountId('bob'), amountMinor: 1 }],
  currency: currency('EUR'),
};

describe.each(bindings)('what a transfer costs all nodes and the client, binding %s', (binding) => {
  let all: TestCluster;
  beforeAll(async () => {
    const timing = { resendAfterMs: 20_000, suspectAfterMs: 60_000, voteTimeoutMs: 60_000 };
    all = await TestCluster.start({ binding, timing });
    // Links open, connections are made.
    await transfers(16, 4);
  }, 120_000);
  afterAll(() => all?.stop());

  async function transfers(count: number, clients: number): Promise<void> {
    let left = count;
    const loop = async () => {
      while (left > 0) {
        left -= 1;
        const { outcome } = await all.client.transfer(order, { timeoutMs: 60_000 });
        expect(outcome).toBe('committed');
      }
    };
    await Promise.all(Array.from({ length: clients }, loop));
  }

  it.each([1, 16])(
    'with %i clients',
    async (clients) => {
      const count = 16;
      const before = { ...costs };
      await transfers(count, clients);
      const each = costsSince(before, count);
      for (const [name, most] of Object.entries(mostOf(binding, clients))) {
        expect(each[name as keyof Costs], name).toBeLessThanOrEqual(most);
      }
    },
    120_000,
  );
});

/** Some above what is usual: now and then a message comes twice, or an initiator more than `f + 1` is asked. */
function mostOf(binding: Binding, clients: number): Costs {
  const isSoap = binding === 'soap';
  const alone = clients === 1;
  return {
    // What is said, written and sent in one turn shares a signature, a sync and a departure.
    statementsSigned: alone ? 36 : 18,
    statementsChecked: alone ? 136 : 75,
    turns: alone ? 65 : 32,
    writes: alone ? 40 : 16,
    flushes: alone ? 72 : 34,
    messagesSigned: isSoap ? 43 : 5,
    messagesChecked: isSoap ? 45 : 7,
    exchanges: 28,
    exchangeBytes: isSoap ? 190_000 : 52_000,
    frames: 70,
    frameBytes: alone ? 18_500 : 32_000,
  };
}
