import { AntipaxosEngine } from '../../../src/ordering/core/antipaxos/engine.js';
import type { Violation } from '../kit/violation.js';
import type { Narrator } from '../kit/world.js';
import { startChaos } from './chaos.js';
import { checkCycles, checkDelivery, checkLoad } from './checkers.js';
import { Clients } from './clients.js';
import { type EngineFactory, productionEngines } from './engines.js';
import { Measure } from './measure.js';
import type { OrderingPlan } from './plan.js';
import { isFaulty } from './replica-plan.js';
import { OrderingWorld } from './world.js';

export interface OrderingReport {
  readonly plan: OrderingPlan;
  readonly violations: readonly Violation[];
  readonly coverage: readonly (readonly [string, number])[];
  /** The same for the same plan and code; another for another course of events. */
  readonly fingerprint: number;
  readonly steps: number;
}

export interface OrderingSimulation {
  readonly engine?: EngineFactory;
  readonly narrate?: Narrator;
  /** Stops after so many events and checks only what must hold at any moment. */
  readonly steps?: number;
}

/** All must have been applied so long after the faults have ended. */
const LIVENESS_MS = 300_000;
/** Without load of its own the cluster is watched for so long, while liars go on. */
const IDLE_MS = 4000;
/** What honest replicas may still have to say to each other then. */
const SETTLING_MS = 120_000;
const QUIET_MS = 60_000;
const LOOK_PERIOD_MS = 1000;

/** Runs a plan: faults first, then a time without, then the checkers. */
export function simulateOrdering(
  plan: OrderingPlan,
  options: OrderingSimulation = {},
): OrderingReport {
  const { narrate, steps: stepsMax = plan.stepsMax } = options;
  const world = new OrderingWorld(plan, options.engine ?? productionEngines[plan.engine], narrate);
  const clients = new Clients(world);
  const chaos = startChaos(world);
  const excesses = watch(world);
  const measure = plan.measuring ? new Measure(world) : undefined;
  world.engine.run({ untilMs: plan.chaosMs, stepsMax });
  chaos.end();
  clients.last();
  const done = () =>
    clients.open.length === 0 && world.lost.length === 0 && measure?.isDone !== false;
  const finished = world.engine.run({ untilMs: plan.chaosMs + LIVENESS_MS, stepsMax, done });
  const atTheEnd =
    options.steps === undefined ? (finished ? settle(world) : unfinished(world, clients)) : [];
  const costs = measure?.check() ?? [];
  const violations = [...always(world), ...excesses, ...costs, ...atTheEnd];
  countRun(world);
  const { coverage, engine } = world;
  const { fingerprint, steps } = engine;
  return { plan, violations, coverage: coverage.entries, fingerprint, steps };
}

function unfinished({ engine, plan, cores, lost }: OrderingWorld, { open }: Clients): Violation[] {
  const places = cores.map(({ replica, core }) => `${replica} at ${core.position}`).join(', ');
  const examples = open.slice(0, 3).join(', ');
  const what = `${open.length} requests are not applied everywhere: ${examples}; ${places}`;
  const found = open.length > 0 ? [{ checker: 'everything-delivered', what }] : [];
  for (const address of lost) {
    found.push({ checker: 'lost-comes-back', what: `${address} does not take part again` });
  }
  if (engine.steps >= plan.stepsMax) {
    found.push({
      checker: 'everything-delivered',
      what: `${plan.stepsMax} events were not enough`,
    });
  }
  return found;
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
  const loaded = new Set(witness.log.map(({ position }) => position)).size;
  run(IDLE_MS);
  const cycles = witness.highestCycle - before;
  const loadedSince = new Set(witness.log.map(({ position }) => position)).size - loaded;
  coverage.atLeast('highest empty cycles that liars caused', cycles - loadedSince);
  world.silenceLiars();
  run(SETTLING_MS);
  const { sent } = witness;
  run(QUIET_MS);
  if (witness.sent === sent) return [];
  const what = `${witness.sent - sent} messages in ${QUIET_MS} ms without anything to do`;
  return [{ checker: 'quiet', what }];
}

/** Looks again and again at what every correct replica holds. Keeps the first excess of each run. */
function watch(world: OrderingWorld): readonly Violation[] {
  const found: Violation[] = [];
  const { engine, processes, coverage, plan } = world;
  const excluded = new Set<number>();
  const look = (): void => {
    const loads = processes
      .filter(({ address }) => world.isCorrect(address))
      .map(({ address, life, disk }) => {
        const { timers, outputs } = life?.load ?? { timers: 0, outputs: 0 };
        return { address, timers, outputs, records: disk.recordCount };
      });
    for (const { timers, records, outputs } of loads) {
      coverage.atLeast('highest timers of a replica', timers);
      coverage.atLeast('highest records of a replica', records);
      coverage.atLeast('highest outputs that waited', outputs);
    }
    if (found.length === 0) found.push(...checkLoad(plan, loads));
    countExclusions(world, excluded);
    engine.after(LOOK_PERIOD_MS, look);
  };
  engine.after(LOOK_PERIOD_MS, look);
  return found;
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

/** What holds at any moment. */
function always({ witness, failures, plan, cast }: OrderingWorld): readonly Violation[] {
  const isCorrect = (replica: number): boolean => !isFaulty(plan, replica);
  return [
    ...failures.map(({ address, error }) => ({
      checker: 'no-failures',
      what: `${address}: ${error instanceof Error ? error.message : String(error)}`,
    })),
    ...witness.contradictions,
    ...checkCycles(witness, cast.cluster.resilience, isCorrect),
    ...(plan.engine === 'antipaxos' ? checkDelivery(witness) : []),
  ];
}

function countRun({ coverage, witness, plan, engine }: OrderingWorld): void {
  coverage.count(`runs of ${plan.engine}`);
  coverage.count(`runs with n = ${plan.n}`);
  if (plan.twins.length > 0) coverage.count('runs with twins');
  if (witness.highestView > 0) coverage.count('runs with a view change');
  coverage.count('views opened', witness.highestView);
  coverage.count('requests ordered', witness.log.length);
  coverage.count('events', engine.steps);
  for (const records of witness.decided.values()) {
    const [one] = records.values();
    const isFast = [...records.values()].some(({ reports }) => reports !== undefined);
    coverage.count(isFast ? 'cycles with a fast decision' : 'slow cycles');
    if (records.size > 1) coverage.count('cycles decided fast here and slowly there');
    coverage.count('nulls', one?.vector.filter((digest) => digest === null).length ?? 0);
  }
}
