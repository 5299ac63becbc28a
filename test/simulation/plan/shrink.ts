import { cutEach, fewerBehaviours } from '../kit/cuts.js';
import type { Plan } from './plan.js';

const RUNS_MAX = 300;

/** A smaller plan that still fails, and how many runs it took to find. */
export interface Shrunk<Of> {
  readonly plan: Of;
  readonly runs: number;
}

/**
 * Takes away from a failing plan whatever it fails without: liars, behaviours, faults, clients, orders,
 * banks and time, for as long as something can go. `stillFails` runs a plan.
 */
export function shrink(
  failing: Plan,
  stillFails: (plan: Plan) => boolean,
  runsMax = RUNS_MAX,
): Shrunk<Plan> {
  return shrinkBy(cutPlan, failing, stillFails, runsMax);
}

/** The same for whatever can be cut. */
export function shrinkBy<Of>(
  cuts: (plan: Of) => Of[],
  failing: Of,
  stillFails: (plan: Of) => boolean,
  runsMax = RUNS_MAX,
): Shrunk<Of> {
  let plan = failing;
  let runs = 0;
  for (;;) {
    const smaller = cuts(plan).find((candidate) => {
      if (runs >= runsMax) return false;
      runs += 1;
      return stillFails(candidate);
    });
    if (smaller === undefined) return { plan, runs };
    plan = smaller;
  }
}

/** The bold cuts first. */
export function cutPlan(plan: Plan): Plan[] {
  const { faults, clients, ordersPerClient, chaosMs, banks } = plan;
  const cuts: Plan[] = [];
  if (Object.keys(faults).length > 1) cuts.push({ ...plan, faults: {} });
  if (clients > 1) cuts.push({ ...plan, clients: 1 });
  if (ordersPerClient > 1) cuts.push({ ...plan, ordersPerClient: 1 });
  if (chaosMs > 2000) cuts.push({ ...plan, chaosMs: Math.round(chaosMs / 2) });
  cuts.push(...cutEach(plan, fewerBehaviours));
  if (clients > 2) cuts.push({ ...plan, clients: clients - 1 });
  if (ordersPerClient > 2) cuts.push({ ...plan, ordersPerClient: ordersPerClient - 1 });
  if (banks > 1) cuts.push({ ...plan, banks: banks - 1 });
  if (chaosMs > 2000) cuts.push({ ...plan, chaosMs: Math.round(chaosMs * 0.8) });
  return cuts.filter(isWhole);
}

/** All liars have somewhere to live. */
function isWhole({ liars, clients, banks }: Plan): boolean {
  const bankNames = Array.from({ length: banks }, (_, i) => `bank-${'abcdefgh'.charAt(i)}`);
  return liars.every(({ address }) => {
    if (address.startsWith('bank-')) return bankNames.includes(address);
    return !address.startsWith('client-') || Number(address.slice('client-'.length)) < clients;
  });
}
