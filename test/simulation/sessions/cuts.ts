import type { SessionLiarPlan, SessionsPlan } from './plan.js';

/** Smaller plans, the bold cuts first: without liars, behaviours, faults, clients, operations or time. */
export function cutSessionsPlan(plan: SessionsPlan): SessionsPlan[] {
  const { faults, liars, clients, sessionsPerClient, operationsPerSession, chaosMs } = plan;
  const cuts: SessionsPlan[] = [];
  if (Object.keys(faults).length > 1) cuts.push({ ...plan, faults: {} });
  if (clients > 1) cuts.push({ ...plan, clients: 1 });
  if (sessionsPerClient > 1) cuts.push({ ...plan, sessionsPerClient: 1 });
  if (operationsPerSession > 1) cuts.push({ ...plan, operationsPerSession: 1 });
  if (chaosMs > 2000) cuts.push({ ...plan, chaosMs: Math.round(chaosMs / 2) });
  for (const liar of liars) cuts.push({ ...plan, liars: liars.filter((one) => one !== liar) });
  for (const kind of Object.keys(faults)) {
    const left = Object.entries(faults).filter(([each]) => each !== kind);
    cuts.push({ ...plan, faults: Object.fromEntries(left) });
  }
  for (const liar of liars) {
    for (const one of fewerBehaviours(liar)) {
      cuts.push({ ...plan, liars: liars.map((each) => (each === liar ? one : each)) });
    }
  }
  if (clients > 2) cuts.push({ ...plan, clients: clients - 1 });
  if (operationsPerSession > 1) {
    cuts.push({ ...plan, operationsPerSession: operationsPerSession - 1 });
  }
  return cuts;
}

function fewerBehaviours(liar: SessionLiarPlan): SessionLiarPlan[] {
  const { behaviours, ordering } = liar;
  const fewer = ordering.length > 0 ? [{ ...liar, ordering: [] }] : [];
  if (behaviours.length < 2) return fewer;
  return [
    ...fewer,
    ...behaviours.map((gone) => ({
      ...liar,
      behaviours: behaviours.filter((each) => each !== gone),
    })),
  ];
}
