import type { Mutant } from './mutant.js';

/** Rules of the driver, and what the simulator alone has to find. */
export const simulatorMutants: readonly Mutant[] = [
  {
    name: 'failed-write-goes-on',
    rule: 'a node whose store fails stops before it speaks',
    file: 'src/kernel/sequencer.ts',
    find: 'if (failure) return this.#fail(failure.cause);',
    replace: '',
    tests: ['test/kernel/driver'],
  },
  {
    name: 'timer-of-before',
    rule: 'a timer that runs out after the core has stopped it, or started it anew, does not reach the core',
    file: 'src/kernel/sequencer.ts',
    find: 'if (isTimer(input) && this.#timersAhead.has(input.name)) return;',
    replace: '',
    tests: ['test/kernel/driver'],
  },
  {
    name: 'two-writes-at-once',
    rule: 'one write at a time, so that none overtakes another',
    file: 'src/kernel/sequencer.ts',
    find: 'if (this.#writing || this.#unwritten.length === 0 || this.#ended) return;',
    replace: 'if (this.#unwritten.length === 0 || this.#ended) return;',
    tests: ['test/kernel/driver'],
  },
  {
    name: 'speaks-after-death',
    rule: 'nothing is performed after a process has died within a step',
    file: 'src/kernel/sequencer.ts',
    find: 'if (this.#options.isAlive?.() === false) this.#end();',
    replace: 'if (false) this.#end();',
    tests: ['test/simulation/engine.test.ts'],
  },
  {
    name: 'invitations-of-another-bank',
    rule: 'a bank takes a place with its own invitations only',
    file: 'src/agreement/check-signature.ts',
    find: 'if (invitations.some(({ statement }) => statement.participant !== participant)) {',
    replace: 'if (false) {',
    tests: ['test/simulation/limits.test.ts'],
  },
];
