import type { Mutant } from './mutant.js';

const agreement = ['test/agreement/one-request.test.ts'];
const values = ['test/agreement/values.test.ts'];
const initiator = ['test/transaction/initiator.test.ts'];

/** Of what a client signs with one timestamp one request becomes a transaction; and floors only rise. */
export const oneRequestMutants: readonly Mutant[] = [
  {
    name: 'slot-of-each-content',
    rule: 'client and timestamp alone name the activation slot',
    file: 'src/agreement/values.ts',
    find: 'sha256(encodeActivationName(statement))',
    replace: 'sha256(encodeActivationRequest(statement))',
    tests: agreement,
  },
  {
    name: 'contents-that-differ',
    rule: 'f + 1 initiators ask for the same content',
    file: 'src/agreement/check-value.ts',
    find: 'activationContent(statement) === activationContent(first.statement)',
    replace: 'activationContent(statement).length === 64',
    tests: values,
  },
  {
    name: 'contents-counted-together',
    rule: 'requests of different content do not make f + 1 together',
    file: 'src/transaction/coordinator/core/activation.ts',
    find: 'const content = activationContent(statement.statement);',
    replace: 'const content = request;',
    tests: agreement,
  },
  {
    name: 'content-not-checked',
    rule: 'what was agreed names the content of its requests',
    file: 'src/agreement/check-value.ts',
    find: "result.kind === 'activation' && result.content === activationContent(statement)",
    replace: "result.kind === 'activation' && result.content !== statement.client",
    tests: ['test/agreement/decision-proof.test.ts'],
  },
  {
    name: 'loser-answered',
    rule: 'who asks for another request is refused, and not given its transaction',
    file: 'src/transaction/coordinator/core/activation.ts',
    find: 'if (waiting.content === content) ',
    replace: 'if (waiting.content !== replyId) ',
    tests: agreement,
  },
  {
    name: 'other-proof-taken',
    rule: 'an initiator takes no transaction of another request',
    file: 'src/transaction/initiator/transaction.ts',
    find: "if (result.content !== this.#content) return this.#end({ kind: 'refusal', code: 'conflict' });",
    replace: '',
    tests: initiator,
  },
  {
    name: 'conflict-by-one-word',
    rule: 'f + 1 coordinators are believed that a timestamp is taken',
    file: 'src/transaction/initiator/transaction.ts',
    find: 'this.#taken = new Tally(oneCorrect(options.resilience));',
    replace: 'this.#taken = new Tally(1);',
    tests: initiator,
  },
  {
    name: 'floor-falls',
    rule: 'a floor only rises: a replica that would lower one stops',
    file: 'src/transaction/coordinator/core/floors.ts',
    find: "invariant(timestamp > this.#floorOf(client), 'floors only rise');",
    replace: '',
    tests: ['test/transaction/floors-rise.test.ts'],
  },
  {
    name: 'lanes-without-share',
    rule: 'of the lanes that are remembered for ever each principal has a share',
    file: 'src/transaction/coordinator/core/room.ts',
    find: 'lanes >= LANES_OF_ONE_PRINCIPAL_MAX',
    replace: 'lanes < 0',
    tests: ['test/transaction/lanes.test.ts'],
  },
  {
    name: 'lane-counted-again',
    rule: 'a client id is one lane, however often its floor rises',
    file: 'src/transaction/coordinator/core/floors.ts',
    find: 'if (!this.#floors.has(client)) {',
    replace: 'if (timestamp >= 0) {',
    tests: ['test/transaction/lanes.test.ts'],
  },
];
