import { describe, expect, it, onTestFinished } from 'vitest';
import type { SlotValue } from '../../../src/agreement/messages.js';
import type { ActivationStatement } from '../../../src/agreement/statements.js';
import { activationSlotRequest } from '../../../src/agreement/values.js';
import { BankingOrders } from '../../../src/banking/orders.js';
import { orderActions, readOrder } from '../../../src/banking/session-order.js';
import { writeTransferResponse } from '../../../src/banking/soap.js';
import { initiatorId, type TransactionId, transactionId } from '../../../src/kernel/ids.js';
import { openStore } from '../../../src/kernel/store/store.js';
import type { OrderEnd } from '../../../src/session/node/order-runner.js';
import { decodeCertifiedOrder, digestOfTransfers } from '../../../src/session/proof.js';
import { orderRequest } from '../../../src/session/request.js';
import { coordinationFaults, soapFaults } from '../../../src/soap/faults.js';
import { Decisions } from '../../../src/transaction/coordinator/node/decisions.js';
import { temporaryDirectory } from '../../kernel/support/directory.js';
import { until } from '../../kernel/support/wait.js';
import { storedAs } from '../../support/decisions.js';
import { upTo } from '../../support/evidence.js';
import { log, World } from '../../support/nodes/world.js';
import { certifiedOrder, transfer } from '../../support/session-orders.js';

const paid = [transfer('bank-a/a1', 'bank-b/b1', 300)];
const open = (number = 1) => ({ lane: 3, number, transfers: digestOfTransfers(paid) });
const madeUp = transactionId('00000000-0000-8000-8000-00000000bad0');

/** What an initiator does with an order. */
type Manner = 'commits' | 'refuses' | 'is busy' | 'is silent';

/** The orders of one coordinator, with its decisions as a test has them, and initiators of any manner. */
async function scene(
  manners: readonly (Manner | 'down')[] = ['down', 'down', 'down'],
  resendAfterMs = 50,
) {
  const world = await World.make({ resendAfterMs });
  const { cluster, evidence } = world;
  const brought: string[] = [];
  for (const [index, manner] of manners.entries()) {
    if (manner === 'down') continue;
    await world.serve('initiator', `initiator-${index}`, () => ({
      '/order': {
        wsdl: 'order',
        operations: {
          [orderActions.order]: {
            kind: 'request-reply',
            replyAction: orderActions.orderResponse,
            handle: async ({ body }) => {
              const order = decodeCertifiedOrder(cluster.id, readOrder(body));
              brought.push(`${order.certificate.statement.number} to ${index}`);
              if (manner === 'is silent') await new Promise(() => undefined);
              if (manner === 'refuses') throw coordinationFaults.invalidParameters('no');
              if (manner === 'is busy') throw soapFaults.receiver('busy');
              const response = { transactionId: madeUp, outcome: 'committed' } as const;
              return { body: writeTransferResponse(response) };
            },
          },
        },
      },
    }));
  }
  const store = await openStore(await temporaryDirectory());
  const decisions = new Decisions(cluster.id, store);
  const { client } = world.soapOf('coordinator', 'coordinator-0');
  const orders = new BankingOrders({ cluster, client, log, decisions });
  onTestFinished(async () => {
    await orders.stop();
    await store.close();
  });
  const told: OrderEnd[] = [];
  /** As the coordinator decides it, and its driver writes it. */
  const decide = async (value: SlotValue): Promise<void> => {
    const proof = evidence.decision(value);
    await store.write([storedAs(proof)]);
    decisions.onDecided(proof);
  };
  return {
    orders,
    brought,
    told,
    run: (number = 1) => orders.run(certifiedOrder(evidence.of, paid, { number })),
    watch: (number = 1) => orders.watch(open(number), (outcome) => told.push(outcome)),
    /** The order gets its transaction. */
    activate: async (number = 1): Promise<TransactionId> => {
      const statement = activationStatement(world, number);
      const slot = { kind: 'activation', request: activationSlotRequest(statement) } as const;
      const value = evidence.activationValue({
        requests: upTo(2).map((index) =>
          evidence.request(index, { ...statement, initiator: initiatorId(index) }),
        ),
        proposals: upTo(3).map((index) => evidence.proposal(index, { slot })),
      });
      await decide(value);
      const { result } = evidence.decision(value).commits.statement;
      if (result.kind !== 'activation') throw new Error('not an activation');
      return result.tid;
    },
    commit: (tid: TransactionId) => decide(evidence.commitValue({ tid })),
    abort: (tid: TransactionId) =>
      decide(evidence.commitValue({ tid, outcome: 'abort', reason: 'timeout', records: [] })),
  };
}

function activationStatement({ cluster }: World, number: number): ActivationStatement {
  const { digest: request, ...rest } = orderRequest(cluster.id, open(number));
  const { defaultExpiresMs: expiresMs } = cluster.timing;
  return { ...rest, kind: 'activation', request, expiresMs, initiator: initiatorId(0) };
}

describe('the outcome of an order', () => {
  it('is what the own coordinator decides of its transaction', async () => {
    const { watch, activate, commit, told } = await scene();
    watch();
    const tid = await activate();
    expect(told).toEqual([]);
    await commit(tid);
    await until('it is told', () => told.length > 0);
    expect(told).toEqual(['committed']);
  });

  it('is found if it was decided before, with the agreed reason, and as often as asked', async () => {
    const { watch, activate, abort, told } = await scene();
    await abort(await activate());
    for (const count of [1, 2]) {
      watch();
      await until('it is told', () => told.length === count);
    }
    expect(told).toEqual(Array(2).fill({ aborted: 'not completed in time' }));
  });

  it('is not what initiators say', async () => {
    const { run, watch, brought, told } = await scene(['commits', 'commits', 'commits']);
    watch();
    await until('they have said so often', () => {
      run();
      return brought.length > 6;
    });
    expect(told).toEqual([]);
  });

  it('is not that of another order', async () => {
    const { watch, activate, commit, told } = await scene();
    watch(2);
    await commit(await activate(1));
    await commit(await activate(3));
    const tid = await activate(2);
    expect(told).toEqual([]);
    await commit(tid);
    await until('it is told', () => told.length > 0);
  });

  it('is not waited for when the next order of the lane is open', async () => {
    const { watch, activate, commit, abort, told } = await scene();
    watch(1);
    watch(2);
    watch(1);
    await abort(await activate(1));
    await commit(await activate(2));
    await until('it is told', () => told.length > 0);
    expect(told).toEqual(['committed']);
  });
});

describe('an order', () => {
  it('is brought to f + 1 initiators first', async () => {
    const { run, brought } = await scene(['is silent', 'is silent', 'is silent'], 30_000);
    run();
    run();
    await until('it is brought', () => brought.length >= 2);
    expect([...brought].sort()).toEqual(['1 to 0', '1 to 1']);
  });

  it.each<Manner | 'down'>(['is silent', 'is busy', 'refuses', 'down'])(
    'is brought to the others, too, where one %s',
    async (manner) => {
      const { run, brought } = await scene([manner, 'is silent', 'is silent']);
      run();
      await until('it is brought', () => brought.includes('1 to 2'));
    },
  );

  it('is brought again when that is asked, until it has ended', async () => {
    const { run, watch, brought, activate, commit, told } = await scene(['refuses', 'refuses']);
    watch();
    await until('it is brought again', () => {
      run();
      return brought.length >= 6;
    });
    await commit(await activate());
    await until('it is told', () => told.length > 0);
    const count = brought.length;
    run();
    expect(told).toEqual(['committed', 'committed']);
    await until('the next one is brought', () => {
      run();
      run(2);
      return brought.includes('2 to 0');
    });
    const late = brought.slice(count).filter((one) => one.startsWith('1'));
    // Of what was under way.
    expect(late.length).toBeLessThanOrEqual(2);
  });

  it('gives way to the next one of its lane', async () => {
    const { run, brought } = await scene(['refuses', 'refuses', 'refuses']);
    run(1);
    await until('it is brought', () => brought.length >= 2);
    await until('the next one is brought alone', () => {
      run(2);
      run(1);
      return brought.length > 6 && brought.slice(-4).every((one) => one.startsWith('2'));
    });
  });

  it('is let go of at once when the node stops', async () => {
    const { orders, run, watch, brought, told } = await scene([
      'is silent',
      'is silent',
      'is silent',
    ]);
    run();
    watch();
    await until('it is brought', () => brought.length >= 2);
    await orders.stop();
    run(2);
    watch(2);
    expect(told).toEqual([]);
  });
});
