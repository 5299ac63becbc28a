import type { Mutant } from './mutant.js';

const sizes = ['test/core/session/sizes.test.ts'];
const shares = ['test/core/session/shares.test.ts'];
const state = ['test/core/session/state.test.ts', 'test/core/session/machine.test.ts'];

const resources = ['test/core/session/resources.test.ts'];

const divergence = ['test/core/session/divergence.test.ts'];
const client = ['test/role/client-lying-homes.test.ts', 'test/role/client-patience.test.ts'];

/** Bounds of sessions, and whose share they are. */
export const sessionLimitMutants: readonly Mutant[] = [
  {
    name: 'position-unbounded-by-reports',
    rule: 'what becomes final in one position fits into one message',
    file: 'src/core/session/machine/settling.ts',
    find: 'if (usedBytes >= roomBytes) {',
    replace: 'if (usedBytes >= Number.POSITIVE_INFINITY) {',
    tests: sizes,
  },
  {
    name: 'answer-of-any-length',
    rule: 'an answer is one that a client reads',
    file: 'src/core/session/statuses.ts',
    find: 'if (statuses.length > 0 && bytes > resultBytesMax) break;',
    replace: '',
    tests: sizes,
  },
  {
    name: 'unencodable-is-fatal',
    rule: 'a message that cannot be encoded is dropped and logged',
    file: 'src/role/session/peers.ts',
    find: "return this.#occasionally.write('error', 'message-not-sent',",
    replace:
      "if (bytes === undefined) throw error; this.#occasionally.write('error', 'message-not-sent',",
    tests: ['test/role/session/peers.test.ts'],
  },
  {
    name: 'no-share-of-an-owner',
    rule: 'an owner that fills its share takes nothing from the others',
    file: 'src/core/session/shares.ts',
    find: "if (ofOwner) return { of: 'owner', what: ofOwner };",
    replace: '',
    tests: shares,
  },
  {
    name: 'no-share-of-a-replica',
    rule: 'a replica that fills its share takes nothing from the others',
    file: 'src/core/session/shares.ts',
    find: "return ofReplica && { of: 'replica', what: ofReplica };",
    replace: 'return ofReplica && undefined;',
    tests: shares,
  },
  {
    name: 'share-not-given-back',
    rule: 'what is final takes up no share',
    file: 'src/core/session/held-sessions.ts',
    find: 'this.#shares.giveBack(broughtBy, header.owner, { sessions: 1 });',
    replace: '',
    tests: shares,
  },
  {
    name: 'state-without-shares',
    rule: 'an owner fills its own part of the state and no more',
    file: 'src/core/session/machine/state-quota.ts',
    find: 'if (growth.own > 0 && ',
    replace: 'if (growth.own > this.#bytes && ',
    tests: state,
  },
  {
    name: 'state-paid-by-its-maker',
    rule: 'the owner whose call makes an entry grow pays for it',
    file: 'src/core/session/machine/payments.ts',
    find: 'return [...others, [owner, own + cost - before]];',
    replace: 'return [[others[0]?.[0] ?? owner, cost]];',
    tests: state,
  },
  {
    name: 'simulation-without-quota',
    rule: 'the first answer says that the share of the state is full',
    file: 'src/core/session/pending-view.ts',
    find: 'if (reason === undefined) return { result, writes, growth };',
    replace: 'if (reason !== null) return { result, writes, growth };',
    tests: ['test/core/session/state.test.ts'],
  },
  {
    name: 'full-stack-is-an-outcome',
    rule: 'a replica that runs out of stack or memory stops, and says nothing of the call',
    file: 'src/core/session/machine/calls.ts',
    find: 'ApplicationFault.check(error);',
    replace: '',
    tests: resources,
  },
  {
    name: 'payload-of-any-depth',
    rule: 'what becomes of a call does not depend on the depth of the stack',
    file: 'src/core/session/machine/calls.ts',
    find: 'if (isTooDeep(payload))',
    replace: 'if (payload === undefined)',
    tests: resources,
  },
  {
    name: 'work-without-limit',
    rule: 'a call that touches too much of the state is rejected, also where it catches the error',
    file: 'src/core/session/machine/calls.ts',
    find: 'draft.exceeded ?? made',
    replace: 'made',
    tests: resources,
  },
  {
    name: 'bare-word-is-news',
    rule: 'an answer without a promise that was checked does not keep a client waiting',
    file: 'src/role/client/session-client.ts',
    find: 'if (!this.#log.isUnanswered) this.#patience.news(performance.now());',
    replace: 'this.#patience.news(performance.now());',
    tests: client,
  },
  {
    name: 'home-that-orders-nothing-kept',
    rule: 'a home that brings nothing to its end is left, also where it was not asked to commit',
    file: 'src/role/client/patience.ts',
    find: 'if (nowMs - Math.max(this.#homeMs, this.#finalMs) >= finalAfterMs) {',
    replace: 'if (nowMs < 0) {',
    tests: client,
  },
  {
    name: 'answer-of-another-session',
    rule: 'a home that answers for another session is left',
    file: 'src/role/client/session-client.ts',
    find: "if (session !== this.session) throw new NodeError('it answers of another session');",
    replace: '',
    tests: client,
  },
  {
    name: 'batch-of-any-length',
    rule: 'a batch that is received can be sent again with its proof',
    file: 'src/wire/ordering/fields.ts',
    find: "if (bytes > orderingLimits.batchBytes) throw new WireError('batch too long');\n    return request;",
    replace: 'return request;',
    tests: ['test/wire/ordering-sizes.test.ts'],
  },
  {
    name: 'diverged-asks-everybody',
    rule: 'a replica that diverged asks one other at a time, less and less often',
    file: 'src/core/ordering/checkpoints.ts',
    find: 'if (snapshot || isPassed) return this.#repair.start(certificate);',
    replace: 'if (snapshot || isPassed) this.#repair.start(certificate);',
    tests: divergence,
  },
  {
    name: 'diverged-keeps-its-state',
    rule: 'a replica that diverged takes the state of the others',
    file: 'src/core/ordering/checkpoints.ts',
    find: 'position > this.#position || this.#repair.wants(certificate);',
    replace: 'position > this.#position;',
    tests: divergence,
  },
  {
    name: 'wrong-outcomes-kept',
    rule: 'what a diverged replica came to, and nobody has confirmed, is worth nothing',
    file: 'src/core/session/session-replica.ts',
    find: 'this.#finals.doubt();',
    replace: '',
    tests: divergence,
  },
];
