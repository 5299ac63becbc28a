import { z } from 'zod';
import type { Cluster } from '../../src/kernel/cluster.js';
import { httpGet } from '../../src/kernel/http/http-get.js';
import { BenchmarkError } from '../benchmark.js';

const latency = z.object({ count: z.number(), sumMs: z.number() });
const statusSchema = z.object({
  view: z.number(),
  primary: z.number(),
  latency: z.object({ activation: latency, twoPhaseCommit: latency }),
});

export type CoordinatorStatus = z.output<typeof statusSchema>;

const timeoutMs = 20_000;
const maxBytes = 65_536;

/** What the primary tells of itself: it alone sees both ends of every activation and commit. */
export async function primaryStatus({ coordinators }: Cluster): Promise<CoordinatorStatus> {
  const [first] = coordinators;
  if (first === undefined) throw new BenchmarkError('no coordinator');
  const status = await statusOf(first.url);
  const primary = coordinators[status.primary];
  return primary === undefined || primary === first ? status : statusOf(primary.url);
}

async function statusOf(url: string): Promise<CoordinatorStatus> {
  const answer = await httpGet(`${url}/status`, { timeoutMs, maxBytes });
  if (answer === undefined) throw new BenchmarkError(`${url}/status did not answer`);
  return statusSchema.parse(JSON.parse(Buffer.from(answer.body).toString()));
}

/** Mean time in milliseconds of what was done between two readings; `NaN` where there was none. */
export function meanBetween(
  before: CoordinatorStatus,
  after: CoordinatorStatus,
  phase: keyof CoordinatorStatus['latency'],
): number {
  const [start, end] = [before.latency[phase], after.latency[phase]];
  return (end.sumMs - start.sumMs) / (end.count - start.count);
}
