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
  {
    name: 'same-key-another-body',
    rule: 'a key names one request of the front door',
    file: 'src/role/front/requests.ts',
    find: 'if (before !== undefined && digestOfOrder(before) !== digestOfOrder(order)) {',
    replace: 'if (false) {',
    tests: ['test/role/front-once.test.ts'],
  },
  {
    name: 'front-forgets-at-restart',
    rule: 'the front door has a named request on disk before it sends it on',
    file: 'src/role/front/request-book.ts',
    find: 'await this.#store.write([{ key: keyOf(request.key), value }]);',
    replace: '',
    tests: ['test/role/front-once.test.ts', 'test/role/front-book.test.ts'],
  },
  {
    name: 'front-asks-as-new',
    rule: 'what is not known is asked for as the same request',
    file: 'src/role/front/requests.ts',
    find: 'const result = await client.ask(request.ticket, request.order, { timeoutMs });',
    replace: 'const result = await client.transfer(request.order, { timeoutMs });',
    tests: ['test/role/front-once.test.ts'],
  },
  {
    name: 'greedy-caller',
    rule: 'each caller of the front door has a share of its book',
    file: 'src/role/front/request-book.ts',
    find: 'requestsOfCaller: 25_000,',
    replace: 'requestsOfCaller: 250_000,',
    tests: ['test/role/front-book.test.ts'],
  },
  {
    name: 'stale-is-refused',
    rule: 'an initiator that calls a request old says nothing of its outcome',
    file: 'src/role/client/ask-initiator.ts',
    find: 'isTooOld: tooOldCodes.has(error.code)',
    replace: 'isTooOld: false',
    tests: ['test/role/client-liars.test.ts'],
  },
  {
    name: 'one-liar-ends-the-request',
    rule: 'whatever one initiator sends is its own failure',
    file: 'src/role/client/ask-initiator.ts',
    find: "if (!(error instanceof ReceivedFault) || error.soapCode === 'Receiver') throw error;",
    replace:
      "if (!(error instanceof ReceivedFault)) return { kind: 'refusal', fault: String(error), isTooOld: false };",
    tests: ['test/role/client-liars.test.ts', 'test/role/client.test.ts'],
  },
  {
    name: 'lane-used-again',
    rule: 'a lane whose last outcome is not known is used for nothing else',
    file: 'src/role/client/lane-pool.ts',
    find: 'if (error instanceof TransferError && error.isOpen) last = this.#replace(client);',
    replace: '',
    tests: ['test/role/client-liars.test.ts'],
  },
];
