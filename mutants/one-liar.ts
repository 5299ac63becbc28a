import type { Mutant } from './mutant.js';

const oneLiar = ['test/core/ordering/one-liar.test.ts'];
const rules = ['test/core/ordering/antipaxos-rules.test.ts'];

/** What one liar among the ordering replicas may cost. */
export const oneLiarMutants: readonly Mutant[] = [
  {
    name: 'reports-not-handed-on',
    rule: 'who lacks a report that others have gets it from them, in time',
    file: 'src/core/ordering/antipaxos/cycles.ts',
    find: "this.#state.outbox.broadcast({ kind: 'fetch-reports', cycle: state.cycle });",
    replace: '',
    tests: oneLiar,
  },
  {
    name: 'cycles-forgotten-at-once',
    rule: 'cycles that a victim may lack outlive the checkpoint by a pipeline',
    file: 'src/core/ordering/antipaxos/state.ts',
    find: 'if (cycle > low - this.options.pipelineDepth) continue;',
    replace: 'if (cycle > low) continue;',
    tests: oneLiar,
  },
  {
    name: 'slowest-stretches-the-timeout',
    rule: 'the f slowest do not count in the timeout',
    file: 'src/core/ordering/antipaxos/delay.ts',
    find: 'return tails[this.#f] ?? 0;',
    replace: 'return tails[0] ?? 0;',
    tests: oneLiar,
  },
  {
    name: 'slow-without-end',
    rule: 'who is slow in a quarter of the cycles is left out',
    file: 'src/core/ordering/antipaxos/standing.ts',
    find: 'if (this.#isSlow) return true;',
    replace: '',
    tests: [...rules, ...oneLiar],
  },
  {
    name: 'slow-comes-back-at-once',
    rule: 'who was left out for being slow stays out for a while',
    file: 'src/core/ordering/antipaxos/standing.ts',
    find: 'if (this.#isSlow) this.#strikes = Math.max(this.#strikes, SLOW_STRIKES);',
    replace: '',
    tests: oneLiar,
  },
  {
    name: 'omissions-unnoticed',
    rule: 'a report that lacks a value which all others had in time is held against its sender',
    file: 'src/core/ordering/antipaxos/complaints.ts',
    find: 'return theirs !== undefined && !roster.isComplete(theirs);',
    replace: 'return false;',
    tests: oneLiar,
  },
  {
    name: 'one-finds-it-slow',
    rule: 'f + 1 have to find a process slow',
    file: 'src/core/ordering/antipaxos/standing.ts',
    find: 'if (noted(this.#impatient, cycle, complainer) >= enough) this.#slow.add(cycle);',
    replace: 'if (noted(this.#impatient, cycle, complainer) >= 1) this.#slow.add(cycle);',
    tests: rules,
  },
  {
    name: 'required-forgotten',
    rule: 'a primary that is behind keeps what its view must propose',
    file: 'src/core/ordering/pbft/proposing.ts',
    find: 'missing.push([sequence, digest]);\n        continue;',
    replace: 'continue;',
    tests: oneLiar,
  },
  {
    name: 'place-kept-from-one',
    rule: 'a backup from which a committed place is kept asks for its proof soon',
    file: 'src/core/ordering/pbft/voting.ts',
    find: 'this.#askInTime(entry);',
    replace: '',
    tests: oneLiar,
  },
  {
    name: 'same-value-of-two-not-adopted',
    rule: 'a report shows the word of whoever proposed what is at hand already',
    file: 'src/core/ordering/antipaxos/cycles.ts',
    find: 'this.#adopt(state, statement);',
    replace: '',
    tests: oneLiar,
  },
  {
    name: 'decided-before-reported',
    rule: 'a process reports in a cycle that is decided before its time for the report is over',
    file: 'src/core/ordering/antipaxos/cycles.ts',
    find: "...(isReporting ? ['report'] : [])",
    replace: '',
    tests: oneLiar,
  },
  {
    name: 'named-by-one-not-fetched',
    rule: 'whose report names a value that only it was shown is not absent',
    file: 'src/core/ordering/antipaxos/state.ts',
    find: "[...phases, 'fetch']",
    replace: 'phases',
    tests: oneLiar,
  },
];
