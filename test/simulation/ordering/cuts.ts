import type { OrderingLiarPlan, OrderingPlan } from './plan.js';

/** Smaller plans, the bold cuts first: without liars, behaviours, faults, requests or time. */
export function cutOrderingPlan(plan: OrderingPlan): OrderingPlan[] {
  const { faults, liars, twins, requests, chaosMs, stateBytes } = plan;
  const cuts: OrderingPlan[] = [];
  if (Object.keys(faults).length > 1) cuts.push({ ...plan, faults: {} });
  if (requests > 1) cuts.push({ ...plan, requests: 1 });
  if (requests > 3) cuts.push({ ...plan, requests: Math.ceil(requests / 2) });
  if (stateBytes > 0) cuts.push({ ...plan, stateBytes: 0 });
  if (chaosMs > 2000) cuts.push({ ...plan, chaosMs: Math.round(chaosMs / 2) });
  for (const liar of liars) cuts.push({ ...plan, liars: liars.filter((one) => one !== liar) });
  for (const twin of twins) cuts.push({ ...plan, twins: twins.filter((one) => one !== twin) });
  for (const kind of Object.keys(faults)) {
    const left = Object.entries(faults).filter(([each]) => each !== kind);
    cuts.push({ ...plan, faults: Object.fromEntries(left) });
  }
  for (const liar of liars) {
    for (const one of fewerBehaviours(liar)) {
      cuts.push({ ...plan, liars: liars.map((each) => (each === liar ? one : each)) });
    }
  }
  if (requests > 1) cuts.push({ ...plan, requests: requests - 1 });
  if (chaosMs > 2000) cuts.push({ ...plan, chaosMs: Math.round(chaosMs * 0.8) });
  return cuts;
}

function fewerBehaviours({ during, ...liar }: OrderingLiarPlan): OrderingLiarPlan[] {
  const { behaviours } = liar;
  const always = during ? [liar] : [];
  if (behaviours.length < 2) return always;
  const fewer = behaviours.map((gone) => ({
    ...liar,
    ...(during && { during }),
    behaviours: behaviours.filter((each) => each !== gone),
  }));
  return [...always, ...fewer];
}
