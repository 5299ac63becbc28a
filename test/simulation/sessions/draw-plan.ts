import { Random } from '../engine/random.js';
import { drawFaults, drawShape } from '../kit/drawing.js';
import { type OrderingLie, orderingLies } from '../ordering/byzantine/library.js';
import { drawLiars, drawLosses, mixedFaults } from '../ordering/draw-plan.js';
import { type SessionLie, sessionLies } from './byzantine/library.js';
import type { SessionLiarPlan, SessionsPlan } from './plan.js';

const shapes = [
  { n: 4, f: 1, weight: 16 },
  { n: 5, f: 1, weight: 1 },
  { n: 7, f: 2, weight: 3 },
] as const;

const lies = Object.keys(sessionLies) as SessionLie[];
const deeperLies = Object.keys(orderingLies) as OrderingLie[];

/** A mixture of faults and liars, up to what must be tolerated; each seed another. */
export function drawSessionsPlan(seed: number, engine?: SessionsPlan['engine']): SessionsPlan {
  const random = new Random(`plan ${seed} sessions`);
  const { n, f } = drawShape(random, shapes);
  const drawn = random.chance(0.85) ? 'antipaxos' : 'pbft';
  const losses = drawLosses(seed, 0.15);
  // Who has lost its disk is one of the `f` until it is back.
  const liarsMax = losses['disk-loss'] === undefined ? f : f - 1;
  return {
    scenario: 'sessions',
    seed,
    engine: engine ?? drawn,
    n,
    f,
    clients: 2 + random.int(3),
    sessionsPerClient: 1 + random.int(2),
    operationsPerSession: 2 + random.int(6),
    keys: random.pick([1, 3, 20]),
    chaosMs: Math.round(random.between(2000, 12_000)),
    faults: {
      ...(random.chance(0.85) ? drawFaults(random, mixedFaults, 0.1, 0.7) : {}),
      ...losses,
    },
    liars: (random.chance(0.85) ? drawSessionLiars(random, seed, n, f) : []).slice(0, liarsMax),
    exclusion: random.pick(['S1', 'S2', 'S3'] as const),
    pipelineDepth: random.pick([2, 10]),
    checkpointInterval: random.pick([4, 16, 64]),
    commitAfterMs: random.pick([50, 200]),
    takeoverAfterMs: random.pick([500, 2000]),
    promisePositions: random.pick([20, 200, 10_000]),
    stepsMax: 600_000,
  };
}

function drawSessionLiars(random: Random, seed: number, n: number, f: number): SessionLiarPlan[] {
  return drawLiars({ random, seed, n, f }, lies, 2, (liar) => ({
    ...liar,
    ordering: random.chance(0.3) ? random.sample(deeperLies, 1) : [],
  }));
}
