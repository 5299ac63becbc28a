import type { Mutant } from './mutant.js';

const explored = ['test/exploration/exploration.test.ts'];

/** Bugs that need no luck to be found: every run with one deviation is made. */
export const explorationMutants: readonly Mutant[] = [
  {
    name: 'view-change-that-hides-what-prepared',
    rule: 'a view change shows what prepared, so that the new view proposes it again',
    file: 'src/ordering/core/pbft/new-view.ts',
    find: 'prepared: entries.flatMap(({ prepared }) => (prepared ? [prepared] : [])),',
    replace: 'prepared: [],',
    tests: explored,
  },
];
