import { AntipaxosEngine } from '../../../src/ordering/core/antipaxos/engine.js';
import { watchLoads } from '../kit/loads.js';
import { outOfSteps, type Report, type RunOptions, runTrial, type Trial } from '../kit/trial.js';
import type { Violation } from '../kit/violation.js';
import { startChaos } from './chaos.js';
import { checkCycles, checkDelivery, checkLoad } from './checkers.js';
import { Clients } from './clients.js';
import { type EngineFactory, productionEngines } from './engines.js';
import { Measure } from './measure.js';
import type { OrderingPlan } from './plan.js';
import { isFaulty } from './replica-plan.js';
import { checkRest, countPlan, notBack } from './replica-trial.js';
import { OrderingWorld } from './world.js';

export interface OrderingSimulation extends RunOptions {
  readonly engine?: EngineFactory;
}

/** Without load of its own the cluster is watched for so long, while liars go on. */
const IDLE_MS = 4000;
/** What honest replicas may still have to say to each other then. */
const SETTLING_MS = 120_000;

/** Runs a plan of the ordering engines. */
export function simulateOrdering(
  plan: OrderingPlan,
  options: OrderingSimulation = {},
): Report<OrderingPlan> {
  const factory = options.engine ?? productionEngines[plan.engine];
  const world = new OrderingWorld(plan, factory, options.narrate);
  const clients = new Clients(world);
  const chaos = startChaos(world);
  const excluded = new Set<number>();
  const excesses = watchLoads(world, {
    of: 'replica',
    check: (loads) => checkLoad(plan, loads),
    onLook: () => countExclusions(world, excluded),
  });
  const measure = plan.measuring ? new Measure(world) : undefined;
  const trial: Trial = {
    onCalm: () => clients.last(),
    isFinished: () =>
      clients.open.length === 0 && world.lost.length === 0 && measure?.isDone !== false,
    settle: () => settle(world),
    unfinished: () => unfinished(world, clients),
    always: () => [...safety(world), ...excesses, ...(measure?.check() ?? [])],
    count: () => countRun(world),
  };
  return runTrial(world, chaos, trial, options.steps);
}

function unfinished(world: OrderingWorld, { open }: Clients): Violation[] {
  const places = world.cores.map(({ replica, core }) => `${replica} at ${core.position}`);
  const examples = open.slice(0, 3).join(', ');
  const all = `${open.length} requests are not applied everywhere: ${examples}`;
  const what = `${all}; ${places.join(', ')}`;
  return [
    ...(open.length > 0 ? [{ checker: 'everything-delivered', what }] : []),
    ...notBack(world),
    ...outOfSteps(world, 'everything-delivered'),
  ];
}

/** Everything was applied: then there is nothing to do, and nothing is done. */
function settle(world: OrderingWorld): readonly Violation[] {
  const { engine, coverage, plan, witness } = world;
  coverage.atLeast('longest ms until all was applied', engine.nowMs - plan.chaosMs);
  const run = (durationMs: number): void => {
    engine.run({ untilMs: engine.nowMs + durationMs, stepsMax: engine.steps + plan.stepsMax });
  };
  run(IDLE_MS);
  const before = witness.highestCycle;
  const loaded = new Set(witness.log().map(({ position }) => position)).size;
  run(IDLE_MS);
  const cycles = witness.highestCycle - before;
  const loadedSince = new Set(witness.log().map(({ position }) => position)).size - loaded;
  coverage.atLeast('highest empty cycles that liars caused', cycles - loadedSince);
  return checkRest(world, SETTLING_MS);
}

/** As the replica that is furthest has it. */
function countExclusions({ cores, coverage }: OrderingWorld, before: Set<number>): void {
  const [furthest] = cores
    .map(({ core }) => core)
    .filter((core) => core instanceof AntipaxosEngine)
    .sort((a, b) => b.position - a.position);
  if (!furthest) return;
  const now = new Set<number>(furthest.metrics.excluded);
  for (const replica of now) if (!before.has(replica)) coverage.count('exclusions');
  for (const replica of before) if (!now.has(replica)) coverage.count('readmissions');
  before.clear();
  for (const replica of now) before.add(replica);
}

function safety({ witness, plan, cast }: OrderingWorld): readonly Violation[] {
  const isCorrect = (replica: number): boolean => !isFaulty(plan, replica);
  return [
    ...witness.contradictions,
    ...checkCycles(witness, cast.cluster.resilience, isCorrect),
    ...(plan.engine === 'antipaxos' ? checkDelivery(witness, witness.log()) : []),
  ];
}

function countRun(world: OrderingWorld): void {
  const { coverage, witness, plan } = world;
  countPlan(world);
  if (plan.twins.length > 0) coverage.count('runs with twins');
  if (witness.highestView > 0) coverage.count('runs with a view change');
  coverage.count('views opened', witness.highestView);
  coverage.count('requests ordered', witness.ordered);
  for (const records of witness.decided.values()) {
    const [one] = records.values();
    const isFast = [...records.values()].some(({ reports }) => reports !== undefined);
    coverage.count(isFast ? 'cycles with a fast decision' : 'slow cycles');
    if (records.size > 1) coverage.count('cycles decided fast here and slowly there');
    coverage.count('nulls', one?.vector.filter((digest) => digest === null).length ?? 0);
  }
}
