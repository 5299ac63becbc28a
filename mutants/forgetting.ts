import type { Mutant } from './mutant.js';

const floors = ['test/core/transaction/floors.test.ts'];
const lanes = ['test/core/transaction/order-lanes.test.ts'];

/** What was forgotten, and answers that are older than their questions. */
export const forgettingMutants: readonly Mutant[] = [
  {
    name: 'forgotten-revived',
    rule: 'nothing at or below the floor that is not on record is taken part in',
    file: 'src/core/transaction/floors.ts',
    find: 'if (timestamp > this.#floorOf(client)) return false;',
    replace: 'if (timestamp >= 0) return false;',
    tests: floors,
  },
  {
    name: 'floor-not-kept',
    rule: 'the floor outlives a restart',
    file: 'src/core/transaction/floors.ts',
    find: 'if (!key.startsWith(prefix)) continue;',
    replace: "if (key !== '') continue;",
    tests: floors,
  },
  {
    name: 'floor-not-written',
    rule: 'the floor is on disk before the record goes',
    file: 'src/core/transaction/floors.ts',
    find: 'this.#persist(keyOf(proof), encodeRequests(proof));',
    replace: '',
    tests: floors,
  },
  {
    name: 'forgotten-proof-taken',
    rule: 'the proof of a forgotten activation makes no transaction',
    file: 'src/core/agreement/agreement.ts',
    find: 'if (!hadVote && this.#host.isForgotten(proof.value)) return;',
    replace: '',
    tests: floors,
  },
  {
    name: 'forgotten-request-taken',
    rule: 'the request of a forgotten activation is refused as too old',
    file: 'src/core/transaction/activation-service.ts',
    find: 'if (this.#events.isForgotten(statement)) return TOO_OLD;',
    replace: '',
    tests: floors,
  },
  {
    name: 'forgotten-proposal-voted-for',
    rule: 'no primary makes a forgotten activation a second transaction',
    file: 'src/core/agreement/voting.ts',
    find: 'if (this.#host.isForgotten(proposal.value)) return;',
    replace: '',
    tests: ['test/core/transaction/floors-rise.test.ts'],
  },
  {
    name: 'timestamp-ahead-taken',
    rule: 'a request from the future is refused at the edge of an initiator',
    file: 'src/role/initiator/ports.ts',
    find: 'if (timestamp > (Date.now() + aheadMaxMs) * 1000) {',
    replace: 'if (timestamp > Number.POSITIVE_INFINITY) {',
    tests: ['test/role/initiator.test.ts'],
  },
  {
    name: 'last-order-forgotten',
    rule: 'the last order of a lane is remembered until the next one',
    file: 'src/core/transaction/transaction-log.ts',
    find: 'if (transaction && this.#options.floors.isLastOrder(transaction.activation)) continue;',
    replace: '',
    tests: lanes,
  },
  {
    name: 'prepared-given-up',
    rule: 'a prepared participant that has not acknowledged keeps its transaction on record',
    file: 'src/core/transaction/two-phase-commit.ts',
    find: "const mayBeInDoubt = enlistment.vote?.statement.vote === 'prepared';",
    replace: 'const mayBeInDoubt = false;',
    tests: floors,
  },
  {
    name: 'over-by-one-word',
    rule: 'f + 1 peers are believed that a transaction is over',
    file: 'src/core/transaction/missing-proofs.ts',
    find: 'return sayOver >= oneCorrect(this.#options.resilience);',
    replace: 'return sayOver >= 1;',
    tests: floors,
  },
  {
    name: 'old-answer-counts',
    rule: 'what comes while a question is open waits for the next one',
    file: 'src/core/transaction/inquiries.ts',
    find: 'if (inquiry.rounds > 0 || inquiry.waiting.length > 0) return void inquiry.next.push(input);',
    replace: '',
    tests: floors,
  },
];
