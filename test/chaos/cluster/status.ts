import { z } from 'zod';
import { httpGet } from '../../../src/kernel/http/http-get.js';
import { faultsMax, members } from './members.js';
import type { Nodes } from './nodes.js';

const statusSchema = z.object({
  view: z.number(),
  openSlots: z.number(),
  recovering: z.boolean(),
  fetching: z.number(),
  abstaining: z.number(),
  /** Since the process started. */
  forgotten: z.number(),
});
export type CoordinatorStatus = z.output<typeof statusSchema>;

const limits = { timeoutMs: 2000, maxBytes: 65_536 };

/** What each coordinator tells of itself; `undefined` for those that do not answer. */
export async function statuses(nodes: Nodes): Promise<(CoordinatorStatus | undefined)[]> {
  return Promise.all(members.coordinators.map((name) => statusOf(nodes, name)));
}

async function statusOf(nodes: Nodes, name: string): Promise<CoordinatorStatus | undefined> {
  const answer = await httpGet(`${nodes.url(name)}/status`, limits);
  if (answer === undefined) return undefined;
  return statusSchema.safeParse(JSON.parse(Buffer.from(answer.body).toString())).data;
}

/**
 * What keeps a coordinator from being a full member: transactions that it has missed and still fetches, and
 * slots that it takes no part in. Infinite while it has no memory.
 */
export async function leftToRecover(nodes: Nodes, name: string): Promise<number> {
  const status = await statusOf(nodes, name);
  if (status === undefined || status.recovering) return Number.POSITIVE_INFINITY;
  return status.fetching + status.abstaining;
}

/** The highest view that one correct coordinator has reached at the least. */
export async function currentView(nodes: Nodes): Promise<number> {
  const views = (await statuses(nodes)).map((status) => status?.view ?? 0);
  return views.sort((a, b) => b - a)[faultsMax] ?? 0;
}

export async function primaryOf(nodes: Nodes): Promise<string> {
  const view = await currentView(nodes);
  return members.coordinators[view % members.coordinators.length] ?? '';
}
