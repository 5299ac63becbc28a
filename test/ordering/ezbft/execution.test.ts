import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ReplicaId } from '../../../src/kernel/ids.js';
import { executionOrder, keyOf } from '../../../src/ordering/core/ezbft/execution.js';
import type { Dependencies, Instance } from '../../../src/ordering/instance-types.js';

const at = (space: number, index: number): Instance => ({ space: space as ReplicaId, index });

/** One replica that learns decisions one by one, and executes what it can after each. */
class Replica {
  readonly executed = [0, 0, 0, 0];
  readonly order: string[] = [];
  readonly #known = new Map<string, Dependencies>();

  learn(instance: Instance, deps: Dependencies): void {
    this.#known.set(keyOf(instance), deps);
    const { components } = executionOrder({
      executed: [...this.executed],
      last: [0, 1, 2, 3].map((space) => this.#last(space)),
      depsOf: (one) => this.#known.get(keyOf(one)),
    });
    for (const { space, index } of components.flat()) {
      expect(index).toBe((this.executed[space] ?? 0) + 1);
      this.executed[space] = index;
      this.order.push(keyOf(at(space, index)));
    }
  }

  #last(space: number): number {
    const own = [...this.#known.keys()].map((key) => key.split('.').map(Number));
    return Math.max(0, ...own.flatMap(([of, index]) => (of === space ? [index ?? 0] : [])));
  }
}

describe('the order of execution', () => {
  it('is the same for what names the other, in whatever order decisions come', () => {
    const deps = fc.array(fc.nat({ max: 3 }), { minLength: 4, maxLength: 4 });
    const decisions = fc.array(deps, { minLength: 12, maxLength: 12 });
    const order = fc.shuffledSubarray(
      Array.from({ length: 12 }, (_, index) => index),
      { minLength: 12 },
    );
    fc.assert(
      fc.property(decisions, order, order, (drawn, first, second) => {
        const all = drawn.map((of, place) => {
          const instance = at(Math.floor(place / 3), (place % 3) + 1);
          const { space, index } = instance;
          return { instance, deps: of.map((one, other) => (other === space ? index - 1 : one)) };
        });
        const [a, b] = [first, second].map((places) => {
          const replica = new Replica();
          for (const place of places) {
            const one = all[place];
            if (one) replica.learn(one.instance, one.deps);
          }
          return replica.order;
        });
        expect(a).toHaveLength(12);
        for (const one of all) {
          for (const other of all) {
            const isOrdered = (one.deps[other.instance.space] ?? 0) >= other.instance.index;
            if (!isOrdered || !a || !b) continue;
            const [x, y] = [keyOf(one.instance), keyOf(other.instance)];
            expect(a.indexOf(x) < a.indexOf(y)).toBe(b.indexOf(x) < b.indexOf(y));
          }
        }
      }),
      { numRuns: 500, seed: 5 },
    );
  });

  it('waits for what is named and not decided, and says for what', () => {
    const decided = new Map<string, Dependencies>([['0.1', [0, 2, 0, 0]]]);
    const found = executionOrder({
      executed: [0, 0, 0, 0],
      last: [1, 0, 0, 0],
      depsOf: (one) => decided.get(keyOf(one)),
    });
    expect(found).toEqual({ components: [], awaited: [at(1, 2)] });
  });

  it('executes what names each other together, by index and then space', () => {
    const decided = new Map<string, Dependencies>([
      ['0.1', [0, 1, 0, 0]],
      ['1.1', [2, 0, 0, 0]],
      ['0.2', [1, 0, 0, 0]],
    ]);
    const { components } = executionOrder({
      executed: [0, 0, 0, 0],
      last: [2, 1, 0, 0],
      depsOf: (one) => decided.get(keyOf(one)),
    });
    expect(components).toEqual([[at(0, 1), at(1, 1), at(0, 2)]]);
  });

  it('bears chains that are too long for a call stack', () => {
    const length = 50_000;
    const { components } = executionOrder({
      executed: [0, 0],
      last: [length, 0],
      depsOf: ({ index }) => [index - 1, 0],
    });
    expect(components).toHaveLength(length);
  });
});
