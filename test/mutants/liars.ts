import type { Mutant } from './mutant.js';

const liars = ['test/simulation/liars.test.ts'];

/** Rules that liars of the simulator were made for: these show that they are broken. */
export const liarMutants: readonly Mutant[] = [
  {
    name: 'liar-mixes-replies',
    rule: 'all replicas have signed the reply that decides fast',
    file: 'src/ordering/check-instances.ts',
    find: 'checkShared(keyring, replies)',
    replace: 'undefined',
    tests: liars,
  },
  {
    name: 'liar-and-a-lone-decider',
    rule: 'what one replica alone may have decided binds the next view',
    file: 'src/ordering/core/fab/rule.ts',
    find: 'const acked = entries.flatMap((entry) => ackedIn(entry));',
    replace: 'const acked = entries.flatMap((entry) => ackedIn(entry)).slice(0, 0);',
    tests: liars,
  },
];
