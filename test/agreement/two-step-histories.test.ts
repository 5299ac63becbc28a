import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Evidence } from '../support/evidence.js';
import { testCluster } from '../support/keys.js';
import { History, type Kind } from './two-step-history.js';

const sizes = [
  { n: 4, f: 1 },
  { n: 5, f: 1 },
  { n: 7, f: 2 },
];
const STEPS = 60;

describe.each(sizes)('whatever $n replicas, $f of them liars, say in one slot', ({ n, f }) => {
  const evidence = new Evidence(testCluster({ n, f, agreement: 'two-step' }));

  it.each<Kind>(['activation', 'outcome'])(
    'one %s is decided, and no vote that decided is released',
    (kind) => {
      const seen = { fast: 0, committed: 0, released: 0, lost: 0, back: 0 };
      fc.assert(
        fc.property(fc.infiniteStream(fc.nat(1_000_000)), (numbers) => {
          const history = new History(evidence, kind, (count) => {
            const { value } = numbers.next();
            return count === 0 ? 0 : (value as number) % count;
          });
          history.run(STEPS);
          for (const [what, times] of Object.entries(history.counts)) {
            seen[what as keyof typeof seen] += times;
          }
          expect(history.violations).toEqual([]);
        }),
        { numRuns: 400, seed: n },
      );
      const always = kind === 'activation' ? ['fast', 'committed', 'back'] : ['fast', 'committed'];
      for (const what of always) expect(seen[what as keyof typeof seen]).toBeGreaterThan(0);
    },
  );
});
