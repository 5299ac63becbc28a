import { cutEach, fewerBehaviours } from '../kit/cuts.js';
import type { SessionLiarPlan, SessionsPlan } from './plan.js';

/** Smaller plans, the bold cuts first: without liars, behaviours, faults, clients, operations or time. */
export function cutSessionsPlan(plan: SessionsPlan): SessionsPlan[] {
  const { faults, clients, sessionsPerClient, operationsPerSession, chaosMs } = plan;
  const cuts: SessionsPlan[] = [];
  if (Object.keys(faults).length > 1) cuts.push({ ...plan, faults: {} });
  if (clients > 1) cuts.push({ ...plan, clients: 1 });
  if (sessionsPerClient > 1) cuts.push({ ...plan, sessionsPerClient: 1 });
  if (operationsPerSession > 1) cuts.push({ ...plan, operationsPerSession: 1 });
  if (chaosMs > 2000) cuts.push({ ...plan, chaosMs: Math.round(chaosMs / 2) });
  cuts.push(...cutEach(plan, lesserLiars));
  if (clients > 2) cuts.push({ ...plan, clients: clients - 1 });
  if (operationsPerSession > 1) {
    cuts.push({ ...plan, operationsPerSession: operationsPerSession - 1 });
  }
  return cuts;
}

/** Its lies to the engines go first. */
function lesserLiars(liar: SessionLiarPlan): SessionLiarPlan[] {
  const honestBelow = liar.ordering.length > 0 ? [{ ...liar, ordering: [] }] : [];
  return [...honestBelow, ...fewerBehaviours(liar)];
}
