import type { SlotKey } from '../../../src/agreement/messages.js';
import type { Digest } from '../../../src/kernel/ids.js';
import { checkBooks } from '../checkers/books.js';
import { checkBounds, checkLeftovers, type Leftover } from '../checkers/bounds.js';
import { activations, requestOf } from '../checkers/facts.js';
import { unfinished } from '../checkers/liveness.js';
import { checkProofs } from '../checkers/proofs.js';
import { checkQuiet } from '../checkers/quiet.js';
import { checkSafety } from '../checkers/safety.js';
import { Chaos } from '../faults/chaos.js';
import { bankAt, timing } from '../kit/cast.js';
import { watchLoads } from '../kit/loads.js';
import { outOfSteps, type Report, type RunOptions, runTrial, type Trial } from '../kit/trial.js';
import type { Violation } from '../kit/violation.js';
import { DRIFT_MAX } from '../kit/world.js';
import { isLiar, type Plan } from '../plan/plan.js';
import { type Cores, productionCores } from './cores.js';
import { populate } from './populate.js';
import { TransactionsWorld } from './world.js';

export interface SimulateOptions extends RunOptions {
  readonly cores?: Partial<Cores>;
}

/** For last acknowledgements and the auditor's questions. */
const SETTLING_MS = 20_000;
const AUDIT_MS = 1000;
const AUDITS_MAX = 10;
/** An idle cluster is watched for so long. */
const IDLE_MS = 60_000;
/** Lying clients are done after so many such times. */
const IDLE_TIMES_MAX = 10;

/** Runs a plan of transactions. */
export function simulate(plan: Plan, options: SimulateOptions = {}): Report<Plan> {
  const world = new TransactionsWorld(plan, options.narrate);
  populate(world, { ...productionCores, ...options.cores });
  const chaos = new Chaos(world);
  chaos.repeat('disk-damage', (random) => world.disks.damageSome(random), 3);
  const lyingBanks = plan.liars.filter(({ address }) => bankAt(address)).length;
  const excesses = watchLoads(world, {
    of: 'node',
    check: (loads) => checkBounds(loads, world.witness.requests.size, lyingBanks),
  });
  const trial: Trial = {
    isFinished: () => openIn(world).length === 0,
    settle: () => settle(world),
    unfinished: () => [...openIn(world), ...outOfSteps(world, 'everything-finishes')],
    always: () => [...safety(world), ...excesses],
    count: () => countRun(world),
  };
  return runTrial(world, chaos, trial, options.steps);
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
function idle({ engine, plan, witness, coverage }: TransactionsWorld): readonly Violation[] {
  const stepsMax = engine.steps + plan.stepsMax;
  for (let time = 0; time < IDLE_TIMES_MAX; time += 1) {
    const { highestView, decisions } = witness;
    const { size } = decisions;
    const left = coverage.of('event view-left-for-lost');
    engine.run({ untilMs: engine.nowMs + IDLE_MS, stepsMax });
    if (decisions.size === size) {
      return checkQuiet(
        highestView,
        witness.highestView,
        coverage.of('event view-left-for-lost') - left,
      );
    }
  }
  return [{ checker: 'quiet', what: `something was decided in each of ${IDLE_TIMES_MAX} minutes` }];
}

/** A vote or lock in a slot that is decided; whoever holds it should have learnt so. */
function isLeftover(key: string, { decisions }: TransactionsWorld['witness']): boolean {
  const [kind, slot] = key.split('/', 2) as [string, SlotKey];
  return (kind === 'voted' || kind === 'lock') && decisions.has(slot);
}

function safety({ witness, cast, plan }: TransactionsWorld): readonly Violation[] {
  return checkSafety({
    facts: witness,
    resilience: cast.cluster.resilience,
    isCorrect: (address) => !isLiar(plan, address),
    timing,
    clockRateMax: 1 + DRIFT_MAX,
  });
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
  const { coverage, witness, plan } = world;
  coverage.count('views opened', witness.highestView);
  coverage.atLeast('highest view', witness.highestView);
  coverage.count('runs with a view change', witness.highestView > 0 ? 1 : 0);
  coverage.count('runs with twins', plan.twins.length > 0 ? 1 : 0);
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
