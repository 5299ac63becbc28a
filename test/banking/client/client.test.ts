import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { TransferClient } from '../../../src/banking/client/transfer-client.js';
import { accountId, currency, type Transfer } from '../../../src/banking/soap.js';
import { participantId, transactionId } from '../../../src/kernel/ids.js';
import { soapFaults } from '../../../src/soap/faults.js';
import { bankFault, madeUpTid, serveBank, serveInitiator } from '../../support/nodes/stubs.js';
import { World } from '../../support/nodes/world.js';

const tid = transactionId('00000000-0000-8000-8000-000000000001');
const committed = { transactionId: tid, outcome: 'committed' } as const;
const order: Transfer = {
  debtor: { bank: participantId('bank-a'), account: accountId('a1') },
  creditors: [{ bank: participantId('bank-b'), account: accountId('b1'), amountMinor: 500 }],
  currency: currency('EUR'),
};

let world: World;
beforeAll(async () => {
  world = await World.make();
});

function client() {
  const made = new TransferClient({ cluster: world.cluster, node: world.node('client', 'alice') });
  onTestFinished(() => made.close());
  return made;
}

describe('TransferClient', () => {
  it('sends one signed request to all initiators, and believes f + 1 of them', async () => {
    const seen = await Promise.all(
      [0, 1, 2].map((index) => serveInitiator(world, index, () => committed)),
    );
    expect(await client().transfer(order, { timeoutMs: 5000 })).toEqual(committed);
    const headers = seen.flat();
    expect(headers.length).toBeGreaterThanOrEqual(2);
    expect(new Set(headers.map((each) => `${each.client} ${each.timestamp}`)).size).toBe(1);
    expect(headers[0]?.client).toMatch(/^alice\/[0-9]+$/);
  });

  it('does not believe the first to answer', async () => {
    let lie = () => {};
    const lied = new Promise<void>((resolve) => {
      lie = resolve;
    });
    await serveInitiator(world, 0, () => {
      // Not needed for the test to pass, but a client that believes anybody shall fail it.
      setTimeout(lie, 50);
      return { transactionId: madeUpTid, outcome: 'committed' };
    });
    const honest = async () => {
      await lied;
      return { transactionId: tid, outcome: 'aborted', reason: 'InsufficientFunds' } as const;
    };
    await serveInitiator(world, 1, honest);
    await serveInitiator(world, 2, honest);
    expect(await client().transfer(order, { timeoutMs: 5000 })).toEqual(await honest());
  });

  it('counts an initiator once, whatever addresses it answers at', async () => {
    const lie = () => ({ transactionId: madeUpTid, outcome: 'committed' }) as const;
    await serveInitiator(world, 0, lie, 0);
    await serveInitiator(world, 1, lie, 0);
    const failure = client().transfer(order, { timeoutMs: 5000 });
    await expect(failure).rejects.toThrow('signed by initiator-0');
  });

  it('asks an initiator that cannot answer yet again, with the same timestamp', async () => {
    const seen = await serveInitiator(world, 0, (earlier) => {
      if (earlier.length < 3) throw bankFault('Busy', 'Receiver');
      return committed;
    });
    await serveInitiator(world, 1, () => committed);
    expect(await client().transfer(order, { timeoutMs: 5000 })).toEqual(committed);
    expect(seen).toHaveLength(3);
    expect(new Set(seen.map(({ timestamp }) => timestamp)).size).toBe(1);
  });

  it('says what the initiators refused', async () => {
    for (const index of [0, 1, 2]) {
      await serveInitiator(world, index, () => {
        throw soapFaults.sender('There is no bank x.');
      });
    }
    await expect(client().transfer(order, { timeoutMs: 5000 })).rejects.toMatchObject({
      name: 'RequestError',
      code: 'refused',
      message: expect.stringContaining('There is no bank x.'),
    });
  });

  it('says who said what when they disagree', async () => {
    await serveInitiator(world, 0, () => committed);
    await serveInitiator(world, 1, () => ({ transactionId: tid, outcome: 'aborted' }));
    await serveInitiator(world, 2, () => ({ transactionId: madeUpTid, outcome: 'aborted' }));
    const failure = client().transfer(order, { timeoutMs: 5000 });
    await expect(failure).rejects.toMatchObject({ code: 'disagreement' });
    await expect(failure).rejects.toThrow('initiator-0: committed');
  });

  it('gives up in time when too few answer', async () => {
    await serveInitiator(world, 0, () => committed);
    const failure = client().transfer(order, { timeoutMs: 300 });
    await expect(failure).rejects.toMatchObject({ code: 'timeout' });
    await expect(failure).rejects.toThrow(/initiator-1: refused.*initiator-2: refused/);
  });

  it('refuses when too many transfers wait', async () => {
    const made = new TransferClient({
      cluster: world.cluster,
      node: world.node('client', 'alice'),
      waiting: 0,
    });
    onTestFinished(() => made.close());
    const first = made.transfer(order, { timeoutMs: 100 }).catch(() => undefined);
    await expect(made.transfer(order, { timeoutMs: 100 })).rejects.toMatchObject({ code: 'busy' });
    await first;
  });

  it('reads balances', async () => {
    await serveBank(world, 'bank-b');
    const balance = await client().getBalance(participantId('bank-b'), accountId('b1'));
    expect(balance).toEqual({ account: 'b1', amountMinor: 4200, currency: 'EUR' });
    await expect(client().getBalance(participantId('bank-x'), accountId('b1'))).rejects.toThrow(
      RangeError,
    );
  });
});
