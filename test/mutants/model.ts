import type { Mutant } from './mutant.js';

const tests = ['test/model/model.test.ts'];

/** What the models' runs find when they are replayed at the engines. */
export const modelMutants: readonly Mutant[] = [
  {
    name: 'model-pbft-lowest-view',
    rule: 'a new view keeps what prepared in the highest view',
    file: 'src/ordering/core/pbft/new-view.ts',
    find: '!known || phase.view > known.view',
    replace: '!known || phase.view < known.view',
    tests,
  },
  {
    name: 'model-fab-start-of-one',
    rule: 'nobody acknowledges in a view whose start one replica alone has confirmed',
    file: 'src/ordering/core/fab/starts.ts',
    find: 'if (!confirmations || confirmations.signatures.length < least) return;',
    replace: 'if (!confirmations) return;',
    tests,
  },
];
