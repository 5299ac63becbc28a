import type { Mutant } from './mutant.js';

const elsewhere = ['test/core/transaction/forgotten-elsewhere.test.ts'];

/** Replicas that come back after others have forgotten, and replicas that have lost their disks. */
export const recoveryMutants: readonly Mutant[] = [
  {
    name: 'forgotten-by-two-of-four',
    rule: 'what is open ends once so many others lack it that one of them must have forgotten it',
    file: 'src/core/transaction/forgotten-elsewhere.ts',
    find: '>= witnesses(this.#options.resilience)',
    replace: '>= 2',
    tests: elsewhere,
  },
  {
    name: 'forgotten-elsewhere-kept',
    rule: 'what the others have forgotten ends here, too',
    file: 'src/core/transaction/memory.ts',
    find: 'this.#transactions.abandon(tid);',
    replace: '',
    tests: elsewhere,
  },
  {
    name: 'lacking-before-known',
    rule: 'an inventory says nothing of what came after its question',
    file: 'src/core/transaction/recovery.ts',
    find: '      told.undecided,\n',
    replace: '      new Set(this.#options.undecided()),\n',
    tests: elsewhere,
  },
  {
    name: 'suspects-for-the-forgotten',
    rule: 'no primary is blamed for what so many others lack that no quorum is left',
    file: 'src/core/agreement/retransmission.ts',
    find: 'if (this.#host.isLeftBehind(slot)) return false;',
    replace: '',
    tests: elsewhere,
  },
  {
    name: 'suspicion-outlives-its-slot',
    rule: 'a replica that gives a slot up blames no primary for it any more',
    file: 'src/core/agreement/retransmission.ts',
    find: 'this.#actions.settled(slot);',
    replace: '',
    tests: elsewhere,
  },
  {
    name: 'never-asked-again',
    rule: 'a replica asks for inventories again while something stays undecided, also without a new link',
    file: 'src/core/agreement/retransmission.ts',
    find: 'this.#host.undecidedForLong(slot.slot);',
    replace: '',
    tests: elsewhere,
  },
];
