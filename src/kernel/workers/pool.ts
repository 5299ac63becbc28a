import { Worker } from 'node:worker_threads';
import { Fifo } from '../core.js';
import type { ToWorker } from './serve.js';

/** Jobs of one sender that a worker has not done yet, and their bytes. One job alone may have more. */
const workerJobsMax = 4096;
const workerBytesMax = 32 * 1_048_576;
/** Jobs that a worker is given before it has done them, and their bytes: the next sender waits no longer. */
const jobsGivenMax = 64;
const bytesGivenMax = 262_144;
/** So many of them cross together: the worker has others to do meanwhile. */
const jobsTogether = jobsGivenMax / 2;

/** What a pool is started with. */
export interface WorkerPoolOptions {
  /** The module that each worker runs; it calls `serveJobs`. */
  readonly script: URL;
  /** How many workers; 1 at the least. */
  readonly threads: number;
  /** `workerData` of each. */
  readonly data: unknown;
  /** A worker has died. Called once; the process should end. */
  readonly onFatal: (error: Error) => void;
}

/** Takes the result of a job; `undefined` where there is none: the worker has died. */
export type Take<Result> = (result: Result | undefined) => void;

/** Whose jobs they are. */
export interface Sender {
  readonly name: string;
  /** A whole number: which worker does its jobs. */
  readonly lane: number;
}

/** Jobs that no sender is known of. */
const anybody = '';

/**
 * Worker threads that do jobs. Those of one sender are done, and their results taken, in their order; senders take turns, so
 * that one that sends too much waits by itself.
 */
export class WorkerPool<Job, Result, News> {
  readonly #lanes: readonly Lane<Job, Result, News>[];

  constructor({ script, threads, data, onFatal }: WorkerPoolOptions) {
    let isFailed = false;
    const onDeath = (error: Error): void => {
      if (!isFailed) onFatal(error);
      isFailed = true;
    };
    this.#lanes = Array.from(
      { length: threads },
      () => new Lane(new Worker(script, { workerData: data }), onDeath),
    );
  }

  /** Whether no worker takes another job by `run`. */
  get isFull(): boolean {
    return this.#lanes.every((lane) => lane.isFullFor(anybody));
  }

  /** Gives the job, of so many bytes, to the worker with the least to do. False, and no effect, where all are full. */
  run(job: Job, bytes: number, take: Take<Result>): boolean {
    const [first, ...others] = this.#lanes;
    const least = others.reduce((a, b) => (b && a && b.length < a.length ? b : a), first);
    return least?.run(anybody, job, bytes, take) === true;
  }

  /** Gives the job, of so many bytes, to the sender's worker. False, and no effect, where too much of the sender waits there. */
  runFor({ name, lane }: Sender, job: Job, bytes: number, take: Take<Result>): boolean {
    return this.#laneOf(lane)?.run(name, job, bytes, take) === true;
  }

  /** Calls `then` once what the sender has waiting is done: at once where that is nothing. False where too much waits. */
  after({ name, lane }: Sender, then: () => void): boolean {
    return this.#laneOf(lane)?.after(name, then) === true;
  }

  /** Sends news to every worker; a job that is given to one later is done with it. */
  tell(news: News): void {
    for (const lane of this.#lanes) lane.tell(news);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.stop()));
  }

  #laneOf(lane: number): Lane<Job, Result, News> | undefined {
    return this.#lanes[lane % this.#lanes.length];
  }
}

/** Waits for its turn. Without a job only what the sender has sent before it is waited for. */
interface Waiting<Job, Result> {
  readonly of: Queue<Job, Result>;
  readonly job?: { readonly job: Job };
  readonly bytes: number;
  readonly take: Take<Result>;
}

/** What one sender has that is not done. */
interface Queue<Job, Result> {
  readonly name: string;
  readonly waiting: Fifo<Waiting<Job, Result>>;
  count: number;
  bytes: number;
}

/** One worker, and what waits for it. */
class Lane<Job, Result, News> {
  readonly #worker: Worker;
  readonly #queues = new Map<string, Queue<Job, Result>>();
  /** The senders of which something is not given to the worker; the first has the next turn. */
  readonly #turns = new Fifo<Queue<Job, Result>>();
  /** What the worker has, and what waits for that. */
  readonly #given = new Fifo<Waiting<Job, Result>>();
  #bytesGiven = 0;
  #length = 0;
  #isScheduled = false;
  #isStopped = false;

  constructor(worker: Worker, onDeath: (error: Error) => void) {
    this.#worker = worker;
    // It is the sockets that keep a node alive.
    worker.unref();
    worker.on('message', (results: readonly Result[]) => {
      for (const result of results) this.#taken(result);
      this.#give();
    });
    worker.on('error', (error) => this.#died(error, onDeath));
    worker.on('exit', (code) => {
      this.#died(new Error(`a worker thread has ended with status ${code}`), onDeath);
    });
  }

  /** What is not done. */
  get length(): number {
    return this.#length;
  }

  isFullFor(sender: string, bytes = 0): boolean {
    const queue = this.#queues.get(sender);
    if (this.#isStopped || queue === undefined) return this.#isStopped;
    return queue.count >= workerJobsMax || queue.bytes + bytes > workerBytesMax;
  }

  run(sender: string, job: Job, bytes: number, take: Take<Result>): boolean {
    if (this.isFullFor(sender, bytes)) return false;
    this.#wait(sender, { job: { job }, bytes, take });
    return true;
  }

  after(sender: string, then: () => void): boolean {
    if (this.isFullFor(sender)) return false;
    if (!this.#queues.has(sender)) then();
    else this.#wait(sender, { bytes: 0, take: then });
    return true;
  }

  tell(news: News): void {
    this.#give();
    this.#post({ kind: 'news', news });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#worker.terminate();
  }

  #wait(sender: string, what: Omit<Waiting<Job, Result>, 'of'>): void {
    const queue = this.#queues.get(sender) ?? {
      ...{ name: sender, waiting: new Fifo<Waiting<Job, Result>>(), count: 0, bytes: 0 },
    };
    this.#queues.set(sender, queue);
    if (queue.waiting.length === 0) this.#turns.push(queue);
    queue.waiting.push({ ...what, of: queue });
    queue.count += 1;
    queue.bytes += what.bytes;
    this.#length += 1;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    // The jobs of one read of a socket go over together.
    process.nextTick(() => {
      this.#isScheduled = false;
      this.#give();
    });
  }

  /** One of each sender in turn, as long as the worker takes more. */
  #give(): void {
    const jobs: Job[] = [];
    while (this.#given.length < jobsGivenMax && this.#bytesGiven < bytesGivenMax) {
      const queue = this.#turns.shift();
      const next = queue?.waiting.shift();
      if (queue === undefined || next === undefined) break;
      if (queue.waiting.length > 0) this.#turns.push(queue);
      this.#given.push(next);
      this.#bytesGiven += next.bytes;
      if (next.job !== undefined) jobs.push(next.job.job);
      this.#passOver();
    }
    for (let at = 0; at < jobs.length; at += jobsTogether) {
      this.#post({ kind: 'jobs', jobs: jobs.slice(at, at + jobsTogether) });
    }
  }

  #post(message: ToWorker<Job, News>): void {
    this.#worker.postMessage(message);
  }

  #taken(result: Result | undefined): void {
    this.#endFirst(result);
    this.#passOver();
  }

  /** What has no job is done once it is the first. */
  #passOver(): void {
    while (this.#given.length > 0 && this.#given.peek()?.job === undefined)
      this.#endFirst(undefined);
  }

  #endFirst(result: Result | undefined): void {
    const first = this.#given.shift();
    if (first === undefined) return;
    this.#bytesGiven -= first.bytes;
    this.#end(first, result);
  }

  #end({ of: queue, bytes, take }: Waiting<Job, Result>, result: Result | undefined): void {
    queue.count -= 1;
    queue.bytes -= bytes;
    this.#length -= 1;
    if (queue.count === 0) this.#queues.delete(queue.name);
    take(result);
  }

  #died(error: Error, onDeath: (error: Error) => void): void {
    const isOwn = this.#isStopped;
    this.#isStopped = true;
    if (!isOwn) onDeath(error);
    while (this.#given.length > 0) this.#endFirst(undefined);
    for (let queue = this.#turns.shift(); queue; queue = this.#turns.shift()) {
      for (let next = queue.waiting.shift(); next; next = queue.waiting.shift()) {
        this.#end(next, undefined);
      }
    }
  }
}
