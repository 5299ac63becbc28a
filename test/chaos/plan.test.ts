import { describe, expect, it } from 'vitest';
import { members } from './cluster/members.js';
import { directionsCut } from './faults/partition.js';
import { planOf } from './faults/plan.js';

const options = { seed: 7, durationMs: 60_000, kills: 200, partitions: 40 };

describe('a plan', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(planOf(options)).toEqual(planOf(options));
    expect(planOf({ ...options, seed: 8 })).not.toEqual(planOf(options));
  });

  it.each([
    [200, 40],
    [7, 3],
    [1, 1],
    [0, 0],
  ])('has %i kills and %i partitions', (kills, partitions) => {
    const faults = planOf({ ...options, kills, partitions }).flat();
    expect(faults.filter(({ kind }) => kind === 'kill')).toHaveLength(kills);
    expect(faults.filter(({ kind }) => kind === 'partition')).toHaveLength(partitions);
  });

  it('keeps coordinators to one track and initiators to one, in the order of time', () => {
    for (const track of planOf(options)) {
      expect(new Set(track.map(({ group }) => group)).size).toBe(1);
      const times = track.map(({ atMs }) => atMs);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    }
  });

  it.each([
    [0, 0],
    [1, 1],
    [200, 10],
  ])('of %i kills has %i disks lost, one coordinator at a time', (kills, lost) => {
    const faults = planOf({ ...options, kills })
      .flat()
      .filter(({ kind }) => kind === 'disk-loss');
    expect(faults).toHaveLength(lost);
    expect(
      faults.every(({ group, victim }) => group === 'coordinators' && victim.kind !== 'all'),
    ).toBe(true);
  });

  it('replaces no bank by a liar: the books are what is checked', () => {
    const liars = planOf(options)
      .flat()
      .filter(({ kind }) => kind === 'byzantine');
    expect(liars.map(({ group }) => group)).not.toContain('banks');
    expect(liars.length).toBeGreaterThan(10);
  });
});

describe('a partition', () => {
  const side = ['coordinator-0', 'coordinator-1', 'bank-a'];

  it('one way leaves the other way open', () => {
    const deaf = directionsCut('deaf', 'bank-a', side);
    const mute = directionsCut('mute', 'bank-a', side);
    expect(deaf.every(({ to }) => to === 'bank-a')).toBe(true);
    expect(mute.every(({ from }) => from === 'bank-a')).toBe(true);
    expect(deaf).toHaveLength(10);
    expect(directionsCut('isolated', 'bank-a', side)).toHaveLength(20);
  });

  it('in two parts leaves each part whole', () => {
    const cut = directionsCut('split', 'coordinator-0', side);
    expect(cut.some(({ from, to }) => side.includes(from) === side.includes(to))).toBe(false);
    expect(cut).toHaveLength(2 * 3 * 8);
  });

  it('of half cuts off half of the coordinators', () => {
    const cut = directionsCut('half', 'bank-a', side);
    expect(new Set(cut.flatMap(({ from, to }) => [from, to]))).toEqual(
      new Set(['bank-a', ...members.coordinators.slice(0, 2)]),
    );
  });
});
