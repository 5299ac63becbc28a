import { describe, expect, it, onTestFinished } from 'vitest';
import { encodeSigned } from '../../../src/agreement/signing.js';
import { accountOperations, type BankRequest } from '../../../src/banking/bank/ports.js';
import { AccountRules } from '../../../src/banking/bank/warrants.js';
import {
  accountId,
  bankActions,
  currency,
  type Transfer,
  writeGetBalance,
  writePosting,
} from '../../../src/banking/soap.js';
import { createHttpServer } from '../../../src/kernel/http/http-server.js';
import { clientId, participantId, transactionId } from '../../../src/kernel/ids.js';
import { encodeCertifiedOrder } from '../../../src/session/proof.js';
import { endpoint } from '../../../src/soap/addressing.js';
import { registerPort } from '../../../src/soap/server.js';
import { trustOf } from '../../../src/soap/trust.js';
import { MessageVerifier } from '../../../src/soap/verification.js';
import type { XmlElement } from '../../../src/soap/xml.js';
import type { OperationResult } from '../../../src/transaction/participant/messages.js';
import {
  contextOf,
  coordinationContextHeader,
} from '../../../src/transaction/soap/coordination.js';
import {
  invitationExtension,
  orderHeader,
  type RequestHeader,
  signedRequestHeader,
} from '../../../src/transaction/soap/extension.js';
import { invitationBy } from '../../support/invitations.js';
import { signedTransfer } from '../../support/nodes/warrants.js';
import { log, World } from '../../support/nodes/world.js';
import { certifiedOrder, transfer as sessionTransfer } from '../../support/session-orders.js';

const eur = currency('EUR');
const tid = transactionId('00000000-0000-8000-8000-000000000001');

function transferOf(amountMinor: number, over: Partial<Transfer['debtor']> = {}): Transfer {
  return {
    debtor: { bank: participantId('bank-a'), account: accountId('alice'), ...over },
    creditors: [{ bank: participantId('bank-b'), account: accountId('bob'), amountMinor }],
    currency: eur,
  };
}

/** The account port of bank-a, where alice owns `alice` and bob may read it; and all who may call it. */
async function scene() {
  const world = await World.make();
  const { cluster, evidence } = world;
  const node = world.node('participant', 'bank-a');
  const { signer, verifier } = world.soapOf('participant', 'bank-a');
  const asked: BankRequest[] = [];
  const app = createHttpServer({ log });
  const url = cluster.participants.find(({ name }) => name === 'bank-a')?.url ?? '';
  const address = `${url}/account`;
  registerPort(app, {
    path: '/account',
    wsdl: 'account',
    security: { kind: 'signed', verifier, signer, address },
    operations: accountOperations({
      keyring: evidence.of.keyring,
      verifier: new MessageVerifier({ trust: trustOf(cluster), clock: Date.now }),
      participant: participantId('bank-a'),
      rules: new AccountRules([{ account: 'alice', owners: ['alice'], readers: ['bob'] }]),
      defaultExpiresMs: 30_000,
      ask: (request) => {
        asked.push(request);
        return Promise.resolve<OperationResult>({ kind: 'done' });
      },
      balanceOf: (account) => Promise.resolve({ account, amountMinor: 5, currency: eur }),
    }),
  });
  await app.listen(node.listen);
  onTestFinished(() => app.close());

  const initiator = world.soapOf('initiator', 'initiator-0').client;
  const debit = async (headers: readonly XmlElement[], amountMinor = 300) => {
    const context = contextOf(tid, endpoint('http://127.0.0.1:1/registration'), 10_000);
    const participant = participantId('bank-a');
    const invitation = invitationBy(evidence.of, 0, { tid, participant });
    const extensions = [invitationExtension(encodeSigned(invitation))];
    await initiator.request(endpoint(address), {
      action: bankActions.debit,
      headers: [coordinationContextHeader({ ...context, extensions }, '1.2'), ...headers],
      body: writePosting({
        kind: 'debit',
        account: accountId('alice'),
        amountMinor,
        currency: eur,
      }),
      timeoutMs: 5000,
    });
  };
  const signed = (
    by: string,
    what: Transfer,
    header: RequestHeader = { client: clientId(`${by}/0`), timestamp: 7 },
    action?: string,
  ) => [
    signedRequestHeader(signedTransfer(world.soapOf('client', by).signer, header, what, action)),
  ];
  const balance = (as: 'client' | 'initiator', name: string) =>
    world.soapOf(as, name).client.request(endpoint(address), {
      action: bankActions.getBalance,
      body: writeGetBalance(accountId('alice')),
      timeoutMs: 5000,
    });
  const ordered = (owner: string, amountMinor: number, signers = [0, 1]) => {
    const order = certifiedOrder(
      evidence.of,
      [sessionTransfer('bank-a/alice', 'bank-b/bob', amountMinor)],
      { owner: clientId(owner), signers },
    );
    return [orderHeader(encodeCertifiedOrder(order))];
  };
  return { world, asked, debit, signed, balance, ordered };
}

describe('a debit', () => {
  it('is taken with the signed request of the account’s owner, as that request’s', async () => {
    const { debit, signed, asked } = await scene();
    await debit(signed('alice', transferOf(300)));
    expect(asked[0]?.operation).toMatchObject({
      account: 'alice',
      amountMinor: 300,
      request: { client: 'alice/0', timestamp: 7 },
    });
  });

  it('is refused with the request of another client, who is named', async () => {
    const { debit, signed, asked } = await scene();
    await expect(debit(signed('bob', transferOf(300)))).rejects.toMatchObject({
      code: 'NotAuthorized',
      data: { soapCode: 'Sender', reason: 'bob may not debit alice' },
    });
    expect(asked).toEqual([]);
  });

  it('is refused where the request does not ask for just this', async () => {
    const { debit, signed, asked } = await scene();
    const invalid = { code: 'InvalidWarrant' };
    const wrong: readonly (readonly XmlElement[])[] = [
      [],
      signed('alice', transferOf(299)),
      signed('alice', transferOf(300, { account: accountId('bob') })),
      signed('alice', transferOf(300, { bank: participantId('bank-b') })),
      signed('alice', { ...transferOf(300), currency: currency('USD') }),
      signed('bob', transferOf(300), { client: clientId('alice/0'), timestamp: 7 }),
      signed('alice', transferOf(300), undefined, 'urn:concordat:bank/Estimate'),
    ];
    for (const headers of wrong) await expect(debit(headers)).rejects.toMatchObject(invalid);
    expect(asked).toEqual([]);
  });

  it('is refused where the request was changed, is old, or is signed by an initiator', async () => {
    const { debit, world, asked } = await scene();
    const header = { client: clientId('alice/0'), timestamp: 7 };
    const { signer } = world.soapOf('client', 'alice');
    const text = Buffer.from(signedTransfer(signer, header, transferOf(200))).toString();
    const changed = signedRequestHeader(Buffer.from(text.replace('>200<', '>300<')));
    await expect(debit([changed])).rejects.toMatchObject({ code: 'FailedCheck' });
    const hourAgo = () => Date.now() - 3_600_000;
    const old = signedRequestHeader(
      signedTransfer(world.signerOf('client', 'alice', hourAgo), header, transferOf(300)),
    );
    await expect(debit([old])).rejects.toMatchObject({ code: 'MessageExpired' });
    const another = world.soapOf('initiator', 'initiator-1').signer;
    const initiators = signedRequestHeader(signedTransfer(another, header, transferOf(300)));
    await expect(debit([initiators])).rejects.toMatchObject({ code: 'InvalidWarrant' });
    expect(asked).toEqual([]);
  });

  it('is taken, and refused, with orders of sessions by their owner', async () => {
    const { debit, ordered, asked } = await scene();
    await debit(ordered('alice', 300));
    expect(asked[0]?.operation.request).toEqual({ client: 'sessions/3', timestamp: 1 });
    await expect(debit(ordered('bob', 300))).rejects.toMatchObject({
      data: { reason: 'bob may not debit alice' },
    });
    await expect(debit(ordered('alice', 299))).rejects.toMatchObject({ code: 'InvalidWarrant' });
    await expect(debit(ordered('alice', 300, [0]))).rejects.toMatchObject({
      code: 'InvalidParameters',
    });
    expect(asked).toHaveLength(1);
  });
});

describe('a balance', () => {
  it('is told to owners and readers, and to nobody else', async () => {
    const { balance, world } = await scene();
    await balance('client', 'alice');
    await balance('client', 'bob');
    await expect(balance('initiator', 'initiator-0')).rejects.toMatchObject({
      code: 'FailedAuthentication',
    });
    const front = world.soapOf('front', 'front').client;
    const address = world.cluster.participants.find(({ name }) => name === 'bank-a')?.url;
    const asked = front.request(endpoint(`${address}/account`), {
      action: bankActions.getBalance,
      body: writeGetBalance(accountId('alice')),
      timeoutMs: 5000,
    });
    await expect(asked).rejects.toMatchObject({
      code: 'NotAuthorized',
      data: { reason: 'front may not read alice' },
    });
  });
});
