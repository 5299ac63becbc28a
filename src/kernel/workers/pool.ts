import { Worker } from 'node:worker_threads';
import { Fifo } from '../core.js';
import type { ToWorker } from './serve.js';

/** Jobs that one worker has not done yet. */
const workerJobsMax = 4096;

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

/** Worker threads that do jobs. Jobs of one lane are done, and their results taken, in their order. */
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

  /** Whether no worker takes another job. */
  get isFull(): boolean {
    return this.#lanes.every(({ isFull }) => isFull);
  }

  /** Gives the job to the worker with the least to do. False, and no effect, where all are full. */
  run(job: Job, take: Take<Result>): boolean {
    const [first, ...others] = this.#lanes;
    const least = others.reduce((a, b) => (b && a && b.length < a.length ? b : a), first);
    return least?.run(job, take) === true;
  }

  /** Gives the job to the worker of this lane, a whole number. False, and no effect, where that is full. */
  runIn(lane: number, job: Job, take: Take<Result>): boolean {
    return this.#laneOf(lane)?.run(job, take) === true;
  }

  /** Calls `then` once what the lane has to do now is done: at once where that is nothing. False where the lane is full. */
  after(lane: number, then: () => void): boolean {
    return this.#laneOf(lane)?.after(then) === true;
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

/** Waits for its turn; `isJob` where that is a result of the worker. */
interface Waiting<Result> {
  readonly isJob: boolean;
  readonly take: Take<Result>;
}

/** One worker, and what waits for it. */
class Lane<Job, Result, News> {
  readonly #worker: Worker;
  readonly #waiting = new Fifo<Waiting<Result>>();
  #jobs: Job[] = [];
  #isStopped = false;

  constructor(worker: Worker, onDeath: (error: Error) => void) {
    this.#worker = worker;
    // It is the sockets that keep a node alive.
    worker.unref();
    worker.on('message', (results: readonly Result[]) => {
      for (const result of results) this.#taken(result);
    });
    worker.on('error', (error) => this.#died(error, onDeath));
    worker.on('exit', (code) => {
      this.#died(new Error(`a worker thread has ended with status ${code}`), onDeath);
    });
  }

  get length(): number {
    return this.#waiting.length;
  }

  get isFull(): boolean {
    return this.#isStopped || this.#waiting.length >= workerJobsMax;
  }

  run(job: Job, take: Take<Result>): boolean {
    if (this.isFull) return false;
    this.#waiting.push({ isJob: true, take });
    this.#jobs.push(job);
    // The jobs of one read of a socket go over together.
    if (this.#jobs.length === 1) process.nextTick(() => this.#flush());
    return true;
  }

  after(then: () => void): boolean {
    if (this.isFull) return false;
    if (this.#waiting.length === 0) then();
    else this.#waiting.push({ isJob: false, take: then });
    return true;
  }

  tell(news: News): void {
    this.#flush();
    this.#post({ kind: 'news', news });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#worker.terminate();
  }

  #flush(): void {
    const jobs = this.#jobs;
    this.#jobs = [];
    if (jobs.length > 0) this.#post({ kind: 'jobs', jobs });
  }

  #post(message: ToWorker<Job, News>): void {
    this.#worker.postMessage(message);
  }

  #taken(result: Result | undefined): void {
    this.#waiting.shift()?.take(result);
    while (this.#waiting.peek()?.isJob === false) this.#waiting.shift()?.take(undefined);
  }

  #died(error: Error, onDeath: (error: Error) => void): void {
    const isOwn = this.#isStopped;
    this.#isStopped = true;
    if (!isOwn) onDeath(error);
    while (this.#waiting.length > 0) this.#taken(undefined);
  }
}
