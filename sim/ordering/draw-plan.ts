import { Random } from '../engine/random.js';
import { type OrderingLie, orderingLies } from './byzantine/library.js';
import { orderingFaults } from './fault-kinds.js';
import type { OrderingLiarPlan, OrderingPlan } from './plan.js';

const shapes = [
  { n: 4, f: 1, weight: 14 },
  { n: 5, f: 1, weight: 1 },
  { n: 7, f: 2, weight: 5 },
] as const;

const lies = Object.keys(orderingLies) as OrderingLie[];

/** A mixture of faults and liars, up to what must be tolerated; each seed another. */
export function drawOrderingPlan(seed: number, engine?: OrderingPlan['engine']): OrderingPlan {
  const random = new Random(`plan ${seed} ordering`);
  const { n, f } = random.pick(
    shapes.flatMap((one) => Array.from({ length: one.weight }, () => one)),
  );
  const drawn = random.chance(0.85) ? 'antipaxos' : 'pbft';
  const withTwins = random.chance(0.12);
  const liars = random.chance(0.85) ? drawLiars(random, seed, n, f) : [];
  const twins = withTwins ? liars.slice(-1).map(({ replica }) => replica) : [];
  return {
    scenario: 'ordering',
    seed,
    engine: engine ?? drawn,
    n,
    f,
    requests: 5 + random.int(20),
    chaosMs: Math.round(random.between(2000, 20_000)),
    faults: random.chance(0.9) ? drawFaults(random) : {},
    liars: liars.filter(({ replica }) => !twins.includes(replica)),
    twins,
    exclusion: random.pick(['S1', 'S2', 'S3'] as const),
    pipelineDepth: random.pick([1, 2, 4, 10, 10]),
    checkpointInterval: random.pick([2, 4, 8, 16, 64]),
    batchDelayMs: random.pick([0, 5]),
    batchRequestsMax: random.pick([1, 3, 1024]),
    stateBytes: random.pick([0, 0, 1000, 300_000]),
    stepsMax: 600_000,
  };
}

/** Each seed has some kinds on and the others off, so that none hides another. */
function drawFaults(random: Random): OrderingPlan['faults'] {
  const on = random.some(orderingFaults, random.between(0.1, 0.8));
  return Object.fromEntries(on.map((kind) => [kind, random.between(0.1, 1)]));
}

/** The behaviours take turns, so that a few dozen seeds show each of them. */
function drawLiars(random: Random, seed: number, n: number, f: number): OrderingLiarPlan[] {
  const replicas = Array.from({ length: n }, (_, index) => index);
  const star = lies[seed % lies.length] ?? 'silent';
  const count = 1 + random.int(f);
  return random.sample(replicas, count).map((replica, index) => {
    const drawn = random.sample(lies, 1 + random.int(3));
    const behaviours =
      index === 0 ? [star, ...drawn.slice(1).filter((one) => one !== star)] : drawn;
    return { replica, behaviours };
  });
}
