import { Random } from '../engine/random.js';
import { drawFaults, drawShape, indices, starring } from '../kit/drawing.js';
import {
  commonLies,
  costlyLies,
  instanceLies,
  type OrderingLie,
  primaryLies,
  rareLies,
  reporterLies,
  serviceLies,
  twoStepLies,
} from './byzantine/library.js';
import { orderingFaults } from './fault-kinds.js';
import { type Moment, momentous, type OrderingLiarPlan, type OrderingPlan } from './plan.js';

const shapes = [
  { n: 4, f: 1, weight: 14 },
  { n: 5, f: 1, weight: 1 },
  { n: 7, f: 2, weight: 5 },
] as const;

/** Clusters that bear one silent replica in two steps, and two. */
const twoStepShapes = [
  { n: 4, f: 1, weight: 12 },
  { n: 5, f: 1, weight: 2 },
  { n: 7, f: 2, weight: 5 },
  { n: 9, f: 2, weight: 1 },
] as const;

const lies = Object.keys(commonLies) as OrderingLie[];
const costlyToo = Object.keys({ ...commonLies, ...costlyLies }) as OrderingLie[];
/** What may be done to ezBFT. */
const liesOfInstances = Object.keys({
  ...instanceLies,
  ...primaryLies,
  ...serviceLies,
}) as OrderingLie[];

/** What an engine of two steps knows of, the lies of its own twice. */
const ofTwoSteps = [
  ...(Object.keys(twoStepLies) as OrderingLie[]),
  ...([
    'equivocate-batches',
    'idle-primary',
    'slow-primary',
    'deaf-primary',
    'stale-views',
  ] as const),
  ...(['vote-for-everything', 'equivocate-votes', 'leave-one-out', 'silent'] as const),
  ...(['silent-to-some', 'false-status', 'false-checkpoints', 'false-states'] as const),
  ...(['flood-fetches', 'repeat-stale', 'slow-everything', 'never-help', 'cries-lost'] as const),
  ...(Object.keys(twoStepLies) as OrderingLie[]),
  'equivocate-batches',
] satisfies OrderingLie[];
const costlyOfTwoSteps: readonly OrderingLie[] = ['keep-from-one', 'paced-primary', ...ofTwoSteps];

/** One seed in so many has what few have, so that the plans of all others stay what they were. */
const RARE_EVERY = 7;

/** What a liar does besides: lies of two steps, below the engine or in it. */
const besides = {
  antipaxos: { ...twoStepLies, ...reporterLies },
  ezbft: twoStepLies,
  fab: twoStepLies,
  pbft: primaryLies,
} as const;

function isRare(seed: number, engine: OrderingPlan['engine']): boolean {
  return seed % RARE_EVERY === (engine === 'ezbft' || engine === 'fab' ? 0 : 4);
}

/**
 * Some seeds have a Decision Module of Antipaxos that decides in two steps, liars that know of it, and one replica that
 * alone gets votes.
 */
function drawRarely(plan: OrderingPlan): OrderingPlan {
  const { seed, engine, liars, faults } = plan;
  if (!isRare(seed, engine)) return plan;
  const random = new Random(`rare ${seed}`);
  const names = Object.keys(besides[engine]) as OrderingLie[];
  const rare = Object.keys(rareLies) as OrderingLie[];
  const [star = random.pick(names)] = names.slice(Math.floor(seed / RARE_EVERY) % names.length);
  const lone = random.chance(0.6) ? { 'lone-votes': random.between(0.3, 1) } : {};
  return {
    ...plan,
    decisionsBy: engine === 'antipaxos' ? 'fab' : 'pbft',
    faults: { ...faults, ...lone },
    liars: liars.map(({ behaviours, ...liar }, index) => {
      const added = [index === 0 ? star : random.pick(names), ...random.some(rare, 0.3)];
      return { ...liar, behaviours: [...new Set([...added, ...behaviours])] };
    }),
  };
}

/** All that a liar may do to an engine. */
export function orderingLiesOf(engine: OrderingPlan['engine']): readonly OrderingLie[] {
  const more = Object.keys({ ...besides[engine], ...rareLies }) as OrderingLie[];
  return [...new Set([...liesOf(engine), ...more])];
}

function liesOf(engine: OrderingPlan['engine'] | undefined): readonly OrderingLie[] {
  if (engine === 'ezbft') return liesOfInstances;
  return engine === 'fab' ? ofTwoSteps : lies;
}

/** Losses of disks, and of votes, are drawn by themselves. */
export const mixedFaults = orderingFaults.filter(
  (kind) => kind !== 'disk-loss' && kind !== 'lone-votes',
);

/** What costs most, by the table in `docs/faults.md`. */
const costliest = [
  ...(Object.keys(costlyLies) as OrderingLie[]),
  ...(['late-proposer', 'late-reporter', 'withhold-values', 'report-to-some'] as const),
  ...(['miss-values', 'silent', 'equivocate-values', 'slow-primary'] as const),
];

/** One seed in so many measures what liars cost, with nothing else wrong. */
const MEASURING_EVERY = 4;

export function drawOrderingPlan(seed: number, engine?: OrderingPlan['engine']): OrderingPlan {
  const isMeasured = engine !== 'ezbft' && seed % MEASURING_EVERY === 0;
  if (isMeasured) return drawMeasuringPlan(seed, engine);
  return drawRarely(drawSwarmPlan(seed, engine));
}

/** As many liars as are tolerated, and a network that is never slower than it is. */
export function drawMeasuringPlan(
  seed: number,
  engine: OrderingPlan['engine'] = 'antipaxos',
): OrderingPlan {
  const random = new Random(`plan ${seed} measuring`);
  const names = engine === 'fab' ? costlyOfTwoSteps : costlyToo;
  const { n, f } = random.chance(0.65) ? { n: 4, f: 1 } : { n: 7, f: 2 };
  return {
    scenario: 'ordering',
    seed,
    engine,
    n,
    f,
    requests: 0,
    chaosMs: 1000,
    faults: {},
    liars: drawCostlyLiars({ random, seed: seed / MEASURING_EVERY, n, f }, names),
    twins: [],
    decisionsBy: 'pbft',
    exclusion: random.pick(['S1', 'S1', 'S2', 'S3'] as const),
    pipelineDepth: random.pick([1, 2, 4, 10, 10]),
    checkpointInterval: random.pick([16, 64]),
    batchDelayMs: random.pick([0, 5]),
    batchRequestsMax: 1024,
    stateBytes: 0,
    measuring: { requests: 300, delayMaxMs: random.pick([2, 5]) },
    stepsMax: 2_000_000,
  };
}

function drawCostlyLiars(
  { random, seed: turn, n, f }: Drawing,
  names: readonly OrderingLie[],
): OrderingLiarPlan[] {
  const replicas = indices(n);
  // The first primary in half of the runs.
  const [first = 0, ...rest] = random.chance(0.5) ? replicas : random.sample(replicas, n);
  const liars = [first, ...random.sample(rest, f - 1)];
  return liars.map((replica, index) => {
    const turned = names.at(-1 - (turn % names.length)) ?? 'silent';
    const star = index === 0 ? turned : random.pick(costliest);
    const other = random.chance(0.7) ? [random.pick(costliest)] : [];
    const behaviours = [...new Set([star, ...other])];
    return random.chance(0.5)
      ? { replica, behaviours, during: drawMoments(random) }
      : { replica, behaviours };
  });
}

/** When to lie: some runs begin at once, some end soon, some wait for what is rare. */
function drawMoments(random: Random): readonly [Moment, Moment] {
  const moment = (most: number): Moment => {
    const kind = random.pick(momentous);
    const isRare = kind === 'rejoin' || kind === 'view-change';
    return { kind, count: isRare ? random.int(3) : Math.round(random.between(0, most)) };
  };
  return [moment(1000), moment(4000)];
}

/** A mixture of faults and liars, up to what must be tolerated; each seed another. */
function drawSwarmPlan(seed: number, engine?: OrderingPlan['engine']): OrderingPlan {
  const random = new Random(`plan ${seed} ordering`);
  const isTwoStep = engine === 'fab';
  const { n, f } = drawShape(random, isTwoStep ? twoStepShapes : shapes);
  const drawn = random.chance(0.85) ? 'antipaxos' : 'pbft';
  const withTwins = random.chance(0.12);
  const liars = random.chance(0.85)
    ? drawLiars({ random, seed, n, f }, liesOf(engine), 3, (liar) => liar)
    : [];
  // Who has lost its disk is one of the `f` until it is back.
  const losses = liars.length < f ? drawLosses(seed, 0.6) : {};
  const twins = withTwins ? liars.slice(-1).map(({ replica }) => replica) : [];
  return {
    scenario: 'ordering',
    seed,
    engine: engine ?? drawn,
    n,
    f,
    requests: 5 + random.int(20),
    chaosMs: Math.round(random.between(2000, 20_000)),
    faults: { ...(random.chance(0.9) ? drawFaults(random, mixedFaults, 0.1, 0.8) : {}), ...losses },
    liars: liars.filter(({ replica }) => !twins.includes(replica)),
    twins,
    decisionsBy: 'pbft',
    exclusion: random.pick(['S1', 'S2', 'S3'] as const),
    pipelineDepth: random.pick([1, 2, 4, 10, 10]),
    checkpointInterval: random.pick([2, 4, 8, 16, 64]),
    batchDelayMs: random.pick([0, 5]),
    batchRequestsMax: random.pick([1, 3, 1024]),
    stateBytes: random.pick([0, 0, 1000, 300_000]),
    measuring: null,
    stepsMax: 600_000,
  };
}

/** Some replicas lose their disks, one after the other, and come back. */
export function drawLosses(
  seed: number,
  chance: number,
): Partial<Readonly<Record<'disk-loss', number>>> {
  const random = new Random(`losses ${seed}`);
  return random.chance(chance) ? { 'disk-loss': random.between(0.3, 1) } : {};
}

interface Drawing {
  readonly random: Random;
  readonly seed: number;
  readonly n: number;
  readonly f: number;
}

interface DrawnLiar<Name> {
  readonly replica: number;
  readonly behaviours: readonly Name[];
}

/** The behaviours take turns, so that a few dozen seeds show each of them. `finish` draws the rest of a liar. */
export function drawLiars<Name, Liar>(
  { random, seed, n, f }: Drawing,
  names: readonly Name[],
  behavioursMax: number,
  finish: (liar: DrawnLiar<Name>) => Liar,
): Liar[] {
  const [star = random.pick(names)] = names.slice(seed % names.length);
  return random.sample(indices(n), 1 + random.int(f)).map((replica, index) => {
    const drawn = random.sample(names, 1 + random.int(behavioursMax));
    return finish({ replica, behaviours: index === 0 ? starring(star, drawn) : drawn });
  });
}
