import { exclusionStrategies } from '../../../src/ordering/core/antipaxos/state.js';
import { orderingDefaults } from '../../../src/ordering/core/engine.js';
import type { OrderingPlan } from './plan.js';

/** Two writes hold an output back, the one under way and its own; each takes up to 1 ms (`Disk.syncMs`). */
const STEP_MS = 2;
/** As `standing.ts` has them, and again here: the promise is of these numbers. */
const SLOW_MAX = 16;
const SLOW_WINDOW = 64;
/** `f` victims that wait for one another make the usual delay so many delays long (decision 11). */
const DELAYS_MAX = 8.4;
const TIMEOUT_DELAYS = 6.25;
const ASK_PART = 1 / 12;

/** What the replicas have measured themselves, at the worst so far. */
export interface Measured {
  readonly delayMs: number;
  readonly timeoutMs: number;
  readonly cycles: number;
}

/** What is promised of lone requests (`docs/faults.md`, "What one liar can cost"). */
export interface Promised {
  /** A request may take so long for ever. */
  readonly usualMs: number;
  /** So many may take longer than that. */
  readonly costlyMax: number;
  /** None takes longer than this. */
  readonly worstMs: number;
  /** No liar makes the replicas more patient than this. */
  readonly timeoutMs: number;
}

/** One message with what has to be on disk before it. */
const hopMs = ({ measuring }: OrderingPlan): number => (measuring?.delayMaxMs ?? 0) + STEP_MS;

/** Antipaxos. A cycle: all have started after one hop, have reported after two and decide after three. */
export function promisedByAntipaxos(plan: OrderingPlan, measured: Measured): Promised {
  const hop = hopMs(plan);
  const { timeoutMs: leastMs } = exclusionStrategies[plan.exclusion];
  const { delayMs, timeoutMs } = measured;
  const honestMs = 3 * hop + STEP_MS;
  const askMs = ASK_PART * timeoutMs;
  // Nobody is left out for so much, in each of the two phases.
  const slowMs = Math.max(Math.min(Math.max(askMs + 5 * delayMs, leastMs / 4), timeoutMs), 0);
  const handedOnMs = askMs + 4 * hop;
  const bearableMs = Math.max(slowMs, handedOnMs);
  const decisionMs = 5 * hop + STEP_MS;
  const commandMs = commandAllowedMs(measured, leastMs);
  // With two left out each cycle is the Decision Module's.
  const decidedMs = plan.f > 1 ? decisionMs + commandMs : 0;
  const usual = honestMs + 2 * bearableMs + decidedMs;
  const worst = honestMs + 2 * (timeoutMs + handedOnMs) + decisionMs + primariesMs(plan);
  return {
    usualMs: lone(plan, usual),
    costlyMax: plan.liars.length * costlyOfOne(plan, measured.cycles),
    worstMs: lone(plan, worst),
    timeoutMs: Math.max(leastMs, TIMEOUT_DELAYS * DELAYS_MAX * hop),
  };
}

/** The usual wait for a primary of the Decision Module, above which it is replaced. */
function commandAllowedMs({ delayMs, timeoutMs }: Measured, leastMs: number): number {
  return Math.min(Math.max(ASK_PART * timeoutMs + 7 * delayMs, leastMs / 4), timeoutMs);
}

/**
 * With a primary: a request goes to it, and then through three phases at the most. The others count what it makes a
 * request wait from when they know of it: so long it may wait besides, for ever.
 */
export function promisedByPbft(plan: OrderingPlan): Promised {
  const phasesMs = 5 * hopMs(plan);
  const { suspectAfterMs } = orderingDefaults;
  return {
    usualMs: lone(plan, phasesMs + saidMs + suspectAfterMs / 4),
    costlyMax: plan.liars.length * slowPlaces,
    worstMs: lone(plan, phasesMs + saidAgainMs + primariesMs(plan)),
    timeoutMs: Number.POSITIVE_INFINITY,
  };
}

/** A home says to all what is older than half the time between, each time: so old a request is when the others know. */
const saidMs = 1.5 * orderingDefaults.resendAfterMs;

/**
 * Only its home and the primary know of a request until its home says it to all: the second time at the latest, as it
 * may be too young the first time. So long the others suspect nobody for its sake.
 */
const saidAgainMs = 2 * orderingDefaults.resendAfterMs;

/** Places that a primary may make wait for long before it is replaced: those that its pace is taken from. */
const slowPlaces = 16 + 2;

/** Primaries that lie, one after the other: each new one may use its time for the view and for a request. */
function primariesMs(plan: OrderingPlan): number {
  let sum = orderingDefaults.suspectAfterMs;
  for (let failures = 1; failures < plan.f; failures += 1) {
    sum += 2 * orderingDefaults.suspectAfterMs * 2 ** failures;
  }
  // Where a view's start is proved, that takes two hops more.
  return sum + plan.f * (plan.engine === 'fab' ? 6 : 4) * hopMs(plan);
}

/** With one cycle at a time it may have to wait for another one, empty, to end. */
function lone(plan: OrderingPlan, cycleMs: number): number {
  const batchMs = Math.max(plan.batchDelayMs, orderingDefaults.idleDelayMs);
  return batchMs + (plan.pipelineDepth === 1 ? 2 : 1) * cycleMs;
}

/**
 * Requests that one liar may make slow. While it takes part: fewer than a quarter of the cycles, as often as it
 * likes; then those in which it is noticed, the one that says so, and one that waits for the cycles on the way
 * out. Each time it is left out for longer; and as a primary it has the places that its pace is taken from.
 */
function costlyOfOne({ pipelineDepth, exclusion }: OrderingPlan, cycles: number): number {
  const { missedMax } = exclusionStrategies[exclusion];
  const noticed = Math.max(SLOW_MAX, missedMax) + 2;
  let times = 0;
  for (let out = 0; out <= cycles; times += 1) out += pipelineDepth * (2 ** times - 1);
  const borne = SLOW_MAX * Math.ceil(cycles / SLOW_WINDOW);
  return borne + times * noticed + slowPlaces;
}
