import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeDecisionProof } from '../../src/agreement/certificate.js';
import { TestCluster } from '../../src/api/test-cluster.js';
import { orderActions, writeOrder } from '../../src/banking/session-order.js';
import {
  accountId,
  currency,
  readTransferResponse,
  type Transfer,
} from '../../src/banking/soap.js';
import { loadNode, type NodeFile } from '../../src/kernel/config/node-file.js';
import { participantId } from '../../src/kernel/ids.js';
import { ed25519Signer } from '../../src/kernel/keys.js';
import { Turns } from '../../src/kernel/patience.js';
import { Poll } from '../../src/service/client/poll.js';
import { orderOutcome } from '../../src/session/core/orders.js';
import { encodeCertifiedOrder } from '../../src/session/proof.js';
import type { OrderOutcome, SessionTransfer } from '../../src/session/types.js';
import { soapIdentity } from '../../src/soap/identity.js';
import { standardsPresent, validateAgainstStandards } from '../support/schemas.js';
import { certifiedOrder, transfer } from '../support/session-orders.js';
import { eventually } from './support/eventually.js';

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
  let all: TestCluster;
  beforeAll(async () => {
    all = await TestCluster.start();
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

  describe('that is brought orders of sessions', () => {
    /** Brings the order to the initiators; what they say, and what each coordinator has decided. */
    async function bring(number: number, transfers: readonly SessionTransfer[]) {
      const { cluster } = all;
      const nodes = await Promise.all(
        cluster.coordinators.map(({ name }) =>
          loadNode(join(all.directory, 'nodes', `${name}.json`)),
        ),
      );
      const sign = nodes.map((node) => ed25519Signer(statementKeyOf(node)));
      const replicaSign = (replica: number) => sign[replica] ?? (() => new Uint8Array());
      const order = certifiedOrder({ cluster, replicaSign }, transfers, { number });
      const [coordinator] = nodes;
      if (coordinator === undefined) throw new Error('no coordinator');
      const { client } = soapIdentity(cluster, coordinator, (text) => all.sent.push(text));
      const { timing } = cluster;
      const question = {
        client,
        timing,
        port: { path: '/order', action: orderActions.order },
        headers: [],
        body: writeOrder(encodeCertifiedOrder(order)),
        readResult: readTransferResponse,
        deadlineMs: Date.now() + 20_000,
      };
      const turns = new Turns(cluster.initiators);
      const result = await new Poll({ needed: 2, turns, question }).run();
      await client.close();
      const path = `/proof/${result.transactionId}`;
      const decided: OrderOutcome[] = [];
      for (const { url } of cluster.coordinators) {
        await eventually('a proof', async () => (await fetch(url + path)).ok);
        const bytes = new Uint8Array(await (await fetch(url + path)).arrayBuffer());
        const { value } = decodeDecisionProof(cluster.id, bytes);
        if (value.kind === 'outcome') decided.push(orderOutcome(value));
      }
      return { result, decided };
    }

    const paid = [transfer('bank-a/alice', 'bank-b/bob', 300)];

    it('moves what their transfers come down to, in one transaction', async () => {
      const back = transfer('bank-b/bob', 'bank-a/alice', 100);
      const { result, decided } = await bring(1, [...paid, back]);
      expect(result.outcome).toBe('committed');
      expect(decided).toEqual(Array(4).fill({ kind: 'committed' }));
      await eventually('the banks have moved it', async () => {
        const { amountMinor } = await all.client.getBalance(bankB, accountId('bob'));
        return amountMinor === 51_450;
      });
    });

    it('is brought the same one twice, and moves nothing twice', async () => {
      const back = transfer('bank-b/bob', 'bank-a/alice', 100);
      expect((await bring(1, [...paid, back])).result.outcome).toBe('committed');
      expect((await all.client.getBalance(bankA, accountId('alice'))).amountMinor).toBe(98_550);
    });

    it('decides one that moves nothing, without a bank', async () => {
      const back = transfer('bank-b/bob', 'bank-a/alice', 300);
      const { result, decided } = await bring(2, [...paid, back]);
      expect(result.outcome).toBe('committed');
      expect(decided).toEqual(Array(4).fill({ kind: 'committed' }));
    });

    it.each<[number, string, SessionTransfer]>([
      [3, 'InsufficientFunds', transfer('bank-a/alice', 'bank-b/bob', 10_000_000)],
      [4, 'MixedCurrencies', transfer('bank-a/alice', 'bank-b/bob', 1, 'USD')],
      [5, 'UnknownParticipant', transfer('bank-x/alice', 'bank-b/bob', 1)],
    ])(
      'aborts one that cannot be, and says why alike everywhere (%i: %s)',
      async (number, reason, odd) => {
        const { result, decided } = await bring(number, [...paid, odd]);
        expect(result).toMatchObject({ outcome: 'aborted', reason });
        expect(new Set(decided.map((outcome) => JSON.stringify(outcome))).size).toBe(1);
        // By a bank's vote, or by the initiators before there was one.
        const why = expect.stringMatching(/^(refused by bank-a|a bank refused it or did not .*)$/);
        expect(decided[3]).toEqual({ kind: 'aborted', reason: why });
        expect((await all.client.getBalance(bankA, accountId('alice'))).amountMinor).toBe(98_550);
        expect((await all.client.getBalance(bankB, accountId('bob'))).amountMinor).toBe(51_450);
      },
    );
  });

  it.runIf(standardsPresent)('sends only messages that are valid by the schemas', async () => {
    expect(all.sent.length).toBeGreaterThan(50);
    expect(await validateAgainstStandards([...all.sent])).toEqual([]);
  });
});

function statementKeyOf(node: NodeFile): string {
  if (!('statementKey' in node)) throw new Error(`${node.name} signs no statements`);
  return node.statementKey;
}
