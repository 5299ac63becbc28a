import type { Mutant } from './mutant.js';

const viewChangeSizes = ['test/core/agreement/view-change-sizes.test.ts'];

/** Sizes of agreement and transactions, a bank's word, and shares of requests. */
export const sizeMutants: readonly Mutant[] = [
  {
    name: 'view-change-of-any-length',
    rule: 'a view change has as many locks as its share of a new view holds',
    file: 'src/core/agreement/view-change.ts',
    find: 'if (length > room) continue;',
    replace: '',
    tests: viewChangeSizes,
  },
  {
    name: 'long-view-change-taken',
    rule: 'a view change that is longer than its share is not taken',
    file: 'src/core/agreement/view-change.ts',
    find: 'if (viewChange.bytes.length > this.#bytesMax) return;',
    replace: '',
    tests: ['test/core/agreement/view-change.test.ts'],
  },
  {
    name: 'lock-not-handed-over',
    rule: 'the primary is sent the locks that its new view does not show',
    file: 'src/core/agreement/retransmission.ts',
    find: 'if (slot.lock && !this.#isShown(slot.lock)) {',
    replace: 'if (false) {',
    tests: viewChangeSizes,
  },
  {
    name: 'url-of-any-length',
    rule: 'a registration can hold the address of every bank',
    file: 'src/edge/config/cluster-file.ts',
    find: '(url) => Buffer.byteLength(url) <= urlBytesMax,',
    replace: '() => true,',
    tests: ['test/edge/config/files.test.ts'],
  },
  {
    name: 'lost-front-begins-anew',
    rule: 'a front door that has lost its requests takes none for new',
    file: 'src/role/front/front-node.ts',
    find: 'import { openExistingStore }',
    replace: 'import { openStore as openExistingStore }',
    tests: ['test/role/front-once.test.ts'],
  },
  {
    name: 'commit-acknowledged-without-consent',
    rule: 'a participant acknowledges a commit that it has forgotten by its own consent',
    file: 'src/core/transaction/participant-hearing.ts',
    find: "return consent?.vote === 'prepared' &&",
    replace: 'return consent !== undefined &&',
    tests: ['test/core/transaction/participant.test.ts'],
  },
  {
    name: 'consent-of-another-enlistment',
    rule: 'a consent counts for its own enlistment',
    file: 'src/core/transaction/participant-hearing.ts',
    find: ' &&\n    consent.enlistment === notified.ref.enlistment',
    replace: '',
    tests: ['test/core/transaction/participant.test.ts'],
  },
  {
    name: 'commit-before-registration',
    rule: 'an enlistment that has not consented acknowledges no commit',
    file: 'src/core/transaction/participant-enlistment.ts',
    find: "if (this.#vote !== 'prepared') {",
    replace: 'if (false) {',
    tests: ['test/core/transaction/participant.test.ts'],
  },
  {
    name: 'vote-of-another-bank',
    rule: 'a bank is shown its own vote',
    file: 'src/role/soap-evidence.ts',
    find: "if (statement.kind !== 'vote' || statement.participant !== participant) {",
    replace: "if (statement.kind !== 'vote') {",
    tests: ['test/role/bank/bank-node.test.ts'],
  },
  {
    name: 'commit-without-the-vote',
    rule: 'Commit carries the consent of the participant',
    file: 'src/core/transaction/two-phase-commit.ts',
    find: "...(notice === 'Commit' && vote ? { vote } : {}),",
    replace: '',
    tests: ['test/core/transaction/coordinator-outcome.test.ts'],
  },
];
