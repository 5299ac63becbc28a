import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestCluster } from '../../src/api/test-cluster.js';
import {
  call,
  commit,
  type InitiatorApplication,
  type ServiceAnswer,
} from '../../src/service/initiator/procedures.js';
import type { Json } from '../../src/service/json.js';
import { startParticipant } from '../../src/service/participant/participant-node.js';
import { Table } from '../../src/service/participant/table.js';
import { eventually } from './support/eventually.js';
import { kitOf, ServiceProcess } from './support/service-process.js';

const timeoutMs = 45_000;

const resultOf = (answer: ServiceAnswer | undefined) =>
  answer?.kind === 'done' ? answer.result : null;
const travel: InitiatorApplication = {
  name: 'travel',
  procedures: {
    *move({ payload }) {
      yield [call('train', 'take', payload), call('hotel', 'take', -Number(payload))];
      return commit();
    },
    *look() {
      const answers = yield [call('hotel', 'take', 0), call('train', 'take', 0)];
      return commit(answers.map(resultOf));
    },
  },
};

/** A hotel whose process kills itself at a moment that a file in its folder names. */
const moduleText = (directory: string) => `
import { existsSync, rmSync } from 'node:fs';
import { Table } from '${kitOf('participant')}';
const rooms = new Table({ free: 100 });
const die = (moment) => {
  const flag = ${JSON.stringify(directory)} + '/' + moment;
  if (!existsSync(flag)) return;
  rmSync(flag);
  process.kill(process.pid, 'SIGKILL');
};
export const participant = {
  operations: {
    take: async (work, { payload }) => {
      const free = (await work.get('free')) - payload;
      if (payload !== 0) await work.set('free', free);
      die('executing');
      return free;
    },
  },
  resource: {
    start: (left) => rooms.start(left),
    begin: (ref) => rooms.begin(ref),
    prepare: async (ref) => {
      die('preparing');
      return rooms.prepare(ref);
    },
    commit: async (ref) => {
      die('prepared');
      const writes = await rooms.commit(ref);
      die('committed');
      return writes;
    },
    rollBack: (ref) => rooms.rollBack(ref),
    close: () => rooms.close(),
  },
};
`;

let all: TestCluster;
let directory: string;
let process: ServiceProcess;
const train = new Table({ free: 100 });

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'concordat-'));
  process = new ServiceProcess(directory, moduleText(directory));
  all = await TestCluster.start({
    applications: [travel],
    services: {
      hotel: process.start,
      train: (node) =>
        startParticipant({
          ...{ ...node, resource: train },
          operations: {
            take: async (work, { payload }) => {
              const free = Number(await work.get('free')) - Number(payload);
              if (payload !== 0) await work.set('free', free);
              return free;
            },
          },
        }),
    },
  });
}, 120_000);
afterAll(async () => {
  await all.stop();
  await rm(directory, { recursive: true });
});

const run = (procedure: string, payload: Json = null) =>
  all.procedures.run({ application: 'travel', procedure, payload }, { timeoutMs });

/** What both have, as soon as neither is held by what went before. */
async function free(): Promise<Json | undefined> {
  let result: Json | undefined;
  await eventually('both can be read', async () => {
    const ended = await run('look');
    result = ended.result;
    return ended.outcome === 'committed';
  });
  return result;
}

it.each([
  ['executing', 'aborted'],
  ['preparing', 'aborted'],
  ['prepared', 'committed'],
  ['committed', 'committed'],
] as const)(
  'a participant that is killed while %s comes back, and all of the transaction is %s',
  async (moment, outcome) => {
    const [hotel, others] = (await free()) as [number, number];
    await writeFile(join(directory, moment), '');
    const ending = run('move', 10);
    await eventually('it is dead', () => process.isKilled);
    expect(existsSync(join(directory, moment))).toBe(false);
    await all.startNode('hotel');
    expect((await ending).outcome).toBe(outcome);
    const moved = outcome === 'committed' ? 10 : 0;
    expect(await free()).toEqual([hotel + moved, others - moved]);
    expect((await run('move', 1)).outcome, 'nothing is held').toBe('committed');
    expect(await free()).toEqual([hotel + moved + 1, others - moved - 1]);
  },
  120_000,
);
