import type { Mutant } from './mutant.js';

const damage = ['test/kernel/store/damage.test.ts'];

/** Rules of stores on disks that lie. */
export const storeMutants: readonly Mutant[] = [
  {
    name: 'record-checksum-unchecked',
    rule: 'a record counts only with its checksum',
    file: 'src/kernel/store/ledger.ts',
    find: 'if (checksumIn(framed) !== checksum) {',
    replace: 'if (false) {',
    tests: damage,
  },
  {
    name: 'checksum-without-key',
    rule: 'the checksum covers the key',
    file: 'src/kernel/store/ledger.ts',
    find: '{key}`);',
    replace: '`);',
    tests: damage,
  },
  {
    name: 'checksum-without-key-length',
    rule: 'the checksum says where the key ends',
    file: 'src/kernel/store/ledger.ts',
    find: 'Buffer.concat([length, name, value])',
    replace: 'Buffer.concat([name, value])',
    tests: damage,
  },
  {
    name: 'records-uncounted',
    rule: 'no record is missing, old, or back',
    file: 'src/kernel/store/ledger.ts',
    find: '(count !== checksums.size || sum !== found)',
    replace: 'false',
    tests: damage,
  },
  {
    name: 'sum-unchecked',
    rule: 'no record is old',
    file: 'src/kernel/store/ledger.ts',
    find: ' || sum !== found)',
    replace: ')',
    tests: damage,
  },
  {
    name: 'older-store-taken',
    rule: 'a store is not older than its mark',
    file: 'src/kernel/store/store.ts',
    find: 'return lost > 0 ?',
    replace: 'return lost > Infinity ?',
    tests: damage,
  },
  {
    name: 'store-of-another-taken',
    rule: 'a store is the one that its mark names',
    file: 'src/kernel/store/store.ts',
    find: "if (mark.id !== id) return 'the mark beside the store is of another store';",
    replace: '',
    tests: damage,
  },
  {
    name: 'vanished-store-is-empty',
    rule: 'a store that vanished is not an empty one',
    file: 'src/kernel/store/store.ts',
    find: "if (stored.length === 0 && mark === 'missing')",
    replace: 'if (stored.length === 0)',
    tests: damage,
  },
  {
    name: 'lost-bank-begins-anew',
    rule: 'a bank whose store is gone does not open its accounts again',
    file: 'src/kernel/store/store.ts',
    find: "if (mark === 'missing') {",
    replace: 'if (false) {',
    tests: damage,
  },
];
