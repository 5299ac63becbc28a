import { cutEach, fewerBehaviours } from '../kit/cuts.js';
import type { OrderingLiarPlan, OrderingPlan } from './plan.js';

/** Smaller plans, the bold cuts first: without liars, behaviours, faults, requests or time. */
export function cutOrderingPlan(plan: OrderingPlan): OrderingPlan[] {
  const { faults, requests, chaosMs, stateBytes } = plan;
  const cuts: OrderingPlan[] = [];
  if (Object.keys(faults).length > 1) cuts.push({ ...plan, faults: {} });
  if (requests > 1) cuts.push({ ...plan, requests: 1 });
  if (requests > 3) cuts.push({ ...plan, requests: Math.ceil(requests / 2) });
  if (stateBytes > 0) cuts.push({ ...plan, stateBytes: 0 });
  if (chaosMs > 2000) cuts.push({ ...plan, chaosMs: Math.round(chaosMs / 2) });
  cuts.push(...cutEach(plan, lesserLiars));
  if (requests > 1) cuts.push({ ...plan, requests: requests - 1 });
  if (chaosMs > 2000) cuts.push({ ...plan, chaosMs: Math.round(chaosMs * 0.8) });
  return cuts;
}

/** One that lies all the time says more than one that waits for its moment. */
function lesserLiars(liar: OrderingLiarPlan): OrderingLiarPlan[] {
  const { during, ...always } = liar;
  return [...(during ? [always] : []), ...fewerBehaviours(liar)];
}
