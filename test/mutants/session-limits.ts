import type { Mutant } from './mutant.js';

const sizes = ['test/session/core/sizes.test.ts'];
const shares = ['test/session/core/shares.test.ts'];
const state = ['test/session/core/state.test.ts', 'test/session/core/machine.test.ts'];

const resources = ['test/session/core/resources.test.ts'];

const divergence = ['test/session/core/divergence.test.ts'];
const client = [
  'test/session/client/client-lying-homes.test.ts',
  'test/service/client/patience.test.ts',
];

/** Bounds of sessions, and whose share they are. */
export const sessionLimitMutants: readonly Mutant[] = [
  {
    name: 'result-that-is-no-text',
    rule: 'a result that has no encoding is no answer: the client leaves the coordinator that sends it',
    file: 'src/session/http/fields.ts',
    find: '(text) => !/\\p{Surrogate}/u.test(text)',
    replace: '() => true',
    tests: [
      'test/session/client/client-lying-homes.test.ts',
      'test/vectors/session-proofs.test.ts',
    ],
  },
  {
    name: 'result-of-any-length',
    rule: 'a result longer than any operation may have is no answer either',
    file: 'src/session/http/fields.ts',
    find: 'encoder.encode(text).length <= bytesMax',
    replace: 'encoder.encode(text).length <= 2 ** 20 * bytesMax',
    tests: [
      'test/session/client/client-lying-homes.test.ts',
      'test/vectors/session-proofs.test.ts',
    ],
  },
  {
    name: 'position-unbounded-by-reports',
    rule: 'what becomes final in one position fits into one message',
    file: 'src/session/core/machine/settling.ts',
    find: 'if (usedBytes >= roomBytes) {',
    replace: 'if (usedBytes >= Number.POSITIVE_INFINITY) {',
    tests: sizes,
  },
  {
    name: 'answer-of-any-length',
    rule: 'an answer is one that a client reads',
    file: 'src/session/core/reconciliation.ts',
    find: 'if (statuses.length > 0 && bytes > resultBytesMax) break;',
    replace: '',
    tests: sizes,
  },
  {
    name: 'unencodable-is-fatal',
    rule: 'a message that cannot be encoded is dropped and logged',
    file: 'src/session/node/peers.ts',
    find: "return this.#occasionally.write('error', 'message-not-sent',",
    replace:
      "if (bytes === undefined) throw error; this.#occasionally.write('error', 'message-not-sent',",
    tests: ['test/session/node/peers.test.ts'],
  },
  {
    name: 'no-share-of-an-owner',
    rule: 'an owner that fills its share takes nothing from the others',
    file: 'src/session/core/held-sessions.ts',
    find: "if (ofOwner) return { of: 'owner', what: ofOwner };",
    replace: '',
    tests: shares,
  },
  {
    name: 'no-share-of-a-replica',
    rule: 'a replica that fills its share takes nothing from the others',
    file: 'src/session/core/held-sessions.ts',
    find: "return ofReplica && { of: 'replica', what: ofReplica };",
    replace: 'return ofReplica && undefined;',
    tests: shares,
  },
  {
    name: 'share-not-given-back',
    rule: 'what is final takes up no share',
    file: 'src/session/core/held-sessions.ts',
    find: 'this.#shares.giveBack(broughtBy, header.owner, { sessions: 1 });',
    replace: '',
    tests: shares,
  },
  {
    name: 'state-without-shares',
    rule: 'an owner fills its own part of the state and no more',
    file: 'src/session/core/machine/settling.ts',
    find: 'if (growth.own > 0 && ',
    replace: 'if (growth.own > this.#bytes && ',
    tests: state,
  },
  {
    name: 'state-paid-by-its-maker',
    rule: 'the owner whose call makes an entry grow pays for it',
    file: 'src/session/core/machine/pages.ts',
    find: 'return [...others, [owner, own + cost - before]];',
    replace: 'return [[others[0]?.[0] ?? owner, cost]];',
    tests: state,
  },
  {
    name: 'simulation-without-quota',
    rule: 'the first answer says that the share of the state is full',
    file: 'src/session/core/pending-view.ts',
    find: 'if (reason === undefined) return { result, writes, growth };',
    replace: 'if (reason !== null) return { result, writes, growth };',
    tests: ['test/session/core/state.test.ts'],
  },
  {
    name: 'full-stack-is-an-outcome',
    rule: 'a replica that runs out of stack or memory stops, and says nothing of the call',
    file: 'src/session/core/machine/lanes.ts',
    find: 'ApplicationFault.check(error);',
    replace: '',
    tests: resources,
  },
  {
    name: 'payload-of-any-depth',
    rule: 'what becomes of a call does not depend on the depth of the stack',
    file: 'src/session/core/machine/lanes.ts',
    find: 'if (isTooDeep(payload))',
    replace: 'if (payload === undefined)',
    tests: resources,
  },
  {
    name: 'work-without-limit',
    rule: 'a call that touches too much of the state is rejected, also where it catches the error',
    file: 'src/session/core/machine/lanes.ts',
    find: 'draft.exceeded ?? made',
    replace: 'made',
    tests: resources,
  },
  {
    name: 'bare-word-is-news',
    rule: 'an answer without a promise that was checked does not keep a client waiting',
    file: 'src/session/client/session-client.ts',
    find: 'if (!this.#log.isUnanswered) this.#patience.news(performance.now());',
    replace: 'this.#patience.news(performance.now());',
    tests: client,
  },
  {
    name: 'home-that-orders-nothing-kept',
    rule: 'a home that brings nothing to its end is left, also where it was not asked to commit',
    file: 'src/kernel/patience.ts',
    find: 'if (nowMs - Math.max(this.#homeMs, this.#finalMs) >= finalAfterMs) {',
    replace: 'if (nowMs < 0) {',
    tests: client,
  },
  {
    name: 'answer-of-another-session',
    rule: 'a home that answers for another session is left',
    file: 'src/session/client/session-client.ts',
    find: "if (session !== this.session) throw new NodeError('it answers of another session');",
    replace: '',
    tests: client,
  },
  {
    name: 'batch-of-any-length',
    rule: 'a batch that is received can be sent again with its proof',
    file: 'src/ordering/batch-codec.ts',
    find: "if (bytes > orderingLimits.batchBytes) throw new WireError('batch too long');\n    return request;",
    replace: 'return request;',
    tests: ['test/ordering/ordering-sizes.test.ts'],
  },
  {
    name: 'diverged-asks-everybody',
    rule: 'a replica that diverged asks one other at a time, less and less often',
    file: 'src/ordering/core/checkpoints.ts',
    find: 'if (snapshot || isPassed) return this.#repair.start(certificate);',
    replace: 'if (snapshot || isPassed) this.#repair.start(certificate);',
    tests: divergence,
  },
  {
    name: 'diverged-keeps-its-state',
    rule: 'a replica that diverged takes the state of the others',
    file: 'src/ordering/core/checkpoints.ts',
    find: 'position > this.#position || this.#repair.wants(certificate);',
    replace: 'position > this.#position;',
    tests: divergence,
  },
  {
    name: 'wrong-outcomes-kept',
    rule: 'what a diverged replica came to, and nobody has confirmed, is worth nothing',
    file: 'src/session/core/session-replica.ts',
    find: 'this.#finals.doubt();',
    replace: '',
    tests: divergence,
  },
];
