import type { Mutant } from './mutant.js';

const tests = ['test/model/model.test.ts'];

/** What the models' runs find when they are replayed at the engines. */
export const modelMutants: readonly Mutant[] = [
  {
    name: 'model-pbft-joins-one',
    rule: 'f + 1 replicas that ask for a view move a third, one alone does not',
    file: 'src/ordering/core/sequence/view-change.ts',
    find: 'if (ahead.length < oneCorrect(options.resilience)) return;',
    replace: 'if (ahead.length < 1) return;',
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
  {
    name: 'model-ezbft-leader-unheard',
    rule: 'a reply names all that its leader names',
    file: 'src/ordering/core/ezbft/replying.ts',
    find: 'this.#depsOf(entry, batch, this.#plausible(value.deps, batch))',
    replace: 'this.#depsOf(entry, batch, [])',
    tests,
  },
  {
    name: 'model-ezbft-settled-unnamed',
    rule: 'a replica names what was settled before it has the batch',
    file: 'src/ordering/core/ezbft/state.ts',
    find: 'if (!isKnownBy) this.interference.add(entry.instance, touched);',
    replace: '',
    tests,
  },
  {
    name: 'model-antipaxos-own-report-late',
    rule: 'a process counts its own report at once',
    file: 'src/ordering/core/antipaxos/cycles.ts',
    find: `    // Its own may be the last that is missing.
    state.reports.judge(roster, isAtHand);
`,
    replace: '',
    tests,
  },
];
