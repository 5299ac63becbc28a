import type { Mutant } from './mutant.js';

const ownership = ['test/role/bank/ownership.test.ts'];
const bankCore = ['test/role/bank/bank-core.test.ts', 'test/role/bank/used-requests.test.ts'];

/** Rules of accounts, the front door, and clients that believe nobody. */
export const accountMutants: readonly Mutant[] = [
  {
    name: 'anybody-debits',
    rule: 'a bank debits an account only for its owner',
    file: 'src/role/bank/warrants.ts',
    find: 'if (!options.rules.mayDebit(of, account)) {',
    replace: 'if (false) {',
    tests: ownership,
  },
  {
    name: 'any-warrant-will-do',
    rule: 'just this debit follows from what the client signed',
    file: 'src/role/bank/warrants.ts',
    find: 'debit.amountMinor === amountMinor &&',
    replace: '',
    tests: ownership,
  },
  {
    name: 'request-in-another-name',
    rule: 'a request is in the name of the client that signed it',
    file: 'src/role/bank/warrants.ts',
    find: 'if (request === undefined || clientPrincipal(request.client) !== principal.name) {',
    replace: 'if (request === undefined) {',
    tests: ownership,
  },
  {
    name: 'request-used-twice',
    rule: 'a bank debits for a request once, whoever brings it again',
    file: 'src/role/bank/bank-core.ts',
    find: 'if (request && !this.#used.isOpen(request, ref.tid)) {',
    replace: 'if (false) {',
    tests: bankCore,
  },
  {
    name: 'used-request-not-persisted',
    rule: 'that a request is used is on disk before the vote',
    file: 'src/role/bank/bank-core.ts',
    find: 'return [...(writes ?? []).map(persist), ...this.handle',
    replace: 'return [...this.handle',
    tests: bankCore,
  },
  {
    name: 'anybody-reads',
    rule: 'a balance is told to owners and readers only',
    file: 'src/role/bank/ports.ts',
    find: 'if (!options.rules.mayRead(principal.name, account)) {',
    replace: 'if (false) {',
    tests: ownership,
  },
];
