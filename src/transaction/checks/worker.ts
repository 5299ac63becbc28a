import { workerData } from 'node:worker_threads';
import { serveJobs } from '../../kernel/workers/serve.js';
import { Checker } from './checker.js';
import type { Checked, CheckerData, CheckerNews, CheckJob } from './job.js';

const checker = new Checker(workerData as CheckerData);
serveJobs<CheckJob, Checked, CheckerNews>(
  (job) => checker.check(job),
  (participants) => checker.admit(participants),
);
