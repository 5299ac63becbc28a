import {
  clientBehaviours,
  coordinatorBehaviours,
  initiatorBehaviours,
  participantBehaviours,
} from '../byzantine/library.js';
import { transactionFaults } from '../faults/fault-kinds.js';
import type { Report, RunOptions } from '../kit/trial.js';
import {
  costlyLies,
  instanceLies,
  primaryLies,
  proposerLies,
  rareLies,
  reporterLies,
  serviceLies,
  twoStepLies,
} from '../ordering/byzantine/library.js';
import { cutOrderingPlan } from '../ordering/cuts.js';
import { drawOrderingPlan } from '../ordering/draw-plan.js';
import { orderingFaults } from '../ordering/fault-kinds.js';
import type { OrderingPlan } from '../ordering/plan.js';
import { readOrderingPlan } from '../ordering/read-plan.js';
import { simulateOrdering } from '../ordering/simulate.js';
import { drawPlan, type Scenario, scenarios } from '../plan/draw-plan.js';
import { readPlan } from '../plan/read-plan.js';
import { cutPlan } from '../plan/shrink.js';
import { homeLies, peerLies } from '../sessions/byzantine/library.js';
import { cutSessionsPlan } from '../sessions/cuts.js';
import { drawSessionsPlan } from '../sessions/draw-plan.js';
import type { SessionsPlan } from '../sessions/plan.js';
import { readSessionsPlan } from '../sessions/read-plan.js';
import { simulateSessions } from '../sessions/simulate.js';
import { simulate } from './simulate.js';

/** What a seed, or a plan, is run in. */
export interface Choice {
  readonly scenario: Scenario | 'ordering' | 'sessions';
  /** Only of `ordering` and `sessions`; drawn by the seed where it is not given. */
  readonly engine?: OrderingPlan['engine'];
}

export const allScenarios = [...scenarios, 'ordering', 'sessions'] as const;

/** A plan, and how it is run and made smaller. */
export interface Course {
  readonly plan: object;
  run(options?: RunOptions): Report;
  cuts(): Course[];
}

/** What a group of figures in the coverage is called, and what should be in it. */
export interface CoverageGroup {
  readonly title: string;
  readonly prefix: string;
  readonly names: readonly string[];
}

export function drawCourse({ scenario, engine }: Choice, seed: number): Course {
  switch (scenario) {
    case 'ordering':
      return ofOrdering(drawOrderingPlan(seed, engine));
    case 'sessions':
      if (engine === 'ezbft') throw new RangeError('sessions do not run on ezbft');
      return ofSessions(drawSessionsPlan(seed, engine));
    default:
      return courseOf(drawPlan(seed, scenario), simulate, cutPlan);
  }
}

export function readCourse({ scenario }: Choice, json: string): Course {
  switch (scenario) {
    case 'ordering':
      return ofOrdering(readOrderingPlan(json));
    case 'sessions':
      return ofSessions(readSessionsPlan(json));
    default:
      return courseOf(readPlan(json), simulate, cutPlan);
  }
}

export function coverageGroups({ scenario, engine }: Choice): readonly CoverageGroup[] {
  switch (scenario) {
    case 'ordering':
      return engine === 'ezbft' ? instanceGroups : orderingGroups;
    case 'sessions':
      return sessionsGroups;
    default:
      return transactionGroups;
  }
}

function ofOrdering(plan: OrderingPlan): Course {
  return courseOf(plan, simulateOrdering, cutOrderingPlan);
}

function ofSessions(plan: SessionsPlan): Course {
  return courseOf(plan, simulateSessions, cutSessionsPlan);
}

function courseOf<Plan extends object>(
  plan: Plan,
  simulatePlan: (plan: Plan, options?: RunOptions) => Report,
  cut: (plan: Plan) => Plan[],
): Course {
  return {
    plan,
    run: (options) => simulatePlan(plan, options),
    cuts: () => cut(plan).map((one) => courseOf(one, simulatePlan, cut)),
  };
}

const writes = ['write lost', 'write torn', 'write unacknowledged'];
const liars = (title: string, lies: object): CoverageGroup => ({
  title,
  prefix: 'liar ',
  names: Object.keys(lies),
});

const transactionGroups: readonly CoverageGroup[] = [
  { title: 'Faults', prefix: 'fault ', names: [...transactionFaults, ...writes] },
  liars('Lying coordinators', coordinatorBehaviours),
  liars('Lying initiators', initiatorBehaviours),
  liars('Lying banks', participantBehaviours),
  liars('Lying clients', clientBehaviours),
];

const commonGroups: readonly CoverageGroup[] = [
  liars('Lying primaries and voters', primaryLies),
  liars('Other lies', serviceLies),
  liars('Lies of two steps, and of other views', { ...twoStepLies, ...rareLies }),
];

const orderingGroups: readonly CoverageGroup[] = [
  { title: 'Faults', prefix: 'fault ', names: [...orderingFaults, ...writes] },
  liars('Lying proposers', proposerLies),
  liars('Lying reporters', reporterLies),
  ...commonGroups,
  liars('Costly lies', costlyLies),
];

const instanceGroups: readonly CoverageGroup[] = [
  { title: 'Faults', prefix: 'fault ', names: [...orderingFaults, ...writes] },
  liars('Lying leaders and repliers', instanceLies),
  ...commonGroups,
];

const sessionsGroups: readonly CoverageGroup[] = [
  { title: 'Faults', prefix: 'fault ', names: [...orderingFaults, ...writes] },
  liars('Lying homes', homeLies),
  liars('Lying peers', peerLies),
];
