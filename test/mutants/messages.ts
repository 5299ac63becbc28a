import type { Mutant } from './mutant.js';

const fuzz = ['test/fuzz/ordering-messages.test.ts'];

/** What is in a message of the ordering engines fits together, whatever was changed in it. */
export const messageMutants: readonly Mutant[] = [
  {
    name: 'message-deps-of-any-length',
    rule: 'what an instance is executed after has a place for each replica',
    file: 'src/ordering/check-instances.ts',
    find: 'value.deps.length === n && value',
    replace: 'value',
    tests: ['test/ordering/ezbft/messages.test.ts'],
  },
  {
    name: 'message-order-of-another-batch',
    rule: 'a leader’s proposal names the batch that is with it',
    file: 'src/ordering/check-instances.ts',
    find: '    checkValueOf(order.statement, batch) ??\n',
    replace: '',
    tests: fuzz,
  },
  {
    name: 'message-pre-prepare-of-another-batch',
    rule: 'a pre-prepare names the batch that is with it',
    file: 'src/ordering/check-message.ts',
    find: 'digestOfBatch(message.batch) === message.prePrepare.statement.digest,',
    replace: 'message.batch.length >= 0,',
    tests: fuzz,
  },
];
