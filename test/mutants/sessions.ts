import type { Mutant } from './mutant.js';

const core = ['test/session/core'];
const machine = ['test/session/core/machine.test.ts', 'test/session/core/orders.test.ts'];
const byzantine = ['test/session/core/byzantine.test.ts'];
const crypto = ['test/session'];
const simulated = ['test/simulation/sessions.test.ts'];

/** Rules of sessions. */
export const sessionMutants: readonly Mutant[] = [
  {
    name: 'witnessed-by-one',
    rule: 'witnessed is what f + 1 others have simulated alike',
    file: 'src/session/core/reconciliation.ts',
    find: 'return Math.min(oneCorrect(this.#resilience), Math.max(1, this.#resilience.n - 1));',
    replace: 'return 1;',
    tests: core,
  },
  {
    name: 'promise-not-persisted',
    rule: 'a promise is on disk before it leaves',
    file: 'src/session/core/intake.ts',
    find: 'this.#held.keep(fresh);',
    replace: '',
    tests: core,
  },
  {
    name: 'done-twice',
    rule: 'operations that the order has are passed over',
    file: 'src/session/core/machine/machine.ts',
    find: 'run.operations.slice(Math.max(0, next - run.first));',
    replace: 'run.operations.slice(0);',
    tests: core,
  },
  {
    name: 'head-chain-unchecked',
    rule: 'an operation continues the chain of heads that the order has',
    file: 'src/session/core/machine/machine.ts',
    find: 'if (heads[next - run.first] !== head || operations.length === 0',
    replace: 'if (operations.length === 0',
    tests: core,
  },
  {
    name: 'forgotten-session-again',
    rule: 'nothing of a forgotten session is taken again',
    file: 'src/session/core/machine/machine.ts',
    find: 'if (!known && this.table.isForgotten(session, run.header)) return;',
    replace: '',
    tests: core,
  },
  {
    name: 'one-report-ends-an-order',
    rule: 'f + 1 replicas say what an order came to',
    file: 'src/session/core/machine/machine.ts',
    find: 'this.lanes.report(statement, oneCorrect(this.#options.resilience));',
    replace: 'this.lanes.report(statement, 1);',
    tests: machine,
  },
  {
    name: 'reports-of-one-replica-count-twice',
    rule: 'the f + 1 replicas are different ones',
    file: 'src/session/core/machine/lanes.ts',
    find: ' || open.reports.has(statement.replica)) return undefined;',
    replace: ') return undefined;',
    tests: [...machine, ...byzantine],
  },
  {
    name: 'aborted-as-a-whole',
    rule: 'an order that aborts is split until the culprit is alone',
    file: 'src/session/core/machine/machine.ts',
    find: "outcome.kind === 'aborted' && order.sequences.length > 1;",
    replace: "outcome.kind === 'aborted' && order.sequences.length > 1e9;",
    tests: machine,
  },
  {
    name: 'history-of-one',
    rule: 'an outcome is proved by f + 1 replicas',
    file: 'src/session/core/finals.ts',
    find: 'const needed = oneCorrect(resilience);',
    replace: 'const needed = Math.min(1, resilience.n);',
    tests: [...core, ...simulated],
  },
  {
    name: 'nobody-takes-over',
    rule: 'witnesses order what a silent home has promised',
    file: 'src/session/core/submissions.ts',
    find: 'takeoverAfterMs * Math.max(1, rank));',
    replace: 'takeoverAfterMs * Math.max(1, rank) * 1e9);',
    tests: core,
  },
  {
    name: 'promises-while-behind',
    rule: 'whoever has to catch up promises nothing',
    file: 'src/session/core/intake.ts',
    find: 'return this.#finals.othersAt > this.#position() + this.#outbox.options.promisePositions / 2;',
    replace: 'return false;',
    tests: core,
  },
  {
    name: 'owner-signature-unchecked',
    rule: 'operations count with their owner’s signature',
    file: 'src/session/owners.ts',
    find: "mismatchUnless(owners.verifies(owner, text, run.signature), 'signature and owner')",
    replace: 'undefined',
    tests: crypto,
  },
  {
    name: 'request-of-any-name',
    rule: 'a request is named after its content, so that nobody uses up another’s',
    file: 'src/session/request.ts',
    find: 'if (number !== 1 || client !== digest.slice(0, digitsInName)) return false;',
    replace: '',
    tests: [...crypto, ...core],
  },
  {
    name: 'proof-of-another-outcome',
    rule: 'a proof is of its outcome',
    file: 'src/session/check-proof.ts',
    find: "mismatchUnless(rootOf(proof) === proof.certificate.statement.root, 'outcome and history') ??",
    replace: '',
    tests: crypto,
  },
  {
    name: 'promise-broken-before-its-deadline',
    rule: 'a promise is broken after its deadline only',
    file: 'src/session/check-proof.ts',
    find: 'position >= receipt.statement.deadline,',
    replace: 'position >= 0,',
    tests: crypto,
  },
  {
    name: 'one-replica-attests',
    rule: 'f + 1 replicas attest to what convicts another',
    file: 'src/session/check-proof.ts',
    find: "atLeast(oneCorrect(keyring.resilience), signers, 'replicas') ??",
    replace: '',
    tests: crypto,
  },
];
