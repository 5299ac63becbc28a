import { afterEach, expect, it } from 'vitest';
import { type Sender, WorkerPool } from '../../../src/kernel/workers/pool.js';

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

const sender: Sender = { name: 'a', lane: 1 };
const other: Sender = { name: 'b', lane: 1 };

afterEach(() => Promise.all(open.splice(0).map((each) => each.stop())));

it('takes the results of a lane in the order of its jobs, and what waits behind them in its turn', async () => {
  const workers = pool(3);
  const taken: (string | undefined)[] = [];
  const take = (result: string | undefined) => taken.push(result);
  workers.after(sender, () => take('at once'));
  for (const job of ['a', 'b']) workers.runFor(sender, job, 1, take);
  workers.after(sender, () => take('behind b'));
  workers.runFor(sender, 'c', 1, take);
  workers.after(sender, () => take('behind c'));
  await expect.poll(() => taken.length).toBe(6);
  expect(taken).toEqual(['at once', 'a', 'b', 'behind b', 'c', 'behind c']);
});

it('does jobs that come after news with these', async () => {
  const workers = pool(2);
  const taken: (string | undefined)[] = [];
  workers.runFor(sender, 'before', 1, (result) => taken.push(result));
  workers.tell('new ');
  workers.runFor(sender, 'after', 1, (result) => taken.push(result));
  await expect.poll(() => taken.length).toBe(2);
  expect(taken).toEqual(['before', 'new after']);
});

it('refuses what is beyond the queue of a worker, and takes jobs again once there is room', async () => {
  const workers = pool(1);
  let done = 0;
  const run = () =>
    workers.run('a', 1, () => {
      done += 1;
    });
  let taken = 0;
  while (taken < 5000 && run()) taken += 1;
  expect(taken).toBe(4096);
  expect(workers.isFull).toBe(true);
  await expect.poll(() => done).toBe(taken);
  expect(workers.isFull).toBe(false);
  expect(run()).toBe(true);
});

it('is fatal, once, where a worker dies; nobody waits for its results', async () => {
  const fatal: string[] = [];
  const workers = pool(2, ({ message }) => fatal.push(message));
  const taken: (string | undefined)[] = [];
  workers.runFor(sender, 'die', 1, (result) => taken.push(result));
  workers.runFor(sender, 'a', 1, (result) => taken.push(result));
  await expect.poll(() => fatal.length).toBe(1);
  expect(fatal).toEqual(['dead']);
  expect(taken).toEqual([undefined, undefined]);
  expect(workers.runFor(sender, 'b', 1, () => {})).toBe(false);
});

it('is not fatal where it is stopped', async () => {
  const fatal: Error[] = [];
  const workers = pool(2, (error) => fatal.push(error));
  await workers.stop();
  expect(fatal).toEqual([]);
  expect(workers.isFull).toBe(true);
});

it('takes no more of one sender than its share, by number and by bytes, and what others send as before', async () => {
  const workers = pool(1);
  let done = 0;
  const take = () => {
    done += 1;
  };
  for (let count = 0; count < 4096; count += 1) {
    expect(workers.runFor(sender, 'a', 1, take)).toBe(true);
  }
  expect(workers.runFor(sender, 'a', 1, take)).toBe(false);
  expect(workers.after(sender, take)).toBe(false);
  const large = 16 * 1_048_576;
  for (let count = 0; count < 2; count += 1) {
    expect(workers.runFor(other, 'b', large, take)).toBe(true);
  }
  expect(workers.runFor(other, 'b', 1, take)).toBe(false);
  expect(workers.runFor({ name: 'c', lane: 1 }, 'c', 3 * large, take)).toBe(true);
  expect(workers.isFull).toBe(false);
  await expect.poll(() => done).toBe(4099);
  expect(workers.runFor(other, 'b', large, take)).toBe(true);
});

it('lets senders take turns: one that sends too much waits by itself', async () => {
  const workers = pool(1);
  const taken: string[] = [];
  for (let count = 0; count < 4000; count += 1)
    workers.runFor(sender, 'a', 1, () => taken.push('a'));
  for (let count = 0; count < 10; count += 1) workers.runFor(other, 'b', 1, () => taken.push('b'));
  workers.after(other, () => taken.push('behind b'));
  await expect.poll(() => taken.length).toBe(4011);
  expect(taken.indexOf('behind b')).toBeLessThan(100);
});

it('gives a worker few bytes at a time, so that large jobs of one sender do not hold up the others', async () => {
  const workers = pool(1);
  const taken: string[] = [];
  for (let count = 0; count < 60; count += 1) {
    workers.runFor(sender, 'a', 500_000, () => taken.push('a'));
  }
  await new Promise((resolve) => setImmediate(resolve));
  workers.runFor(other, 'b', 1, () => taken.push('b'));
  await expect.poll(() => taken.length).toBe(61);
  expect(taken.indexOf('b')).toBeLessThan(5);
});

it('takes what has no job in its turn, also where all before it is done', async () => {
  const workers = pool(1);
  const taken: string[] = [];
  for (let count = 0; count < 63; count += 1) workers.runFor(other, 'b', 1, () => {});
  workers.runFor(sender, 'a', 1, () => taken.push('a'));
  workers.after(sender, () => taken.push('behind a'));
  workers.after(sender, () => taken.push('last'));
  await expect.poll(() => taken).toEqual(['a', 'behind a', 'last']);
  workers.after(sender, () => taken.push('at once'));
  expect(taken).toHaveLength(4);
});
