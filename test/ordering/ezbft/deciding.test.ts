import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ReplicaId } from '../../../src/kernel/ids.js';
import {
  isSameValue,
  type Settled,
  settle,
  union,
  weigh,
} from '../../../src/ordering/core/ezbft/deciding.js';
import type { Instance, InstanceValue } from '../../../src/ordering/instance-types.js';
import { digestOf, faultsOf, type Rule, valueNamed, worlds } from './model.js';

const four = { n: 4, f: 1 };
const batch = digestOf('a');
const value = (...deps: number[]): InstanceValue => valueNamed(batch, deps);
const at = (space: number, index = 1): Instance => ({ space: space as ReplicaId, index });

const ours: Rule = (instance, said, interfering, resilience) =>
  settle(instance, weigh(said, resilience), interfering);

describe('how an instance is decided', () => {
  it('keeps every fast decision, and orders what interferes, whatever is read and whoever lies', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        expect(faultsOf(world, ours)).toEqual([]);
      }),
      { numRuns: 4000, seed: 11 },
    );
  });

  it('takes the one value that may be fast, though a liar names more', () => {
    const said = [value(0, 0, 0, 0), value(0, 0, 0, 0), value(0, 0, 3, 0)];
    expect(settle(at(0), weigh(said, four), [])).toEqual(value(0, 0, 0, 0));
  });

  it('merges what differs: all that correct replicas name, nothing that a liar alone does', () => {
    const said = [value(0, 1, 0, 0), value(0, 1, 2, 0), value(0, 0, 2, 9)];
    expect(settle(at(0), weigh(said, four), [])).toEqual(value(0, 1, 2, 0));
  });

  it('takes no replies together that say of one batch that it touches different things', () => {
    const other = { ...value(0, 0, 0, 0), touched: digestOf('b') };
    const said = [value(0, 0, 0, 0), value(0, 0, 0, 0), other];
    expect(settle(at(0), weigh(said, four), [])).toEqual(value(0, 0, 0, 0));
    expect(
      settle(at(0), weigh([value(0, 1, 0, 0), value(0, 0, 0, 0), other], four), []),
    ).toBeNull();
    expect(isSameValue(other, value(0, 0, 0, 0))).toBe(false);
  });

  it('is a no-op where no batch has 2f + 1 values, and none may be fast', () => {
    const other = valueNamed(digestOf('b'), [0, 0, 0, 0]);
    expect(settle(at(0), weigh([value(0, 0, 0, 0), other, null], four), [])).toBeNull();
    expect(settle(at(0), weigh([null, null, null], four), [])).toBeNull();
  });

  it('keeps what may be fast with f + 1 values of 2f + 1', () => {
    const said = [value(0, 0, 0, 0), value(0, 0, 0, 0), null];
    expect(settle(at(0), weigh(said, four), [])).toEqual(value(0, 0, 0, 0));
  });

  it('takes no value that lacks what was settled before without it', () => {
    const settled = { instance: at(2), value: valueNamed(digestOf('b'), [0, 0, 0, 0]) };
    const said = [value(0, 0, 0, 0), value(0, 0, 0, 0), value(0, 1, 0, 0)];
    expect(settle(at(0), weigh(said, four), [settled])).toEqual(value(0, 0, 1, 0));
    const [a, b] = said;
    expect(settle(at(0), weigh([a ?? null, b ?? null, null], four), [settled])).toBeNull();
  });
});

describe('a ring of instances', () => {
  const seven = { n: 7, f: 2 };
  const ring = [0, 1, 2, 3, 4].map((space) => at(space));
  const next = (space: number): number => (space + 1) % 5;
  const prior = (space: number): number => (space + 4) % 5;
  const naming = (space: number, named: readonly number[]): InstanceValue =>
    valueNamed(
      digestOf(String(space)),
      Array.from({ length: 7 }, (_, of) => (of !== space && named.includes(of) ? 1 : 0)),
    );

  /**
   * Each interferes with its neighbours alone. Replica k, of five correct ones, got k's neighbour first of all: it named
   * each one's predecessor, but for k + 1's, and k + 1 in its value of k.
   */
  const saidOf = (space: number): InstanceValue[] =>
    [0, 1, 2, 3, 4].map((replica) => {
      const isFirst = next(replica) === space;
      const isLast = replica === space;
      return naming(space, [...(isFirst ? [] : [prior(space)]), ...(isLast ? [next(space)] : [])]);
    });

  it('has nothing that speaks for one of them alone, if each waited for what becomes of the next', () => {
    for (const { space } of ring) {
      const { candidate } = weigh(saidOf(space), seven);
      expect(candidate).toEqual(naming(space, [prior(space)]));
      // Fewer than f + 1 replies of the next one lack this one, so that none of them proves that it may not be fast.
      const lacking = saidOf(next(space)).filter(({ deps }) => deps[space] === 0);
      expect(lacking).toHaveLength(1);
    }
  });

  it('is settled one after the other', () => {
    const settled: Settled[] = [];
    for (const instance of ring) {
      const { space } = instance;
      const neighbours = settled.filter(({ instance: other }) =>
        [prior(space), next(space)].includes(other.space),
      );
      const decided = settle(instance, weigh(saidOf(space), seven), neighbours);
      expect(decided).toEqual(naming(space, [prior(space)]));
      if (decided) settled.push({ instance, value: decided });
    }
  });
});

/** Arun and others §IV.C: whoever collects joins any 2f + 1 replies; §IV.E, as protocols.md read it, in recovery. */
describe('the rules that were published', () => {
  const joined: Rule = (_, said, __, { f }) => {
    const values = said.filter((one) => one !== null);
    const [first] = values;
    if (!first || values.length < 2 * f + 1) return null;
    return { ...first, deps: values.map(({ deps }) => deps).reduce(union) };
  };
  const supported: Rule = (_, said, __, { f }) => {
    const values = said.filter((one) => one !== null);
    const isSupported = (one: InstanceValue): boolean =>
      values.filter((other) => isSameValue(one, other)).length >= f + 1;
    return values.find(isSupported) ?? joined(at(0), said, [], { n: 3 * f + 1, f });
  };

  it('decide twice: a liar signs two replies, and the union of 2f + 1 is not what n said', () => {
    // Replicas 0 to 2 are correct, and so is the collector that has all four replies alike.
    const correct = [value(0, 0, 0, 0), value(0, 0, 0, 0), value(0, 0, 0, 0)];
    const fast = correct[0] ?? null;
    const read = [...correct.slice(1), value(0, 0, 0, 1)];
    expect(joined(at(0), read, [], four)).not.toEqual(fast);
    expect(ours(at(0), read, [], four)).toEqual(fast);
  });

  it('leave two instances unordered: f + 1 replies support a value that lacks what was decided without it', () => {
    // x, of replica 2, is settled without us: replicas 1 and 2 said it first. Only 0 saw us first, and 3 lies.
    const x = { instance: at(2), value: valueNamed(digestOf('b'), [0, 0, 0, 0]) };
    const said = [value(0, 0, 0, 0), value(0, 0, 1, 0), value(0, 0, 0, 0)];
    expect(supported(at(0), said, [x], four)).toEqual(value(0, 0, 0, 0));
    expect(ours(at(0), said, [x], four)).toEqual(value(0, 0, 1, 0));
  });

  it.each([
    ['joined replies', joined],
    ['a value that f + 1 support', supported],
  ])('fail in the model: %s', (_, rule) => {
    const found = fc.check(
      fc.property(worlds, (world) => faultsOf(world, rule).length === 0),
      { numRuns: 4000, seed: 11 },
    );
    expect(found.failed).toBe(true);
  });
});
