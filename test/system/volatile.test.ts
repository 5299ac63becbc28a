import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCluster } from '../../src/api/test-cluster.js';
import { call, commit, type InitiatorApplication } from '../../src/service/initiator/procedures.js';
import { startParticipant } from '../../src/service/participant/participant-node.js';
import type { Resource } from '../../src/service/participant/resource.js';
import { eventually } from './support/eventually.js';
import { ServiceProcess } from './support/service-process.js';

const travel: InitiatorApplication = {
  name: 'travel',
  procedures: {
    *book({ payload }) {
      yield [call('hotel', 'book', payload), call('cache', 'put', payload)];
      return commit();
    },
  },
};

/**
 * A cache that writes what it has of a transaction into a file before it votes. It votes no, or kills itself once it has
 * voted, where what was put says so.
 */
const cacheText = (directory: string) => `
import { appendFileSync } from 'node:fs';
const directory = ${JSON.stringify(directory)};
const held = new Map();
export const participant = {
  protocol: 'volatile',
  operations: {
    put: (entry, { payload, transactionId }) => {
      entry.payload = payload;
    },
  },
  resource: {
    start: async () => {},
    begin: async ({ tid, enlistment }) => {
      const entry = {};
      held.set(enlistment, entry);
      return entry;
    },
    prepare: async ({ enlistment }) => {
      const { payload } = held.get(enlistment);
      if (payload === 'refuse') return { vote: 'aborted' };
      appendFileSync(directory + '/flushed', payload + '\\n');
      return { vote: 'prepared', record: new Uint8Array() };
    },
    commit: async ({ enlistment }) => {
      if (held.get(enlistment)?.payload === 'die') process.kill(process.pid, 'SIGKILL');
      appendFileSync(directory + '/ended', 'committed\\n');
      held.delete(enlistment);
      return [];
    },
    rollBack: async ({ enlistment }) => void held.delete(enlistment),
    close: async () => {},
  },
};
`;

const clusters: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const stop of clusters) await stop();
});

/** The hotel votes to abort what is not flushed. */
async function started() {
  const directory = await mkdtemp(join(tmpdir(), 'concordat-'));
  const lines = async (file: string) => {
    const path = join(directory, file);
    return existsSync(path) ? (await readFile(path, 'utf8')).trim().split('\n') : [];
  };
  const asked: string[] = [];
  const payloads = new Map<string, string>();
  const hotel: Resource<{ is: (payload: string) => void }> = {
    start: async () => {},
    begin: async ({ enlistment }) => ({ is: (payload) => payloads.set(enlistment, payload) }),
    prepare: async ({ enlistment }) => {
      const payload = payloads.get(enlistment) ?? '';
      asked.push(`prepare ${payload}`);
      const isFlushed = (await lines('flushed')).includes(payload);
      return isFlushed ? { vote: 'prepared', record: new Uint8Array() } : { vote: 'aborted' };
    },
    commit: async ({ enlistment }) => {
      asked.push(`commit ${payloads.get(enlistment)}`);
      return [];
    },
    rollBack: async ({ enlistment }) => void asked.push(`roll back ${payloads.get(enlistment)}`),
    close: async () => {},
  };
  const cache = new ServiceProcess(directory, cacheText(directory));
  const all = await TestCluster.start({
    applications: [travel],
    services: {
      cache: cache.start,
      hotel: (node) =>
        startParticipant({
          ...{ ...node, resource: hotel },
          operations: { book: (work, { payload }) => work.is(String(payload)) },
        }),
    },
  });
  clusters.push(async () => {
    await all.stop();
    await rm(directory, { recursive: true });
  });
  const book = async (payload: string) => {
    const request = { application: 'travel', procedure: 'book', payload };
    return (await all.procedures.run(request, { timeoutMs: 45_000 })).outcome;
  };
  return { all, cache, asked, book, lines };
}

describe('a volatile participant', () => {
  let scene: Awaited<ReturnType<typeof started>>;
  beforeAll(async () => {
    scene = await started();
  }, 120_000);

  it('is flushed before durable participants prepare, and receives the outcome', async () => {
    expect(await scene.book('a')).toBe('committed');
    await expect.poll(() => scene.lines('ended')).toEqual(['committed']);
    expect(scene.asked).toEqual(['prepare a', 'commit a']);
  });

  it('that votes no aborts the transaction, and no durable participant is asked to prepare', async () => {
    scene.asked.length = 0;
    expect(await scene.book('refuse')).toBe('aborted');
    await expect.poll(() => scene.asked).toEqual(['roll back refuse']);
  });

  it('that is killed after its vote does not hold the outcome up, and starts with nothing', async () => {
    scene.asked.length = 0;
    expect(await scene.book('die')).toBe('committed');
    await eventually('the cache is dead', () => scene.cache.isKilled);
    await expect.poll(() => scene.asked).toEqual(['prepare die', 'commit die']);
    await scene.all.startNode('cache');
    expect(await scene.book('b')).toBe('committed');
    expect(await scene.lines('flushed')).toEqual(['a', 'die', 'b']);
  });
});
