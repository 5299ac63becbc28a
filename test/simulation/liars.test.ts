import { expect, it } from 'vitest';
import type { OrderingPlan } from './ordering/plan.js';
import { simulateOrdering } from './ordering/simulate.js';

/** What few seeds draw together: `test/mutants/liars.ts` has rules that no other liar here breaks. */

const calm: OrderingPlan = {
  scenario: 'ordering',
  seed: 1,
  engine: 'fab',
  n: 4,
  f: 1,
  requests: 8,
  chaosMs: 6000,
  faults: {},
  liars: [],
  twins: [],
  decisionsBy: 'pbft',
  exclusion: 'S1',
  pipelineDepth: 4,
  checkpointInterval: 16,
  batchDelayMs: 5,
  batchRequestsMax: 1024,
  stateBytes: 0,
  measuring: null,
  stepsMax: 150_000,
};

const runs: Readonly<
  Record<string, { readonly seeds: readonly number[] } & Partial<OrderingPlan>>
> = {
  'a liar shows replies that differ as one certificate': {
    engine: 'ezbft',
    liars: [{ replica: 0, behaviours: ['mixed-replies'] }],
    seeds: [1, 2, 3],
  },
  'a primary signs two batches, and one replica alone decides and is cut off': {
    engine: 'fab',
    liars: [{ replica: 0, behaviours: ['equivocate-batches'] }],
    faults: { 'lone-votes': 1 },
    seeds: [1, 2, 3, 4, 5, 6, 7, 8],
  },
  'a primary of the Decision Module signs two settlements, and one replica alone decides': {
    engine: 'ezbft',
    liars: [{ replica: 0, behaviours: ['equivocate-batches', 'equivocate-replies'] }],
    faults: { 'lone-votes': 1 },
    seeds: [1, 4, 7],
  },
  'a primary of the Decision Module signs two commands, and one replica alone decides': {
    engine: 'antipaxos',
    decisionsBy: 'fab',
    liars: [{ replica: 0, behaviours: ['equivocate-batches', 'equivocate-reports'] }],
    faults: { 'lone-votes': 1 },
    seeds: [1, 4, 7],
  },
  'a backup votes in other views': {
    engine: 'pbft',
    liars: [{ replica: 3, behaviours: ['stale-votes'] }],
    faults: { crash: 1 },
    seeds: [1, 2, 3],
  },
};

it.each(Object.entries(runs))('%s', (_, { seeds, ...plan }) => {
  for (const seed of seeds) {
    const { violations } = simulateOrdering({ ...calm, ...plan, seed });
    expect({ seed, violations }).toEqual({ seed, violations: [] });
  }
});
