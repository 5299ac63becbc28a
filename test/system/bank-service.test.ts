import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCluster } from '../../src/api/test-cluster.js';
import { accountId } from '../../src/banking/soap.js';
import { loadNode } from '../../src/kernel/config/node-file.js';
import { participantId } from '../../src/kernel/ids.js';
import { DialogueClient } from '../../src/service/client/dialogue-client.js';
import { call, commit, type InitiatorApplication } from '../../src/service/initiator/procedures.js';
import type { Json } from '../../src/service/json.js';
import { startParticipant } from '../../src/service/participant/participant-node.js';
import { Table } from '../../src/service/participant/table.js';
import { eventually } from './support/eventually.js';

const options = { timeoutMs: 20_000 };
const rooms = new Table({ free: 12 });
const debit = { account: 'alice', amountMinor: 1250, currency: 'EUR' };
const permit = { participant: 'bank-a', operation: 'debit', payload: debit };

/** Calls as the client lists them: what an initiator could do in a client's name, if it lied. */
const application: InitiatorApplication = {
  name: 'travel',
  procedures: {
    *book({ payload }) {
      const calls = payload as unknown as { to: string; operation: string; payload: Json }[];
      yield calls.map(({ to, operation, payload: sent }) => call(to, operation, sent));
      return commit();
    },
  },
};
const [pay, room, credit] = [
  { to: 'bank-a', operation: 'debit', payload: debit },
  { to: 'hotel', operation: 'reserve', payload: null },
  { to: 'bank-b', operation: 'credit', payload: { ...debit, account: 'bob' } },
];
let all: TestCluster;

beforeAll(async () => {
  const reserve = async (table: Awaited<ReturnType<Table['begin']>>) => {
    await table.set('free', Number(await table.get('free')) - 1);
  };
  all = await TestCluster.start({
    applications: [application],
    clients: ['alice', 'mallory'],
    services: {
      hotel: (node) => startParticipant({ ...node, operations: { reserve }, resource: rooms }),
    },
  });
}, 60_000);
afterAll(() => all.stop());

const run = (payload: Json, permits = [permit]) =>
  all.procedures.run({ application: 'travel', procedure: 'book', payload, permits }, options);
const balance = async (bank: string, account: string) =>
  (await all.client.getBalance(participantId(bank), accountId(account))).amountMinor;

describe('a bank in procedures', () => {
  it('pays and is paid beside a participant of one’s own, all or nothing', async () => {
    const before = await balance('bank-a', 'alice');
    expect(await run([pay, room, credit])).toMatchObject({ outcome: 'committed' });
    await eventually('all is done', async () => {
      return (await balance('bank-a', 'alice')) === before - 1250 && rooms.peek('free') === 11;
    });
    const tooMuch = { ...debit, amountMinor: 99_999_999 };
    const refused = await run(
      [room, { ...pay, payload: tooMuch }],
      [{ ...permit, payload: tooMuch }],
    );
    expect(refused).toMatchObject({ outcome: 'aborted', reason: 'InsufficientFunds' });
    expect(rooms.peek('free')).toBe(11);
    expect(await balance('bank-a', 'alice')).toBe(before - 1250);
  });

  it('debits only what the client permits, just so, and as often', async () => {
    for (const [calls, permits, reason] of [
      [[pay, room], [], 'NotPermitted'],
      [[{ ...pay, payload: { ...debit, amountMinor: 1251 } }], [permit], 'NotPermitted'],
      [[pay, pay], [permit], 'NotPermitted'],
      [[{ ...pay, payload: { account: 'alice' } }], [permit], 'InvalidPosting'],
      [[{ ...pay, operation: 'audit' }], [permit], 'UnknownOperation'],
    ] as const) {
      expect(await run(calls, [...permits])).toMatchObject({ outcome: 'aborted', reason });
    }
    expect(await run([pay, pay], [permit, permit])).toMatchObject({ outcome: 'committed' });
  });

  it('debits nobody’s account for another client', async () => {
    const node = await loadNode(join(all.directory, 'nodes', 'mallory.json'));
    const mallory = new DialogueClient({ cluster: all.cluster, node });
    const dialogue = await mallory.begin(options);
    expect(await dialogue.call('bank-a', 'debit', debit, options)).toEqual({
      kind: 'refused',
      reason: 'NotAuthorized',
    });
    expect(await dialogue.commit(options)).toMatchObject({ outcome: 'aborted' });
    await mallory.close();
  });

  it('debits in a dialogue what its client asks for itself', async () => {
    const node = await loadNode(join(all.directory, 'nodes', 'alice.json'));
    const alice = new DialogueClient({ cluster: all.cluster, node, firstLane: 700 });
    const before = await balance('bank-a', 'alice');
    const dialogue = await alice.begin(options);
    for (const to of ['first', 'second']) {
      expect(await dialogue.call('bank-a', 'debit', debit, options), to).toMatchObject({
        kind: 'done',
      });
    }
    expect(await dialogue.commit(options)).toMatchObject({ outcome: 'committed' });
    await eventually('both are posted', async () => {
      return (await balance('bank-a', 'alice')) === before - 2500;
    });
    await alice.close();
  });
});
