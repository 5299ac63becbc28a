import { Random } from '../../simulation/engine/random.js';
import { type Group, members } from '../cluster/members.js';
import {
  byzantineScripts,
  type Fault,
  type FaultKind,
  type PartitionShape,
  type Victim,
} from './fault.js';

export interface PlanOptions {
  readonly seed: number;
  readonly durationMs: number;
  /** Occasions: where it is all banks at once, more processes die. */
  readonly kills: number;
  readonly partitions: number;
}

/**
 * Faults that follow one another: the next begins when the one before is over and its victims are
 * healthy. Coordinators have one track and initiators one, so that no more than one of each is faulty
 * at a time.
 */
export type Track = readonly Fault[];

/** What of each kind of fault befalls each group, out of 20. */
const shares: Record<FaultKind, Partial<Record<Group, number>>> = {
  kill: { coordinators: 9, initiators: 4, banks: 7 },
  'disk-loss': { coordinators: 20 },
  pause: { coordinators: 9, initiators: 5, banks: 6 },
  partition: { coordinators: 11, initiators: 4, banks: 5 },
  slow: { coordinators: 9, initiators: 5, banks: 6 },
  byzantine: { coordinators: 12, initiators: 8 },
};
const sharesSum = 20;
const groups: readonly Group[] = ['coordinators', 'initiators', 'banks'];
const shapes: Record<Group, readonly PartitionShape[]> = {
  coordinators: ['isolated', 'deaf', 'mute', 'split'],
  initiators: ['isolated', 'deaf', 'mute', 'half'],
  banks: ['isolated', 'deaf', 'mute', 'half'],
};
const primaryShare = 0.5;
const allBanksShare = 0.1;

/** Every draw depends on the seed only; when exactly a fault happens depends on the machine, too. */
export function planOf({ seed, durationMs, kills, partitions }: PlanOptions): Track[] {
  const random = new Random(`chaos ${seed}`);
  const counts: Record<FaultKind, number> = {
    kill: kills,
    'disk-loss': Math.ceil(kills / 20),
    pause: Math.ceil(kills / 5),
    partition: partitions,
    slow: Math.ceil(partitions / 3),
    byzantine: Math.ceil(kills / 15),
  };
  return groups.map((group) => {
    const draw = random.fork(group);
    const kinds = Object.keys(shares) as FaultKind[];
    const faults = shuffled(
      draw,
      kinds.flatMap((kind) => repeated(kind, shareOf(kind, group, counts[kind]))),
    );
    return faults.map((kind, index) =>
      faultOf(kind, group, (durationMs * (index + draw.next())) / faults.length, draw),
    );
  });
}

/** Of `count` in all: shares are rounded so that they add up. */
function shareOf(kind: FaultKind, group: Group, count: number): number {
  let before = 0;
  for (const each of groups) {
    const share = shares[kind][each] ?? 0;
    if (each === group) return upTo(before + share, count) - upTo(before, count);
    before += share;
  }
  return 0;
}

/** So that the first of few goes to the first group. */
const upTo = (share: number, count: number) => Math.ceil((count * share) / sharesSum);

function faultOf(kind: FaultKind, group: Group, atMs: number, random: Random): Fault {
  const common = { atMs, group, victim: victimOf(kind, group, random) };
  switch (kind) {
    case 'kill':
    case 'disk-loss':
      return { ...common, kind, lastsMs: random.between(100, 3000) };
    case 'pause':
      return { ...common, kind, lastsMs: random.between(300, 6000) };
    case 'slow':
      return { ...common, kind, lastsMs: random.between(2000, 6000) };
    case 'partition': {
      const shape = random.pick(shapes[group]);
      return { ...common, kind, lastsMs: random.between(1000, 6000), shape, sides: sideOf(random) };
    }
    case 'byzantine': {
      const scripts =
        group === 'coordinators' ? byzantineScripts.coordinators : byzantineScripts.initiators;
      return {
        ...common,
        kind,
        lastsMs: random.between(4000, 10_000),
        script: random.pick(scripts),
      };
    }
  }
}

function victimOf(kind: FaultKind, group: Group, random: Random): Victim {
  const name = random.pick<string>(members[group]);
  if (group === 'coordinators' && random.chance(primaryShare)) return { kind: 'primary' };
  if (group === 'banks' && kind === 'kill' && random.chance(allBanksShare)) return { kind: 'all' };
  return { kind: 'node', name };
}

/** One of two parts: half of the coordinators, and some of the others. */
function sideOf(random: Random): string[] {
  return [
    ...random.sample<string>(members.coordinators, members.coordinators.length / 2),
    ...random.some<string>([...members.initiators, ...members.banks], 0.5),
  ];
}

function repeated<Item>(item: Item, count: number): Item[] {
  return Array.from({ length: count }, () => item);
}

function shuffled<Item>(random: Random, items: readonly Item[]): Item[] {
  return random.sample(items, items.length);
}
