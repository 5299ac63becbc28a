import type { AgreementName } from '../../../src/kernel/cluster.js';
import {
  clientBehaviours,
  coordinatorBehaviours,
  initiatorBehaviours,
  type LiarName,
  participantBehaviours,
} from '../byzantine/library.js';
import { Random } from '../engine/random.js';
import { type FaultKind, faultKinds } from '../faults/fault-kinds.js';
import { coordinatorAddress, initiatorAddress, RETAINED } from '../kit/cast.js';
import { drawFaults, drawShape, indices, starring } from '../kit/drawing.js';
import { bankNames } from '../run/load.js';
import type { LiarPlan, Plan } from './plan.js';

/**
 * What a seed is drawn from.
 *
 * - `swarm`: anything, each seed another mixture of faults and liars, up to what must be tolerated; a quarter of
 *   the seeds is drawn as for `limits`.
 * - `calm`: no faults, no liars.
 * - `crashes`, `links`: honest nodes on bad machines, or on a bad network.
 * - `liars`: liars alone.
 * - `twins`: one replica, or `f`, runs twice.
 * - `limits`: the swarm where little is remembered, nodes are away for long, and liars bring up the past.
 * - `too-many-liars`: `f + 1` coordinators lie; here violations must be found.
 */
export const scenarios = [
  'swarm',
  'calm',
  'crashes',
  'links',
  'liars',
  'twins',
  'limits',
  'too-many-liars',
] as const;
export type Scenario = (typeof scenarios)[number];

const crashKinds: readonly FaultKind[] = [
  'crash',
  'crash-in-step',
  'crash-in-write',
  'power-loss',
  'pause',
  'slow-disk',
  'disk-loss',
];
const linkKinds = faultKinds.filter((kind) => !crashKinds.includes(kind));

/** Few are remembered: none, up to this many. */
const RETAINED_MAX = 8;
/** Of the swarm. */
const LIMITS_SHARE = 0.25;

/** What there is to a limit: old words said again, false memories, and strangers. */
const forgetful: readonly (keyof typeof coordinatorBehaviours)[] = [
  'revive',
  'false-inventories',
  'deny-late',
  'repeat-stale-messages',
];
const burdens: readonly (keyof typeof participantBehaviours)[] = [
  'silent-bank',
  'never-acknowledge',
  'gate-crash',
  'flood-enlistments',
];

const shapes = [
  { n: 4, f: 1, weight: 16 },
  { n: 5, f: 1, weight: 2 },
  { n: 6, f: 1, weight: 1 },
  { n: 7, f: 2, weight: 3 },
] as const;

export function drawPlan(seed: number, scenario: Scenario = 'swarm'): Plan {
  const random = new Random(`plan ${seed} ${scenario}`);
  const shape = drawShape(random, shapes);
  const sizes = {
    seed,
    n: shape.n,
    f: shape.f,
    banks: 2 + random.int(3),
    clients: 2 + random.int(4),
    ordersPerClient: 2 + random.int(4),
    chaosMs: Math.round(random.between(4000, 30_000)),
    // Seven replicas and two banks that flood them have needed 620,000.
    stepsMax: 1_500_000,
    retainedTransactions: RETAINED,
    agreement: agreementOf(seed),
  };
  const drawing = { random, ...sizes };
  switch (scenario) {
    case 'calm':
      return { ...sizes, faults: {}, liars: [], twins: [] };
    case 'crashes':
      return { ...sizes, faults: faultsFrom(random, crashKinds), liars: [], twins: [] };
    case 'links':
      return { ...sizes, faults: faultsFrom(random, linkKinds), liars: [], twins: [] };
    case 'liars':
      return { ...sizes, faults: {}, ...drawLiars(drawing, shape.f, false) };
    case 'twins':
      return { ...sizes, faults: faultsFrom(random, linkKinds), ...onlyTwins(drawing) };
    case 'too-many-liars':
      return {
        ...sizes,
        stepsMax: 20_000,
        faults: { 'slow-links': 0.3 },
        ...tooManyLiars(drawing),
      };
    case 'limits':
      return drawLimits(drawing);
    case 'swarm': {
      // Of its own, so that the others stay as they were drawn.
      if (new Random(`share ${seed}`).chance(LIMITS_SHARE)) return drawLimits(drawing);
      const faults = random.chance(0.9) ? faultsFrom(random, faultKinds) : {};
      const liars = random.chance(0.85)
        ? drawLiars(drawing, shape.f, random.chance(0.25))
        : { liars: [], twins: [] };
      return { ...sizes, faults, ...liars };
    }
  }
}

/** Of its own, so that all else stays as it was drawn. */
function agreementOf(seed: number): AgreementName {
  return new Random(`agreement ${seed}`).chance(0.5) ? 'two-step' : 'three-phase';
}

type Drawing = { readonly random: Random } & Omit<Plan, 'faults' | 'liars' | 'twins'>;

/** More orders in less time, so that all is forgotten again and again while somebody is away. */
function drawLimits(drawing: Drawing): Plan {
  const { random, f, clients } = drawing;
  const { random: _random, ...sizes } = drawing;
  const faults = random.chance(0.8) ? faultsFrom(random, faultKinds) : {};
  const liars = random.chance(0.85) ? drawLiars(drawing, f, false) : { liars: [], twins: [] };
  const away = random.chance(0.7) ? { absence: random.between(0.5, 1) } : {};
  const damage = random.chance(0.4) ? { 'disk-damage': random.between(0.3, 1) } : {};
  return {
    ...sizes,
    ordersPerClient: Math.ceil(random.between(16, 40) / clients),
    chaosMs: Math.round(random.between(20_000, 60_000)),
    faults: { ...faults, ...away, ...damage },
    twins: liars.twins,
    liars: burdened(drawing, liars.liars),
    retainedTransactions: random.int(RETAINED_MAX + 1),
  };
}

/** In most runs the lying coordinator brings up the past, and a bank owes, floods or was not invited. */
function burdened(drawing: Drawing, liars: readonly LiarPlan[]): LiarPlan[] {
  const { random } = drawing;
  const turned = liars.map((liar) => {
    if (!liar.address.startsWith('c') || liar.address.startsWith('client')) return liar;
    return random.chance(0.6) ? withStar(liar, random.pick(forgetful)) : liar;
  });
  const banks = bankNames(drawing as unknown as Plan);
  const address = random.pick(banks.slice(1));
  if (random.chance(0.4) || liars.some((liar) => liar.address === address)) return turned;
  return [...turned, { address, behaviours: [random.pick(burdens)] }];
}

const faultsFrom = (random: Random, kinds: readonly FaultKind[]): Plan['faults'] =>
  drawFaults(random, kinds, 0.2, 0.8);

const coordinatorNames = Object.keys(
  coordinatorBehaviours,
) as (keyof typeof coordinatorBehaviours)[];

/** What only a primary can do: the replica that is one, if not at once then after a view change. */
const homes: Partial<Record<LiarName, number>> = {
  'equivocate-outcomes': 0,
  'equivocate-uuids': 0,
  'equivocate-updates': 0,
  'equivocate-first-attempts': 0,
  'grind-uuid': 0,
  'bare-aborts': 0,
  'withhold-records': 0,
  'invent-records': 0,
  'replay-records': 0,
  'equivocate-new-views': 1,
};

function drawLiars(drawing: Drawing, f: number, withTwins: boolean): Pick<Plan, 'liars' | 'twins'> {
  const { random, seed, n, clients } = drawing;
  const count = random.chance(0.9) ? 1 + random.int(f) : withTwins ? 1 : 0;
  // They take turns, so that a few dozen seeds show each of them.
  const star = coordinatorNames[seed % coordinatorNames.length] ?? 'silent-to-some';
  const home = random.chance(0.75) ? homes[star] : undefined;
  const first = home ?? random.int(n);
  const others = indices(n).filter((id) => id !== first);
  const coordinators = [first, ...random.sample(others, f)].slice(0, count);
  const twins = withTwins ? coordinators.slice(-1) : [];
  // The first client stays honest, so that something must be finished.
  const some = (addresses: readonly string[], behaviours: object, rate: number) =>
    random.some(addresses, rate).map((address) => liarAt(random, address, behaviours));
  const liars = [
    ...coordinators
      .filter((id) => !twins.includes(id))
      .map((id) => {
        const liar = liarAt(random, coordinatorAddress(id), coordinatorBehaviours);
        return id === first ? withStar(liar, star) : liar;
      }),
    ...random
      .sample(indices(2 * f + 1), random.int(f + 1))
      .map((id) => liarAt(random, initiatorAddress(id), initiatorBehaviours)),
    ...some(bankNames(drawing as unknown as Plan), participantBehaviours, 0.25),
    ...some(
      indices(clients)
        .slice(1)
        .map((id) => `client-${id}`),
      clientBehaviours,
      0.25,
    ),
  ];
  return { liars, twins: twins.map(coordinatorAddress) };
}

function liarAt(random: Random, address: string, behaviours: object): LiarPlan {
  const names = Object.keys(behaviours) as LiarName[];
  return { address, behaviours: random.sample(names, 1 + random.int(3)) };
}

function withStar({ address, behaviours }: LiarPlan, star: LiarName): LiarPlan {
  return { address, behaviours: starring(star, behaviours) };
}

function onlyTwins({ random, n, f }: Drawing): Pick<Plan, 'liars' | 'twins'> {
  const twins = random.sample(indices(n), 1 + random.int(f)).map(coordinatorAddress);
  return { liars: [], twins };
}

/** They help each other to have two values decided, with a bank that votes both ways. */
function tooManyLiars({ random, n, f }: Drawing): Pick<Plan, 'liars' | 'twins'> {
  const behaviours: LiarName[] = [
    'equivocate-outcomes',
    'equivocate-updates',
    'vote-for-everything',
  ];
  const addresses = [0, ...random.sample(indices(n).slice(1), f)].map(coordinatorAddress);
  const coordinators = addresses.map((address) => ({ address, behaviours }));
  const bank = { address: 'bank-a', behaviours: ['conflicting-votes' as const] };
  return { liars: [...coordinators, bank], twins: [] };
}
