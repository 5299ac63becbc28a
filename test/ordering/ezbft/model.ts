import fc from 'fast-check';
import type { Digest, ReplicaId, Resilience } from '../../../src/kernel/ids.js';
import { isSameValue, names, type Settled } from '../../../src/ordering/core/ezbft/deciding.js';
import type {
  Dependencies,
  Instance,
  InstanceValue,
} from '../../../src/ordering/instance-types.js';

/** A value, or that none will be said; a liar's may differ from one reader to the next. */
export type Said = InstanceValue | null;

/** What everybody said of some instances, and how they are settled. */
export interface World {
  readonly resilience: Resilience;
  readonly instances: readonly Instance[];
  readonly interfere: (a: InstanceValue, b: InstanceValue) => boolean;
  /** By instance: what each correct replica said. */
  readonly correct: readonly (readonly Said[])[];
  /** The order in which instances are settled, each with what is read of whom; `undefined`: not read. */
  readonly settlements: readonly {
    readonly instance: number;
    readonly said: readonly Said[];
  }[];
}

/** The rule under test: what an instance is decided as, by what was read of it and what was settled before. */
export type Rule = (
  instance: Instance,
  said: readonly Said[],
  interfering: readonly Settled[],
  resilience: Resilience,
) => Said;

const INSTANCES = 4;
/** What a batch touches is known by the batch's own name. */
export const valueNamed = (digest: Digest, deps: Dependencies): InstanceValue => ({
  digest,
  touched: digest,
  deps,
});
export const digestOf = (text: string): Digest => text.padStart(64, '0') as Digest;
const sizes = fc.constantFrom<Resilience>({ n: 4, f: 1 }, { n: 5, f: 1 }, { n: 7, f: 2 });

/** Any arrival at the correct replicas, any lies of `f` others, two batches of an instance where its leader lies. */
export const worlds: fc.Arbitrary<World> = sizes.chain((resilience) => {
  const { n, f } = resilience;
  const correctCount = n - f;
  const instances = Array.from({ length: INSTANCES }, (_, at) => ({
    // The last two are of liars, and the first space has two.
    space: [0, 0, n - 2, n - 1][at] as ReplicaId,
    index: at === 1 ? 2 : 1,
  }));
  const lie = fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: correctCount - 1 }), depsOf(n));
  return fc
    .record({
      orders: fc.array(fc.shuffledSubarray([0, 1, 2, 3], { minLength: 3 }), {
        minLength: correctCount,
        maxLength: correctCount,
      }),
      variants: fc.array(fc.array(fc.nat({ max: 5 }), sizeOf(INSTANCES)), sizeOf(correctCount)),
      touching: fc.array(fc.nat({ max: 4 }), sizeOf(64)),
      leaderDeps: fc.array(fc.option(depsOf(n), { freq: 2 }), sizeOf(INSTANCES)),
      settled: fc.shuffledSubarray([0, 1, 2, 3], { minLength: 2 }),
      left: fc.array(fc.shuffledSubarray(upTo(n), { maxLength: f }), sizeOf(INSTANCES)),
      lies: fc.array(fc.array(lie, sizeOf(f)), sizeOf(INSTANCES)),
    })
    .map((drawn): World => {
      const batchOf = (at: number, replica: number): number =>
        at >= 2 && drawn.variants[replica]?.[at] === 0 ? 1 : 0;
      const interfere = (a: InstanceValue, b: InstanceValue): boolean => {
        const [x = 0, y = 0] = [Number(a.digest), Number(b.digest)].sort((p, q) => p - q);
        return drawn.touching[x * 8 + y] !== 0;
      };
      const correct: Said[][] = instances.map(() => []);
      for (const [replica, order] of drawn.orders.entries()) {
        const seen: { instance: Instance; value: InstanceValue }[] = [];
        for (const at of order) {
          const instance = instances[at] as Instance;
          const digest = digestOf(String(at * 2 + batchOf(at, replica)));
          const claimed = drawn.leaderDeps[at] ?? [];
          const deps = upTo(n).map((space) =>
            space === instance.space ? instance.index - 1 : (claimed[space] ?? 0),
          );
          const value = valueNamed(digest, deps);
          for (const other of seen) {
            if (other.instance.space === instance.space || !interfere(value, other.value)) continue;
            const { space, index } = other.instance;
            deps[space] = Math.max(deps[space] ?? 0, index);
          }
          seen.push({ instance, value });
          (correct[at] as Said[])[replica] = value;
        }
        for (const of of correct) of[replica] ??= null;
      }
      const settlements = drawn.settled.map((at) => {
        const instance = instances[at] as Instance;
        const lies = (drawn.lies[at] ?? []).map(([kind, copied, deps]): Said => {
          const own = upTo(n).map((space) =>
            space === instance.space ? instance.index - 1 : (deps[space] ?? 0),
          );
          if (kind === 0) return null;
          if (kind === 1) return valueNamed(digestOf(String(at * 2 + (copied % 2))), own);
          return correct[at]?.[copied] ?? null;
        });
        const all = [...(correct[at] ?? []), ...lies];
        const left = new Set(drawn.left[at]);
        return { instance: at, said: all.filter((_, replica) => !left.has(replica)) };
      });
      return { resilience, instances, interfere, correct, settlements };
    });
});

/** Decides a world's instances by a rule, and says what is wrong with that; nothing where all is well. */
export function faultsOf(world: World, rule: Rule): readonly string[] {
  const faults: string[] = [];
  const decided = new Map<number, Said>();
  for (const [at, said] of world.correct.entries()) {
    const fast = fastOf(said);
    if (fast) decided.set(at, fast);
  }
  const settled: Settled[] = [];
  for (const { instance: at, said } of world.settlements) {
    const instance = world.instances[at] as Instance;
    // Which of the settled ones interfere depends on the batch that this one may be decided as.
    const digest = mostOf(said);
    const interfering = settled.filter(
      ({ instance: other, value }) =>
        other.space !== instance.space &&
        digest !== undefined &&
        world.interfere(valueNamed(digest, []), value),
    );
    const value = rule(instance, said, interfering, world.resilience);
    const fast = decided.get(at);
    if (fast && (!value || !isSameValue(fast, value))) faults.push(`two decisions of ${at}`);
    decided.set(at, value);
    if (value) settled.push({ instance, value });
  }
  for (const [a, ofA] of decided) {
    for (const [b, ofB] of decided) {
      const [one, other] = [world.instances[a] as Instance, world.instances[b] as Instance];
      if (a >= b || !ofA || !ofB || one.space === other.space || !world.interfere(ofA, ofB))
        continue;
      if (!names(ofA.deps, other) && !names(ofB.deps, one)) faults.push(`${a} and ${b} unordered`);
    }
  }
  return faults;
}

/** What may have been decided fast: liars say what they like to whoever counts. */
function fastOf(said: readonly Said[]): InstanceValue | undefined {
  const [first] = said;
  const isFast = first && said.every((value) => value && isSameValue(value, first));
  return isFast ? first : undefined;
}

function mostOf(said: readonly Said[]): Digest | undefined {
  const digests = said.flatMap((value) => value?.digest ?? []);
  const counts = [...new Set(digests)].map((digest) => ({
    digest,
    count: digests.filter((one) => one === digest).length,
  }));
  return counts.sort((a, b) => b.count - a.count || (a.digest < b.digest ? -1 : 1))[0]?.digest;
}

function depsOf(n: number): fc.Arbitrary<number[]> {
  return fc.array(fc.nat({ max: 2 }), sizeOf(n));
}

function sizeOf(length: number): fc.ArrayConstraints & { minLength: number; maxLength: number } {
  return { minLength: length, maxLength: length };
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
