import type { Mutant } from './mutant.js';

const search = ['test/core/transaction/search.test.ts'];
const proposals = ['test/core/transaction/forgotten-proposals.test.ts'];
const repeated = ['test/core/agreement/repeated-messages.test.ts'];
const poll = ['test/role/client-poll-core.test.ts'];
const matching = ['test/role/client-matching.test.ts'];

/** What the simulator's scenario `limits` found. */
export const limitMutants: readonly Mutant[] = [
  {
    name: 'search-on-every-word',
    rule: 'a transaction is searched for once in a retransmission delay',
    file: 'src/core/transaction/search.ts',
    find: 'if (this.#asked.has(tid)) return;',
    replace: '',
    tests: search,
  },
  {
    name: 'forgotten-opened-again',
    rule: 'a forgotten activation is not opened again by its ba-pre-prepare',
    file: 'src/core/agreement/gathering.ts',
    find: 'if (this.#events.isForgotten(requests)) return;',
    replace: '',
    tests: proposals,
  },
  {
    name: 'forgotten-lock-wanted',
    rule: 'a forgotten activation is not opened again by its lock in a new view',
    file: 'src/core/agreement/agreement.ts',
    find: ' && !this.#host.isForgotten(value)) this.want(slot);',
    replace: ') this.want(slot);',
    tests: proposals,
  },
  {
    name: 'forgotten-proposed',
    rule: 'a primary proposes nothing that it has forgotten',
    file: 'src/core/agreement/proposing.ts',
    find: 'if (this.#host.isForgotten(value)) return;',
    replace: '',
    tests: proposals,
  },
  {
    name: 'forgotten-waited-for',
    rule: 'a replica gives up an activation that it has forgotten since',
    file: 'src/core/agreement/agreement.ts',
    find: 'if (isPast && !this.#mayStillLearn(slot)) this.forget(slot.slot);',
    replace: 'if (slot === undefined) this.forget(slot);',
    tests: proposals,
  },
  {
    name: 'too-old-contradicts',
    rule: '"too old" contradicts no outcome that other initiators know',
    file: 'src/role/client/matching.ts',
    find: 'const compatible = 1 + others.length + (this.#alike?.length ?? 0);',
    replace: 'const compatible = 1 + others.length;',
    tests: matching,
  },
  {
    name: 'one-word-is-too-old',
    rule: 'a request that one initiator knows and one calls too old is too old only when all have spoken',
    file: 'src/role/client/poll-core.ts',
    find: 'if (name === DEADLINE) return this.#timeIsUp();',
    replace: "if (name === DEADLINE) return this.#fail('too-old', '', []);",
    tests: poll,
  },
  {
    name: 'others-not-asked',
    rule: 'a client asks all initiators when one of the first fails',
    file: 'src/role/client/poll-core.ts',
    find: 'return [...this.#askOthers(), again];',
    replace: 'return [again];',
    tests: poll,
  },
  {
    name: 'answers-every-copy',
    rule: 'a proposal that is refused, or that a lock forbids, is answered once in a delay',
    file: 'src/core/agreement/pace.ts',
    find: 'if (this.#said.has(what) || ',
    replace: 'if (',
    tests: repeated,
  },
  {
    name: 'answered-for-ever',
    rule: 'a proposal that comes again after a delay is answered again',
    file: 'src/core/agreement/pace.ts',
    find: 'this.#said.clear();',
    replace: '',
    tests: repeated,
  },
  {
    name: 'paced-without-bound',
    rule: 'what a replica has said in a delay is bounded',
    file: 'src/core/agreement/pace.ts',
    find: ' || this.#said.size >= SAID_MAX',
    replace: '',
    tests: repeated,
  },
  {
    name: 'fetches-at-every-copy',
    rule: 'a value that a quorum committed is fetched once in a delay',
    file: 'src/core/agreement/voting.ts',
    find: 'if (isFirst) ',
    replace: '',
    tests: repeated,
  },
];
