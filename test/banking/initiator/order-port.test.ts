import { describe, expect, it, onTestFinished } from 'vitest';
import { startInitiator } from '../../../src/banking/initiator/initiator-node.js';
import { orderActions, writeOrder } from '../../../src/banking/session-order.js';
import { readTransferResponse } from '../../../src/banking/soap.js';
import { sha256 } from '../../../src/kernel/digest.js';
import { digestOfTransfers, encodeCertifiedOrder } from '../../../src/session/proof.js';
import type { CertifiedOrder } from '../../../src/session/types.js';
import { endpoint } from '../../../src/soap/addressing.js';
import type { SoapIdentity } from '../../../src/soap/identity.js';
import { serveBank, serveCoordinator } from '../../support/nodes/stubs.js';
import { log, World } from '../../support/nodes/world.js';
import { certifiedOrder, type OrderOverrides, transfer } from '../../support/session-orders.js';

const paid = [transfer('bank-a/a1', 'bank-b/b1', 300), transfer('bank-b/b1', 'bank-b/b2', 100)];

/** Initiators 0 and 1 between coordinators that agree at once, and banks that note what they post. */
async function scene() {
  const world = await World.make({ resendAfterMs: 300 });
  for (const index of [0, 1, 2, 3]) await serveCoordinator(world, index, 'proving');
  const posted = [await serveBank(world, 'bank-a'), await serveBank(world, 'bank-b')];
  for (const index of [0, 1]) {
    const running = await startInitiator({
      cluster: world.cluster,
      node: world.node('initiator', `initiator-${index}`),
      log,
      onFatal: (error) => {
        throw error;
      },
    });
    onTestFinished(() => running.stop());
  }
  const coordinator = world.soapOf('coordinator', 'coordinator-2');
  const send = async (body: Uint8Array, { client }: SoapIdentity, initiator: number) => {
    const url = world.cluster.initiators[initiator]?.url;
    const reply = await client.request(endpoint(`${url}/order`), {
      action: orderActions.order,
      body: writeOrder(body),
      timeoutMs: 20_000,
    });
    return readTransferResponse(reply.body);
  };
  const { of: parties } = world.evidence;
  return {
    world,
    posted: () => posted.flat(),
    order: (transfers = paid, overrides?: OrderOverrides) =>
      certifiedOrder(parties, transfers, overrides),
    ask: (order: CertifiedOrder, as = coordinator, initiator = 0) =>
      send(encodeCertifiedOrder(order), as, initiator),
    send: (bytes: Uint8Array) => send(bytes, coordinator, 0),
  };
}

describe('an order of sessions', () => {
  it('is one transaction of what its transfers come down to', async () => {
    const { ask, order, posted } = await scene();
    const reply = await ask(order());
    expect(reply.outcome).toBe('committed');
    const said = posted().map(
      ({ kind, account, amountMinor }) => `${kind} ${account} ${amountMinor}`,
    );
    expect(said.sort()).toEqual(['credit b1 200', 'credit b2 100', 'debit a1 300']);
    expect(new Set(posted().map(({ tid }) => tid))).toEqual(new Set([reply.transactionId]));
  });

  it('is the same one at every initiator, and as often as it is brought', async () => {
    const { ask, order, posted, world } = await scene();
    const first = await ask(order());
    const count = posted().length;
    expect(await ask(order(), world.soapOf('coordinator', 'coordinator-0'))).toEqual(first);
    // Signed by others, it is the same order.
    expect(await ask(order(paid, { signers: [1, 2, 3] }))).toEqual(first);
    expect(posted()).toHaveLength(count);
    const other = await ask(order(), undefined, 1);
    expect(other).toEqual(first);
  });

  it('is another one under another lane or number', async () => {
    const { ask, order } = await scene();
    const replies = [
      await ask(order()),
      await ask(order(paid, { number: 2 })),
      await ask(order(paid, { lane: 4 })),
    ];
    expect(new Set(replies.map(({ transactionId }) => transactionId)).size).toBe(3);
  });

  it('is aborted for the reason that a bank gives', async () => {
    const { ask, order } = await scene();
    const reply = await ask(order([...paid, transfer('bank-b/poor', 'bank-a/a2', 5)]));
    expect(reply).toMatchObject({ outcome: 'aborted', reason: 'InsufficientFunds' });
  });

  it('has an outcome though no balance changes', async () => {
    const { ask, order, posted } = await scene();
    const back = [...paid, transfer('bank-b/b2', 'bank-a/a1', 100)];
    const reply = await ask(order([...back, transfer('bank-b/b1', 'bank-a/a1', 200)]));
    expect(reply.outcome).toBe('committed');
    expect(posted()).toEqual([]);
  });

  it.each([
    ['MixedCurrencies', [...paid, transfer('bank-a/a1', 'bank-b/b1', 1, 'USD')]],
    ['UnknownParticipant', [...paid, transfer('bank-x/a1', 'bank-b/b1', 1)]],
  ])('has an outcome though it cannot be: %s', async (reason, transfers) => {
    const { ask, order } = await scene();
    expect(await ask(order(transfers))).toMatchObject({ outcome: 'aborted', reason });
  });

  it('is over when the next one of its lane was taken', async () => {
    const { ask, order } = await scene();
    await ask(order(paid, { number: 7 }));
    await expect(ask(order(paid, { number: 6 }))).rejects.toThrow('StaleRequest');
  });
});

describe('an initiator', () => {
  it('takes orders of coordinators only', async () => {
    const { ask, order, world, posted } = await scene();
    const others = [
      world.soapOf('client', 'alice'),
      world.soapOf('participant', 'bank-a'),
      world.soapOf('initiator', 'initiator-2'),
    ];
    for (const other of others) {
      await expect(ask(order(), other)).rejects.toThrow('FailedAuthentication');
    }
    expect(posted()).toEqual([]);
  });

  it('takes none that does not prove itself', async () => {
    const { ask, order, posted } = await scene();
    const one = order();
    const [mine, other] = one.certificate.signatures;
    if (!mine || !other) throw new Error('no signatures');
    const withSignatures = (signatures: typeof one.certificate.signatures): CertifiedOrder => ({
      ...one,
      certificate: { ...one.certificate, signatures },
    });
    const elsewhere = order(paid, { number: 2 }).certificate.signatures;
    const forged: Record<string, CertifiedOrder> = {
      'too few signatures': order(paid, { signers: [2] }),
      'no signatures': withSignatures([]),
      'one coordinator under two names': withSignatures([
        mine,
        { ...mine, replica: other.replica },
      ]),
      'a signature under another order': withSignatures([mine, ...elsewhere.slice(1)]),
      'signatures under another order': withSignatures(elsewhere),
      'transfers other than those signed for': { ...one, transfers: paid.slice(0, 1) },
      'a digest of something else': order(paid, { transfers: sha256(new Uint8Array(1)) }),
      'transfers in another order': { ...one, transfers: paid.toReversed() },
    };
    for (const [what, order] of Object.entries(forged)) {
      await expect(ask(order), what).rejects.toThrow('InvalidParameters');
    }
    expect(digestOfTransfers(paid)).toBe(one.certificate.statement.transfers);
    expect(posted()).toEqual([]);
  });

  it('takes none of another cluster, and nothing that is none', async () => {
    const { order, send, world, posted } = await scene();
    const { of: parties } = world.evidence;
    const elsewhere = { ...parties, cluster: { ...parties.cluster, id: 'other' as never } };
    const foreign = encodeCertifiedOrder(certifiedOrder(elsewhere, paid));
    const bytes = encodeCertifiedOrder(order());
    const twice = replaced(bytes, encodeCertifiedOrder(order(paid, { signers: [0, 2] })), 0);
    for (const odd of [
      foreign,
      twice,
      bytes.slice(0, -1),
      Uint8Array.of(...bytes, 0),
      bytes.slice(0, 1),
    ]) {
      await expect(send(odd)).rejects.toThrow('InvalidParameters');
    }
    expect(posted()).toEqual([]);
  });
});

/** The bytes with this in place of the first one where the two differ. */
function replaced(bytes: Uint8Array, other: Uint8Array, byte: number): Uint8Array {
  const at = bytes.findIndex((value, index) => value !== other[index]);
  return bytes.with(at, byte);
}
