import { parentPort } from 'node:worker_threads';

/** What goes to a worker at a time, in this order. */
export type ToWorker<Job, News> =
  | { readonly kind: 'news'; readonly news: News }
  | { readonly kind: 'jobs'; readonly jobs: readonly Job[] };

/** Runs in a worker of a `WorkerPool`: does each job as it comes. `work` must not throw: that ends the node. */
export function serveJobs<Job, Result, News>(
  work: (job: Job) => Result,
  onNews: (news: News) => void,
): void {
  parentPort?.on('message', (message: ToWorker<Job, News>) => {
    if (message.kind === 'news') onNews(message.news);
    else parentPort?.postMessage(message.jobs.map(work));
  });
}
