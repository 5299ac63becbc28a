import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestCluster } from '../../src/api/test-cluster.js';
import { AccountBook } from '../../src/banking/bank/account-book.js';
import { startInitiator } from '../../src/banking/initiator/initiator-node.js';
import type { InitiatorCall } from '../../src/banking/initiator/outbound.js';
import { accountId, currency } from '../../src/banking/soap.js';
import { loadNode } from '../../src/kernel/config/node-file.js';
import { createLogger } from '../../src/kernel/http/logger.js';
import { participantId } from '../../src/kernel/ids.js';
import {
  call,
  commit,
  type InitiatorApplication,
  rollback,
  type ServiceAnswer,
} from '../../src/service/initiator/procedures.js';
import type { Json } from '../../src/service/json.js';
import { type OperationHandlers, Refusal } from '../../src/service/participant/operations.js';
import { startParticipant } from '../../src/service/participant/participant-node.js';
import { Table, type TableWork } from '../../src/service/participant/table.js';
import { Initiator } from '../../src/transaction/initiator/initiator.js';
import { until } from '../kernel/support/wait.js';

const timeoutMs = 30_000;
const book = new AccountBook();
const bob = accountId('bob');
const [hotel, train] = [new Table({ free: 1000 }), new Table({ free: 1000 })];
/** Payloads of all calls that were done, whatever became of them. */
const done: Json[] = [];
let enter = (_: AbortSignal) => {};

const operations: OperationHandlers<TableWork> = {
  take: async (rooms, { payload }) => {
    done.push(payload);
    const free = Number(await rooms.get('free')) - Number(payload);
    if (free < 0) throw new Refusal('FullyBooked');
    await rooms.set('free', free);
    return free;
  },
  note: async (rooms, { payload }) => {
    done.push(payload);
    await rooms.set(`note-${done.length}`, payload);
    return done.length;
  },
  look: async (rooms) => (await rooms.get('free')) ?? null,
  slow: (_, { signal }) => {
    enter(signal);
    return new Promise<null>(() => {});
  },
};

const resultOf = (answer: ServiceAnswer | undefined) =>
  answer?.kind === 'done' ? answer.result : null;
/** Not deterministic, as no procedure should be. */
let asked = 0;

const travel: InitiatorApplication = {
  name: 'travel',
  procedures: {
    /** Gives the hotel what it takes from the train. */
    *move({ payload }) {
      const [a] = yield [call('train', 'take', payload)];
      const [b] = yield [call('hotel', 'take', -Number(payload))];
      return commit([resultOf(a), resultOf(b)]);
    },
    *twice({ payload }) {
      const answers = yield [call('hotel', 'note', payload), call('hotel', 'note', payload)];
      return commit(answers.map(resultOf));
    },
    *oneByOne({ payload }) {
      const [first] = yield [call('train', 'take', payload)];
      const [second] = yield [call('hotel', 'take', -Number(resultOf(first)))];
      return commit(resultOf(second));
    },
    *look() {
      const answers = yield [call('hotel', 'look', null), call('train', 'look', null)];
      return commit(answers.map(resultOf));
    },
    *call({ payload }) {
      const [participant, operation] = payload as [string, string];
      yield [call(participant, operation, null)];
      return commit();
    },
    *give() {
      yield [call('train', 'take', 7)];
      return rollback('NotToday');
    },
    *differs() {
      asked += 1;
      const own = asked;
      yield [call('hotel', 'look', null)];
      return commit(own);
    },
  },
};

let all: TestCluster;
beforeAll(async () => {
  all = await TestCluster.start({
    ledgers: { 'bank-b': () => book },
    applications: [travel],
    services: {
      hotel: (node) => startParticipant({ ...node, operations, resource: hotel }),
      train: (node) => startParticipant({ ...node, operations, resource: train }),
    },
  });
}, 60_000);
afterAll(() => all.stop());
beforeEach(() => void done.splice(0));

const run = (procedure: string, payload: Json = null) =>
  all.procedures.run({ application: 'travel', procedure, payload }, { timeoutMs });
const free = () => [Number(hotel.peek('free')), Number(train.peek('free'))] as const;

/** Runs it while both are as they are committed: a participant may still be about to hear of the last one. */
async function settled(): Promise<readonly [number, number]> {
  const { result } = await run('look');
  expect(result).toEqual([...free()]);
  return free();
}

describe('a procedure of participants of one’s own', () => {
  it('commits at both, and its client receives the result', async () => {
    const [a, b] = await settled();
    expect(await run('move', 5)).toMatchObject({ outcome: 'committed', result: [b - 5, a + 5] });
    expect(await settled()).toEqual([a + 5, b - 5]);
  });

  it('changes nothing where one refuses, or where it rolls back itself', async () => {
    const before = await settled();
    expect(await run('move', 99_999)).toMatchObject({ outcome: 'aborted', reason: 'FullyBooked' });
    expect(await run('give')).toMatchObject({ outcome: 'aborted', reason: 'NotToday' });
    expect(await settled()).toEqual(before);
  });

  it('is refused or aborted where a name is not known', async () => {
    const named = (application: string, procedure: string) =>
      all.procedures.run({ application, procedure }, { timeoutMs });
    await expect(named('none', 'move')).rejects.toMatchObject({ code: 'refused' });
    await expect(named('none', 'move')).rejects.toThrow('UnknownApplication');
    await expect(named('travel', 'toString')).rejects.toThrow('UnknownProcedure');
    for (const [participant, operation, reason] of [
      ['hotel', 'toString', 'UnknownOperation'],
      ['nowhere', 'take', 'UnknownParticipant'],
      ['not a name', 'take', 'ProcedureFailed'],
      ['hotel', '', 'ProcedureFailed'],
    ] as const) {
      const ended = await run('call', [participant, operation]);
      expect(ended, participant).toMatchObject({ outcome: 'aborted', reason });
    }
  });

  it('that calls twice alike has it done twice', async () => {
    const ended = await run('twice', 'alike');
    expect(ended.outcome).toBe('committed');
    expect([ended.result].flat().sort()).toEqual([1, 2]);
    await settled();
    expect([hotel.peek('note-1'), hotel.peek('note-2')]).toEqual(['alike', 'alike']);
  });

  it('calls one after the other, by the answers so far', async () => {
    const [a, b] = await settled();
    const ended = await run('oneByOne', 1);
    expect(ended).toMatchObject({ outcome: 'committed', result: a + b - 1 });
    await run('move', -(b - 1));
    await settled();
  });

  it('is one of many at a time, transfers among them, and all sums are right', async () => {
    const [a, b] = await settled();
    const transfer = () =>
      all.client.transfer(
        {
          debtor: { bank: participantId('bank-a'), account: accountId('alice') },
          creditors: [{ bank: participantId('bank-b'), account: bob, amountMinor: 5 }],
          currency: currency('EUR'),
        },
        { timeoutMs },
      );
    const before = Number(book.balance(bob)?.amountMinor);
    const many = Array.from({ length: 6 }, (_, at) => (at % 2 ? transfer() : run('move', 1)));
    const ended = await Promise.all(many);
    const moved = ended.filter((one, at) => at % 2 === 0 && one.outcome === 'committed').length;
    const paid = ended.filter((one, at) => at % 2 === 1 && one.outcome === 'committed').length;
    expect(paid).toBe(3);
    expect(moved).toBeGreaterThan(0);
    expect(await settled()).toEqual([a + moved, b - moved]);
    await until(
      'the bank has its money',
      () => book.balance(bob)?.amountMinor === before + 5 * paid,
    );
  }, 60_000);

  it('whose initiators come to different results has an outcome, and no result', async () => {
    const ended = await run('differs');
    expect(ended.outcome).toBe('committed');
    expect(ended.result).toBeUndefined();
  });

  it('is aborted where a participant stops while it is called, and the next one is not', async () => {
    const before = await settled();
    let signal: AbortSignal | undefined;
    enter = (given) => {
      signal = given;
    };
    const ending = run('call', ['hotel', 'slow']);
    await until('it is called', () => signal !== undefined);
    await all.stopNode('hotel');
    expect(signal?.aborted).toBe(true);
    await all.startNode('hotel');
    expect(await ending).toMatchObject({ outcome: 'aborted' });
    expect(await settled()).toEqual(before);
    expect(await run('move', 1)).toMatchObject({ outcome: 'committed' });
  }, 60_000);
});

type Lie = (call: InitiatorCall, leg: number) => { call: InitiatorCall; leg: number };

/** An initiator that calls otherwise than the procedure says. */
class LyingInitiator extends Initiator<InitiatorCall> {
  lie: Lie = (call, leg) => ({ call, leg });
  override handle(input: Parameters<Initiator<InitiatorCall>['handle']>[0]) {
    return super
      .handle(input)
      .map((output) =>
        output.kind === 'invoke-leg' ? { ...output, ...this.lie(output.call, output.leg) } : output,
      );
  }
}

describe('a lying initiator', () => {
  let liar: LyingInitiator | undefined;
  let stop = async () => {};
  beforeAll(async () => {
    const name = 'initiator-1';
    await all.stopNode(name);
    const node = await loadNode(join(all.directory, 'nodes', `${name}.json`));
    if (node.role !== 'initiator') throw new Error('not an initiator');
    const running = await startInitiator({
      ...{ cluster: all.cluster, node, applications: [travel] },
      log: createLogger({ name, level: 'silent' }),
      onFatal: () => {},
      createCore: (options) => {
        liar = new LyingInitiator(options);
        return liar;
      },
    });
    stop = running.stop;
  }, 60_000);
  afterAll(() => stop());

  const lies: [string, Lie][] = [
    ['asks for more', (one, leg) => ({ call: payloadOf(one, '999'), leg })],
    [
      'asks another participant',
      (one, leg) => ({ call: { ...one, participant: participantId('train') }, leg }),
    ],
    [
      'calls another operation',
      (one, leg) => ({ call: one.kind === 'call' ? { ...one, operation: 'look' } : one, leg }),
    ],
    ['counts otherwise', (one, leg) => ({ call: one, leg: leg + 7 })],
    ['calls each as the first', (one) => ({ call: one, leg: 0 })],
  ];
  it.each(lies)(
    'that %s has nothing done that the others do not ask for',
    async (_, lie) => {
      const [a, b] = await settled();
      if (liar === undefined) throw new Error('it does not run');
      liar.lie = lie;
      const ended = await run('move', 3);
      liar.lie = (one, leg) => ({ call: one, leg });
      expect(ended).toMatchObject({ outcome: 'committed', result: [b - 3, a + 3] });
      expect(await settled()).toEqual([a + 3, b - 3]);
      expect(done).toEqual([3, -3]);
    },
    60_000,
  );
});

function payloadOf(one: InitiatorCall, payload: string): InitiatorCall {
  return one.kind === 'call' ? { ...one, payload } : one;
}
