import type { SlotKey } from '../../../src/agreement/messages.js';
import type { Digest } from '../../../src/kernel/ids.js';
import { checkBooks } from '../checkers/books.js';
import { checkBounds, checkLeftovers, type Leftover } from '../checkers/bounds.js';
import { activations, requestOf } from '../checkers/facts.js';
import type { Violation } from '../kit/violation.js';
import { DRIFT_MAX, type Narrator } from '../kit/world.js';
import { unfinished } from '../checkers/liveness.js';
import { checkProofs } from '../checkers/proofs.js';
import { checkQuiet } from '../checkers/quiet.js';
import { checkSafety } from '../checkers/safety.js';
import { Chaos } from '../faults/chaos.js';
import { bankAt, timing } from '../kit/cast.js';
import { isLiar, type Plan } from '../plan/plan.js';
import { type Cores, productionCores } from './cores.js';
import { populate } from './populate.js';
import { TransactionsWorld } from './world.js';

export interface Report {
  readonly plan: Plan;
  readonly violations: readonly Violation[];
  readonly coverage: readonly (readonly [string, number])[];
  /** The same for the same plan and code; another for another course of events. */
  readonly fingerprint: number;
  readonly steps: number;
}

export interface SimulateOptions {
  readonly cores?: Partial<Cores>;
  readonly narrate?: Narrator;
  /** Stops after so many events and checks only what must hold at any moment. */
  readonly steps?: number;
}

/** All must have finished so long after the faults have ended. */
const LIVENESS_MS = 300_000;
/** For last acknowledgements and the auditor's questions. */
const SETTLING_MS = 20_000;
const AUDIT_MS = 1000;
const AUDITS_MAX = 10;
/** An idle cluster is watched for so long. */
const IDLE_MS = 60_000;
/** Lying clients are done after so many such times. */
const IDLE_TIMES_MAX = 10;
/** Between two looks at how much the nodes hold. */
const BOUNDS_PERIOD_MS = 1000;

/** Runs a plan: faults first, then a time without, then the checkers. */
export function simulate(plan: Plan, options: SimulateOptions = {}): Report {
  const { narrate, steps: stepsMax = plan.stepsMax } = options;
  const world = new TransactionsWorld(plan, narrate);
  populate(world, { ...productionCores, ...options.cores });
  const chaos = new Chaos(world);
  chaos.repeat('disk-damage', (random) => world.disks.damageSome(random), 3);
  const excesses = watchBounds(world);
  world.engine.run({ untilMs: plan.chaosMs, stepsMax });
  chaos.end();
  const untilMs = plan.chaosMs + LIVENESS_MS;
  const isFinished = () => openIn(world).length === 0;
  const finished = world.engine.run({ untilMs, stepsMax, done: isFinished });
  const atTheEnd = options.steps === undefined ? closing(world, finished) : [];
  const violations = [...always(world), ...excesses, ...atTheEnd];
  countRun(world);
  const { coverage, engine } = world;
  const { fingerprint, steps } = engine;
  return { plan, violations, coverage: coverage.entries, fingerprint, steps };
}

/** What must hold once the faults are over: that all finishes, and how it stands then. */
function closing(world: TransactionsWorld, finished: boolean): readonly Violation[] {
  return finished ? settle(world) : [...openIn(world), ...tooLong(world)];
}

function openIn(world: TransactionsWorld): readonly Violation[] {
  const { plan, witness } = world;
  const honest = Array.from({ length: plan.clients }, (_, index) => `client-${index}`).filter(
    (address) => !isLiar(plan, address),
  );
  return unfinished({
    facts: witness,
    expectedRequests: honest.length * plan.ordersPerClient,
    inDoubt: witness.ledger.inDoubt,
    isCorrect: (address) => world.isCorrect(address),
    isForgotten: ({ digest }) => isForgotten(world, digest),
  });
}

/** Whether some correct replica has forgotten what the request became. */
function isForgotten({ witness, forgotten }: TransactionsWorld, request: Digest): boolean {
  return [...forgotten].some((slot) =>
    witness.decisions
      .get(slot as SlotKey)
      ?.some((decision) => requestOf(witness, decision) === request),
  );
}

function tooLong({ engine, plan }: TransactionsWorld): readonly Violation[] {
  if (engine.steps < plan.stepsMax) return [];
  return [{ checker: 'everything-finishes', what: `${plan.stepsMax} events were not enough` }];
}

/** Everything has finished: what holds then. */
function settle(world: TransactionsWorld): readonly Violation[] {
  const { engine, plan, auditor, opening, witness, cast, coverage } = world;
  coverage.atLeast('longest ms until all had finished', engine.nowMs - plan.chaosMs);
  audit(world);
  const isCorrect = (address: string) => world.isCorrect(address);
  const correctCoordinators = cast.cluster.coordinators
    .map(({ name }) => name)
    .filter((name) => isCorrect(name));
  const diskOf = (address: string) =>
    world.processes.find((process) => process.address === address)?.disk;
  const balanceOf = (bank: string, account: string) => auditor.balanceOf(bank, account);
  const leftovers = () => leftoversOf(world, correctCoordinators);
  const before = new Set(leftovers().map(nameOf));
  return [
    ...openIn(world),
    ...checkBooks({ facts: witness, opening, balanceOf, isCorrect }),
    ...checkProofs({
      facts: witness,
      resilience: cast.cluster.resilience,
      correctCoordinators,
      isRemembered: (slot) => !world.forgotten.has(slot),
      storedProof: (address, slot) => diskOf(address)?.read(`decided/${slot}`),
      read: (bytes) => world.reader.proof(bytes),
    }),
    // Last: liars may still do something meanwhile.
    ...idle(world),
    // A replica may vote, at its own time, a moment before it hears that all is decided.
    ...checkLeftovers(leftovers().filter((one) => before.has(nameOf(one)))),
  ];
}

const nameOf = ({ address, key }: Leftover): string => `${address} ${key}`;

/** What the disks still hold of slots that are decided. */
function leftoversOf(world: TransactionsWorld, addresses: readonly string[]): Leftover[] {
  return world.processes
    .filter(({ address }) => addresses.includes(address))
    .flatMap(({ address, disk }) =>
      disk
        .load()
        .filter(({ key }) => isLeftover(key, world.witness))
        .map(({ key }) => ({ address, key })),
    );
}

/** Asks for all balances at a time when nothing moves; lying clients may go on for a while. */
function audit(world: TransactionsWorld): void {
  const { engine, plan, opening, auditor, witness } = world;
  const stepsMax = engine.steps + plan.stepsMax;
  for (let round = 0; round < AUDITS_MAX; round += 1) {
    engine.run({ untilMs: engine.nowMs + SETTLING_MS, stepsMax });
    const { size } = witness.decisions;
    for (const [bank, accounts] of opening) {
      for (const { account } of accounts) auditor.ask(bank, account);
    }
    engine.run({ untilMs: engine.nowMs + AUDIT_MS, stepsMax });
    if (witness.decisions.size === size && openIn(world).length === 0) return;
  }
}

/**
 * With nothing to do, and so nothing to wait for, nobody is suspected. What lying clients still make then is
 * something to do, so a time in which something was decided is not looked at, but the next one.
 */
function idle({ engine, plan, witness }: TransactionsWorld): readonly Violation[] {
  const stepsMax = engine.steps + plan.stepsMax;
  for (let time = 0; time < IDLE_TIMES_MAX; time += 1) {
    const { highestView, decisions } = witness;
    const { size } = decisions;
    engine.run({ untilMs: engine.nowMs + IDLE_MS, stepsMax });
    if (decisions.size === size) return checkQuiet(highestView, witness.highestView);
  }
  return [{ checker: 'quiet', what: `something was decided in each of ${IDLE_TIMES_MAX} minutes` }];
}

/** A vote or lock in a slot that is decided; whoever holds it should have learnt so. */
function isLeftover(key: string, { decisions }: TransactionsWorld['witness']): boolean {
  const [kind, slot] = key.split('/', 2) as [string, SlotKey];
  return (kind === 'voted' || kind === 'lock') && decisions.has(slot);
}

/** Looks again and again at what every correct node holds. Keeps the first excess of each run. */
function watchBounds(world: TransactionsWorld): readonly Violation[] {
  const found: Violation[] = [];
  const { engine, processes, witness, plan } = world;
  const lyingBanks = plan.liars.filter(({ address }) => bankAt(address)).length;
  const look = (): void => {
    const loads = processes
      .filter(({ address }) => world.isCorrect(address))
      .map(({ address, life, disk }) => {
        const { timers, outputs } = life?.load ?? { timers: 0, outputs: 0 };
        return { address, timers, outputs, records: disk.recordCount };
      });
    for (const { timers, records, outputs } of loads) {
      world.coverage.atLeast('highest timers of a node', timers);
      world.coverage.atLeast('highest records of a node', records);
      world.coverage.atLeast('highest outputs that waited', outputs);
    }
    if (found.length === 0) {
      found.push(...checkBounds(loads, witness.requests.size, lyingBanks));
    }
    engine.after(BOUNDS_PERIOD_MS, look);
  };
  engine.after(BOUNDS_PERIOD_MS, look);
  return found;
}

/** What holds at any moment. */
function always({ witness, cast, failures, plan }: TransactionsWorld): readonly Violation[] {
  return [
    ...failures.map(({ address, error }) => ({
      checker: 'no-failures',
      what: `${address}: ${error instanceof Error ? error.message : String(error)}`,
    })),
    ...checkSafety({
      facts: witness,
      resilience: cast.cluster.resilience,
      isCorrect: (address) => !isLiar(plan, address),
      timing,
      clockRateMax: 1 + DRIFT_MAX,
    }),
  ];
}

/** Of what liars brought up again: what was decided once, for all that. */
function countRevivals({ coverage, witness, revivals }: TransactionsWorld): void {
  const refused = revivals.filter((tid) => {
    const made = activations(witness).find((one) => one.tid === tid)?.decision.slot;
    const slots = [made, `o:${tid}` as SlotKey];
    return slots.every((slot) => !slot || (witness.decisions.get(slot)?.length ?? 0) < 2);
  });
  coverage.count('revivals attempted', revivals.length);
  coverage.count('revivals refused', refused.length);
}

function countRun(world: TransactionsWorld): void {
  const { coverage, witness, plan, engine } = world;
  coverage.count('views opened', witness.highestView);
  coverage.atLeast('highest view', witness.highestView);
  coverage.count('runs with a view change', witness.highestView > 0 ? 1 : 0);
  coverage.count('runs with twins', plan.twins.length > 0 ? 1 : 0);
  coverage.count('events', engine.steps);
  countRevivals(world);
  for (const decision of [...witness.decisions.values()].flat()) {
    const { result, digest } = decision;
    const value = witness.values.get(digest);
    const reason = value?.kind === 'outcome' ? (value.reason ?? '') : '';
    coverage.count(
      result.kind === 'activation'
        ? 'decided activation'
        : `decided ${result.outcome} ${reason}`.trim(),
    );
  }
}
