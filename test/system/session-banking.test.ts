import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TransferClient } from '../../src/banking/client/transfer-client.js';
import { accountId } from '../../src/banking/soap.js';
import { LocalCluster } from '../../src/cli/local-cluster.js';
import { type ClientNode, loadNode } from '../../src/kernel/config/node-file.js';
import { participantId } from '../../src/kernel/ids.js';
import { eventually } from './support/eventually.js';
import { HttpSession } from './support/http-session.js';

/** Sessions of transfers: one process a node, real banks, and a replica that dies in the middle. */

const coordinators = ['coordinator-0', 'coordinator-1', 'coordinator-2', 'coordinator-3'];
/** By a bank's vote, or by the initiators before there was one. */
const refused = /^(refused by bank-a|a bank refused it or did not answer in time)$/;

/** More than any account holds. */
const tooMuch = 10_000_000;

let directory: string;
let cluster: LocalCluster;
let alice: ClientNode;
let bank: TransferClient;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'concordat-system-'));
  cluster = await LocalCluster.start({
    directory,
    startTimeoutMs: 90_000,
    create: { sessions: { engine: 'antipaxos', modules: { banking: 'banking' } } },
  });
  const node = await loadNode(cluster.nodeFile('alice'));
  if (node.role !== 'client') throw new Error('not a client');
  alice = node;
  bank = new TransferClient({ cluster: cluster.cluster, node });
}, 120_000);

afterAll(async () => {
  await bank?.close();
  await cluster?.stop();
  await rm(directory, { recursive: true, force: true });
});

const session = () => new HttpSession(cluster.cluster, alice, 'banking');

/** From alice at one bank to bob at the other, or the other way where the amount is negative. */
function pay(amountMinor: number): object {
  const places = [
    { bank: 'bank-a', account: 'alice' },
    { bank: 'bank-b', account: 'bob' },
  ];
  const [from, to] = amountMinor > 0 ? places : places.reverse();
  return { transfer: { from, to, amountMinor: Math.abs(amountMinor), currency: 'EUR' } };
}

async function balances() {
  const [a, b] = await Promise.all([
    bank.getBalance(participantId('bank-a'), accountId('alice')),
    bank.getBalance(participantId('bank-b'), accountId('bob')),
  ]);
  return { alice: a.amountMinor, bob: b.amountMinor };
}

/** Runs something that moves so much from alice to bob, and waits until both banks show that. */
async function moves<Value>(amountMinor: number, run: () => Promise<Value>): Promise<Value> {
  const before = await balances();
  const value = await run();
  const after = { alice: before.alice - amountMinor, bob: before.bob + amountMinor };
  await eventually(`${amountMinor} moved`, async () => {
    const now = await balances();
    return now.alice === after.alice && now.bob === after.bob;
  });
  return value;
}

/** How many transactions each coordinator knows of; all the same once they have heard of the last. */
async function transactions(): Promise<number> {
  const counts = await Promise.all(
    coordinators.map(async (name) => {
      const status = await (await fetch(`${cluster.url(name)}/status`)).json();
      return (status as { transactions: number }).transactions;
    }),
  );
  return Math.max(...counts);
}

it('does a batch of transfers as one transaction', async () => {
  const home = cluster.url('coordinator-1');
  const before = await transactions();
  const finals = await moves(750, async () => {
    const one = session();
    const { statuses } = await one.commit(home, pay(500), pay(300), pay(-100), pay(50));
    expect(statuses.map(({ status }) => status.kind)).toEqual(Array(4).fill('provisional'));
    return one.finals(home);
  });
  expect(finals.map(({ kind }) => kind)).toEqual(Array(4).fill('committed'));
  expect(await transactions()).toBe(before + 1);
});

it('reports the one that a bank refuses, alone, and does all the others', async () => {
  const home = cluster.url('coordinator-2');
  const before = await transactions();
  const finals = await moves(35, async () => {
    const one = session();
    await one.commit(home, pay(10), pay(tooMuch), pay(20), pay(5));
    return one.finals(home);
  });
  expect(finals.map(({ kind }) => kind)).toEqual([
    'committed',
    'aborted',
    'committed',
    'committed',
  ]);
  expect(finals[1]?.text).toMatch(refused);
  // All four; the first two; each of those alone; the last two.
  expect(await transactions()).toBe(before + 5);
});

it('rejects what is no transfer, and does the others together', async () => {
  const home = cluster.url('coordinator-0');
  const before = await transactions();
  const finals = await moves(3, async () => {
    const one = session();
    await one.commit(home, pay(1), { transfer: {} }, pay(2));
    return one.finals(home);
  });
  expect(finals.map(({ kind }) => kind)).toEqual(['committed', 'aborted', 'committed']);
  expect(finals[1]?.text).toContain('transfer.from: is missing');
  expect(await transactions()).toBe(before + 1);
});

it.each([
  ['coordinator-0', 'has answered'],
  ['coordinator-1', 'has begun the transaction'],
])(
  'finishes elsewhere what its home began, once (%s, killed when it %s)',
  async (home, when) => {
    const one = session();
    const next = cluster.url('coordinator-3');
    const before = await transactions();
    await moves(66, async () => {
      await one.commit(cluster.url(home), pay(11), pay(22));
      if (when === 'has begun the transaction') {
        await eventually('it begins', async () => (await transactions()) > before);
      }
      await cluster.kill(home);
      await eventually('the next one takes it', async () => {
        await one.commit(next);
        return true;
      });
      await one.commit(next, pay(33));
      await expectCommitted(one, next, 3);
    });
    await cluster.restart(home);
    await expectCommitted(one, cluster.url(home), 3);
  },
  120_000,
);

it('keeps the books right under many sessions, with an initiator killed in the middle', async () => {
  const amounts = Array.from({ length: 12 }, (_, index) =>
    [1, 2, 3].map((step) => (index % 4 === step ? tooMuch + index : 7 * index + step)),
  );
  const done = amounts.flat().filter((amount) => amount < tooMuch);
  const finals = await moves(
    done.reduce((sum, amount) => sum + amount, 0),
    () => {
      const all = amounts.map(async (steps, index) => {
        const home = cluster.url(coordinators[index % 4] ?? '');
        const one = session();
        await one.commit(home, ...steps.map(pay));
        return one.finals(home);
      });
      return Promise.all([...all, cluster.kill('initiator-1').then(() => [])]);
    },
  );
  for (const [index, steps] of amounts.entries()) {
    const kinds = finals[index]?.map(({ kind }) => kind);
    const expected = steps.map((amount) => (amount < tooMuch ? 'committed' : 'aborted'));
    expect(kinds, `session ${index}`).toEqual(expected);
  }
  await cluster.restart('initiator-1');
}, 120_000);

it('goes on where it was when all of it has been killed', async () => {
  const one = session();
  const home = cluster.url('coordinator-2');
  await moves(77, async () => {
    await one.commit(home, pay(33), pay(44));
    const names = cluster.nodes.map(({ name }) => name);
    await Promise.all(names.map((name) => cluster.kill(name)));
    await Promise.all(names.map((name) => cluster.restart(name)));
    await expectCommitted(one, home, 2);
  });
}, 120_000);

async function expectCommitted(one: HttpSession, url: string, count: number): Promise<void> {
  const finals = await one.finals(url);
  expect(finals.map(({ kind }) => kind)).toEqual(Array(count).fill('committed'));
}
