import { Random } from '../../simulation/engine/random.js';
import type { Victim } from '../faults/fault.js';
import { groups, type KillGroup } from './cast.js';

export interface KillOptions {
  readonly seed: number;
  readonly durationMs: number;
  /** Occasions: where a whole group dies, or dies again while it starts, more is killed. */
  readonly kills: number;
}

/** A kill that is to happen. */
export interface Kill {
  /** Since the beginning of the run; later where the one before in its track took longer. */
  readonly atMs: number;
  /** So long after enough is under way: no kill comes at the moment of an answer. */
  readonly delayMs: number;
  /** How long the victims stay dead. */
  readonly lastsMs: number;
  readonly group: KillGroup;
  readonly victim: Victim;
  /** So long after it starts again it is killed once more. */
  readonly againMs?: number | undefined;
  /** Of a database: one of the server's processes only, which makes the server end all others and recover. */
  readonly isPartial: boolean;
}

/** Kills that follow one another: the next one comes when the victims of the one before are up again. */
export type KillTrack = readonly Kill[];

/** What befalls each group, out of 20. */
const shares: Readonly<Record<KillGroup, number>> = {
  databases: 6,
  services: 6,
  coordinators: 4,
  initiators: 2,
  banks: 2,
};
const sharesSum = 20;
const primaryShare = 0.5;
const allShare = 0.1;
const againShare = 0.2;
const partialShare = 0.25;

/** One track for each group, so that no more than one coordinator is dead at a time, or all of them. */
export function killsOf({ seed, durationMs, kills }: KillOptions): KillTrack[] {
  const random = new Random(`databases ${seed}`);
  const names = Object.keys(groups) as KillGroup[];
  let before = 0;
  return names.map((group) => {
    const upTo = (share: number) => Math.ceil((kills * share) / sharesSum);
    const count = upTo(before + shares[group]) - upTo(before);
    before += shares[group];
    const draw = random.fork(group);
    return Array.from({ length: count }, (_, index) =>
      killOf(group, (durationMs * (index + draw.next())) / count, draw),
    );
  });
}

function killOf(group: KillGroup, atMs: number, random: Random): Kill {
  const victim = victimOf(group, random);
  return {
    ...{ atMs, group, victim },
    delayMs: random.between(0, 1000),
    lastsMs: random.between(50, 3000),
    againMs: random.chance(againShare) ? random.between(0, 1500) : undefined,
    isPartial: group === 'databases' && random.chance(partialShare),
  };
}

function victimOf(group: KillGroup, random: Random): Victim {
  const name = random.pick<string>(groups[group]);
  if (random.chance(allShare)) return { kind: 'all' };
  if (group === 'coordinators' && random.chance(primaryShare)) return { kind: 'primary' };
  return { kind: 'node', name };
}
