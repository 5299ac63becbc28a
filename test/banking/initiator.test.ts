import { describe, expect, it, onTestFinished } from 'vitest';
import { TransferClient } from '../../src/banking/client/transfer-client.js';
import {
  type InitiatorNodeOptions,
  startInitiator,
} from '../../src/banking/initiator/initiator-node.js';
import type { InitiatorCall } from '../../src/banking/initiator/outbound.js';
import {
  accountId,
  bankActions,
  currency,
  type Transfer,
  writeTransfer,
} from '../../src/banking/soap.js';
import { createLogger } from '../../src/kernel/http/logger.js';
import { clientId, participantId } from '../../src/kernel/ids.js';
import { ProcedureClient } from '../../src/service/client/procedure-client.js';
import { endpoint } from '../../src/soap/addressing.js';
import { faultBody } from '../../src/soap/fault-body.js';
import { coordinationFaults, type SoapFault, transactionFaults } from '../../src/soap/faults.js';
import { Initiator } from '../../src/transaction/initiator/initiator.js';
import type { InitiatorInput } from '../../src/transaction/initiator/messages.js';
import { notificationAction, writeNotification } from '../../src/transaction/soap/coordination.js';
import { requestHeader, transactionIdParameter } from '../../src/transaction/soap/extension.js';
import { until } from '../kernel/support/wait.js';
import {
  commitCertificate,
  type Manner,
  madeUpTid,
  serveBank,
  serveCoordinator,
} from '../support/nodes/stubs.js';
import { log, World } from '../support/nodes/world.js';

function order(debtor: string, ...creditors: (readonly [string, number])[]): Transfer {
  return {
    debtor: { bank: participantId('bank-a'), account: accountId(debtor) },
    creditors: creditors.map(([account, amountMinor]) => ({
      bank: participantId('bank-b'),
      account: accountId(account),
      amountMinor,
    })),
    currency: currency('EUR'),
  };
}

/** Initiators between a real client, stub coordinators of the given manners, and stub banks. */
async function scene(manners: readonly (Manner | 'down')[], initiators = [0, 1, 2]) {
  const world = await World.make({ resendAfterMs: 300 });
  for (const [index, manner] of manners.entries()) {
    if (manner !== 'down') await serveCoordinator(world, index, manner);
  }
  const [bankA, bankB] = [await serveBank(world, 'bank-a'), await serveBank(world, 'bank-b')];
  for (const index of initiators) await start(world, index);
  const client = new TransferClient({
    cluster: world.cluster,
    node: world.node('client', 'alice'),
    lanes: 8,
  });
  onTestFinished(() => client.close());
  const transfer = (what: Transfer) => client.transfer(what, { timeoutMs: 30_000 });
  return { world, bankA, bankB, transfer };
}

async function start(world: World, index: number, over: Partial<InitiatorNodeOptions> = {}) {
  const running = await startInitiator({
    cluster: world.cluster,
    node: world.node('initiator', `initiator-${index}`),
    log,
    onFatal: (error) => {
      throw error;
    },
    ...over,
  });
  onTestFinished(() => running.stop());
  return running;
}

/** An initiator whose core's inputs can be seen. */
async function watched(world: World) {
  const inputs: InitiatorInput[] = [];
  await start(world, 0, {
    createCore: (options) => {
      const core = new Initiator<InitiatorCall>(options);
      return {
        restore: () => core.restore(),
        handle: (input) => {
          if (input.kind !== 'timer') inputs.push(input);
          return core.handle(input);
        },
      };
    },
  });
  return inputs;
}

it('logs what a procedure throws, by its name and without the payload', async () => {
  const world = await World.make({ resendAfterMs: 300 });
  for (const index of [0, 1, 2, 3]) await serveCoordinator(world, index, 'proving');
  const lines: string[] = [];
  const book = () => {
    throw new Error('a defect');
  };
  const over = {
    applications: [{ name: 'travel', procedures: { book } }],
    log: createLogger({ name: 'initiator', level: 'warn' }, { write: (line) => lines.push(line) }),
  };
  for (const index of [0, 1, 2]) await start(world, index, over);
  const client = new ProcedureClient({
    cluster: world.cluster,
    node: world.node('client', 'alice'),
  });
  onTestFinished(() => client.close());
  const order = { application: 'travel', procedure: 'book', payload: 'a secret' };
  const ended = await client.run(order, { timeoutMs: 30_000 });
  expect(ended).toMatchObject({ outcome: 'aborted', reason: 'ProcedureFailed' });
  const [line = '{}'] = lines;
  const named = { application: 'travel', procedure: 'book', msg: 'procedure-failed' };
  expect(JSON.parse(line)).toMatchObject({ ...named, err: { message: 'a defect' } });
  expect(lines.join()).not.toContain('a secret');
});

describe('a transfer', () => {
  it('is committed where all goes well', async () => {
    const { transfer, bankA, bankB } = await scene(['proving', 'proving', 'proving', 'proving']);
    const result = await transfer(order('a1', ['b1', 300], ['b2', 200]));
    expect(result.outcome).toBe('committed');
    const { transactionId: tid } = result;
    expect(bankA[0]).toMatchObject({ tid, kind: 'debit', account: 'a1', amountMinor: 500 });
    const credits = bankB.filter(({ by }) => by === bankA[0]?.by);
    expect(credits.map(({ account, amountMinor }) => `${account} ${amountMinor}`).sort()).toEqual([
      'b1 300',
      'b2 200',
    ]);
  });

  it('is aborted for the reason that a bank gives', async () => {
    const { transfer } = await scene(['proving', 'proving', 'proving', 'proving']);
    expect(await transfer(order('poor', ['b1', 1]))).toMatchObject({
      outcome: 'aborted',
      reason: 'InsufficientFunds',
    });
  });

  it('needs neither proofs nor the primary, with f coordinators that lie', async () => {
    const { transfer, bankA } = await scene(['lying', 'plain', 'plain', 'plain']);
    const result = await transfer(order('a1', ['b1', 1]));
    expect(result.outcome).toBe('committed');
    expect(result.transactionId).not.toBe(madeUpTid);
    expect(new Set(bankA.map(({ tid }) => tid))).toEqual(new Set([result.transactionId]));
  });

  it('goes on with f coordinators and f initiators down', async () => {
    const { transfer } = await scene(['down', 'proving', 'proving', 'proving'], [1, 2]);
    expect((await transfer(order('a1', ['b1', 1]))).outcome).toBe('committed');
  });

  it('is one of many under way', async () => {
    const { transfer } = await scene(['proving', 'proving', 'proving', 'proving']);
    const results = await Promise.all(
      Array.from({ length: 12 }, (_, i) => transfer(order('a1', ['b1', i + 1]))),
    );
    expect(results.every(({ outcome }) => outcome === 'committed')).toBe(true);
    expect(new Set(results.map(({ transactionId: tid }) => tid)).size).toBe(12);
  });

  it('credits an account once that is named twice', async () => {
    const { transfer, bankB } = await scene(['proving', 'proving', 'proving', 'proving']);
    await transfer(order('a1', ['b1', 5], ['b1', 5]));
    expect(bankB.every(({ amountMinor }) => amountMinor === 10)).toBe(true);
    expect(bankB.length).toBeGreaterThan(1);
    expect(new Set(bankB.map(({ by }) => by)).size).toBe(bankB.length);
  });
});

describe('an initiator', () => {
  it('takes requests of the client that signed them only', async () => {
    const world = await World.make();
    await start(world, 0);
    const url = world.cluster.initiators[0]?.url;
    const ask = (as: 'client' | 'participant', name: string, bank = 'bank-a', timestamp = 1) =>
      world.soapOf(as, name).client.request(endpoint(`${url}/transfer`), {
        action: bankActions.transfer,
        headers: [requestHeader({ client: clientId('alice/0'), timestamp })],
        body: writeTransfer({
          ...order('a1', ['b1', 1]),
          debtor: { bank: participantId(bank), account: accountId('a1') },
        }),
        timeoutMs: 5000,
      });
    await expect(ask('client', 'bob')).rejects.toThrow('not in the name');
    await expect(ask('participant', 'bank-a')).rejects.toThrow('not in the name');
    await expect(ask('client', 'alice', 'bank-x')).rejects.toThrow('UnknownBank');
    const ahead = (Date.now() + 3_600_000) * 1000;
    await expect(ask('client', 'alice', 'bank-a', ahead)).rejects.toThrow('TimestampAhead');
  });

  it('counts a coordinator once, whatever addresses it answers at', async () => {
    const world = await World.make();
    await serveCoordinator(world, 0, 'lying', 0);
    await serveCoordinator(world, 1, 'lying', 0);
    await serveCoordinator(world, 2, 'plain');
    const inputs = await watched(world);
    const { client } = world.soapOf('client', 'alice');
    client
      .request(endpoint(`${world.cluster.initiators[0]?.url}/transfer`), {
        action: bankActions.transfer,
        headers: [requestHeader({ client: clientId('alice'), timestamp: 1 })],
        body: writeTransfer(order('a1', ['b1', 1])),
        timeoutMs: 5000,
      })
      .catch(() => undefined);
    const about = (replica: number) =>
      inputs.find(({ kind, ...rest }) => 'replica' in rest && rest.replica === replica);
    await until('three coordinators answered', () => [0, 1, 2].every((each) => about(each)));
    expect([0, 1, 2].map((each) => about(each)?.kind)).toEqual([
      'activated',
      'activation-failed',
      'activated',
    ]);
  });

  it('takes outcomes of coordinators only, and certificates only if they prove something', async () => {
    const world = await World.make();
    const { evidence, cluster } = world;
    const inputs = await watched(world);
    const target = endpoint(
      `${cluster.initiators[0]?.url}/completion-initiator`,
      transactionIdParameter(evidence.tid),
    );
    const notify = (
      soap: ReturnType<World['soapOf']>,
      proof?: ReturnType<typeof commitCertificate>,
    ) =>
      soap.client.notify(target, {
        action: notificationAction('Committed'),
        body: writeNotification('Committed', ...(proof ? [proof] : [])),
      });
    const coordinator = world.soapOf('coordinator', 'coordinator-2');
    const another = await World.make();
    await notify(world.soapOf('participant', 'bank-a'));
    await notify(world.soapOf('client', 'alice'), commitCertificate(world, evidence.tid, 'commit'));
    await notify(coordinator, commitCertificate(another, evidence.tid, 'commit'));
    await notify(coordinator, commitCertificate(world, evidence.tid, 'abort'));
    await notify(coordinator);

    await until('both notices of the coordinator arrived', () => inputs.length >= 2);
    expect(inputs).toMatchObject([
      { kind: 'notified', replica: 2, tid: evidence.tid, evidence: { kind: 'proof' } },
      { kind: 'notified', replica: 2, evidence: { kind: 'plain', outcome: 'commit' } },
    ]);
    const [proven] = inputs;
    expect(
      proven?.kind === 'notified' &&
        proven.evidence.kind === 'proof' &&
        proven.evidence.certificate.statement.result,
    ).toEqual({ kind: 'outcome', outcome: 'abort' });
  });

  it('takes InvalidState, which answers a Rollback after the commit, as a word for Committed', async () => {
    const world = await World.make();
    const { tid } = world.evidence;
    const inputs = await watched(world);
    const target = endpoint(
      `${world.cluster.initiators[0]?.url}/completion-initiator`,
      transactionIdParameter(tid),
    );
    const send = (soap: ReturnType<World['soapOf']>, fault: SoapFault) =>
      soap.client.notify(target, { action: fault.action, body: faultBody('1.2', fault) });
    const coordinator = world.soapOf('coordinator', 'coordinator-1');
    await send(world.soapOf('initiator', 'initiator-1'), coordinationFaults.invalidState());
    await send(coordinator, transactionFaults.unknownTransaction());
    await send(coordinator, coordinationFaults.invalidState());
    await until('the notice arrived', () => inputs.length > 0);
    expect(inputs).toEqual([
      { kind: 'notified', replica: 1, tid, evidence: { kind: 'plain', outcome: 'commit' } },
    ]);
  });

  it('answers those that wait when it stops', async () => {
    const world = await World.make();
    const running = await start(world, 0);
    const { client } = world.soapOf('client', 'alice');
    const asked = client.request(endpoint(`${world.cluster.initiators[0]?.url}/transfer`), {
      action: bankActions.transfer,
      headers: [requestHeader({ client: clientId('alice'), timestamp: 1 })],
      body: writeTransfer(order('a1', ['b1', 1])),
      timeoutMs: 5000,
    });
    asked.catch(() => undefined);
    await fetch(`${running.url}/healthz`);
    await running.stop();
    await expect(asked).rejects.toThrow();
  });
});
