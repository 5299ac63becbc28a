import { afterEach, expect, it } from 'vitest';
import { WorkerPool } from '../../../src/kernel/workers/pool.js';

/** Answers with what it is told: its news, then the job. It dies of the job "die". */
const echo = `
  import { parentPort } from 'node:worker_threads';
  let news = '';
  parentPort.on('message', (message) => {
    if (message.kind === 'news') news = message.news;
    else if (message.jobs.includes('die')) throw new Error('dead');
    else parentPort.postMessage(message.jobs.map((job) => news + job));
  });`;
const script = new URL(`data:text/javascript,${encodeURIComponent(echo)}`);

const open: WorkerPool<string, string, string>[] = [];

function pool(threads: number, onFatal = (_error: Error) => {}) {
  const made = new WorkerPool<string, string, string>({ script, threads, data: {}, onFatal });
  open.push(made);
  return made;
}

afterEach(() => Promise.all(open.splice(0).map((each) => each.stop())));

it('takes the results of a lane in the order of its jobs, and what waits behind them in its turn', async () => {
  const workers = pool(3);
  const taken: (string | undefined)[] = [];
  const take = (result: string | undefined) => taken.push(result);
  workers.after(1, () => take('at once'));
  for (const job of ['a', 'b']) workers.runIn(1, job, take);
  workers.after(1, () => take('behind b'));
  workers.runIn(1, 'c', take);
  workers.after(1, () => take('behind c'));
  await expect.poll(() => taken.length).toBe(6);
  expect(taken).toEqual(['at once', 'a', 'b', 'behind b', 'c', 'behind c']);
});

it('does jobs that come after news with these', async () => {
  const workers = pool(2);
  const taken: (string | undefined)[] = [];
  workers.runIn(0, 'before', (result) => taken.push(result));
  workers.tell('new ');
  workers.runIn(0, 'after', (result) => taken.push(result));
  await expect.poll(() => taken.length).toBe(2);
  expect(taken).toEqual(['before', 'new after']);
});

it('refuses what is beyond the queue of a worker, and takes jobs again once there is room', async () => {
  const workers = pool(1);
  let done = 0;
  const run = () =>
    workers.run('a', () => {
      done += 1;
    });
  let taken = 0;
  while (taken < 5000 && run()) taken += 1;
  expect(taken).toBe(4096);
  expect(workers.isFull).toBe(true);
  expect(workers.runIn(0, 'a', () => {})).toBe(false);
  expect(workers.after(0, () => {})).toBe(false);
  await expect.poll(() => done).toBe(taken);
  expect(workers.isFull).toBe(false);
  expect(run()).toBe(true);
});

it('is fatal, once, where a worker dies; nobody waits for its results', async () => {
  const fatal: string[] = [];
  const workers = pool(2, ({ message }) => fatal.push(message));
  const taken: (string | undefined)[] = [];
  workers.runIn(0, 'die', (result) => taken.push(result));
  workers.runIn(0, 'a', (result) => taken.push(result));
  await expect.poll(() => fatal.length).toBe(1);
  expect(fatal).toEqual(['dead']);
  expect(taken).toEqual([undefined, undefined]);
  expect(workers.runIn(0, 'b', () => {})).toBe(false);
});

it('is not fatal where it is stopped', async () => {
  const fatal: Error[] = [];
  const workers = pool(2, (error) => fatal.push(error));
  await workers.stop();
  expect(fatal).toEqual([]);
  expect(workers.isFull).toBe(true);
});
