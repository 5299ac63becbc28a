import type { Mutant } from './mutant.js';

const crypto = ['test/crypto/invitations.test.ts'];
const coordinator = ['test/core/transaction/coordinator-invitations.test.ts'];
const participant = ['test/core/transaction/participant.test.ts'];
const debts = ['test/core/transaction/coordinator-debts.test.ts'];
const check = 'src/crypto/check-invitations.ts';

/** Who takes part in a transaction, and that a participant's word is one. */
export const invitationMutants: readonly Mutant[] = [
  {
    name: 'registration-uninvited',
    rule: 'a registration counts only with invitations',
    file: 'src/crypto/check-signature.ts',
    find: "statement.kind === 'registration'",
    replace: "statement.kind === 'invitation' && statement.kind === ('registration' as string)",
    tests: [...crypto, ...coordinator],
  },
  {
    name: 'invitation-of-one-initiator',
    rule: 'f + 1 initiators invite, so that one of them is correct',
    file: check,
    find: 'if (invitations.length !== needed)',
    replace: 'if (invitations.length < 1)',
    tests: crypto,
  },
  {
    name: 'invitation-twice',
    rule: 'invitations are of different initiators',
    file: check,
    find: 'if (inviter.id <= last)',
    replace: 'if (inviter.id < 0)',
    tests: crypto,
  },
  {
    name: 'invitation-to-any-transaction',
    rule: 'an invitation is to one transaction',
    file: check,
    find: 'statement.tid !== tid',
    replace: 'statement.tid === undefined',
    tests: crypto,
  },
  {
    name: 'invitation-of-anybody',
    rule: 'an invitation is of one participant',
    file: check,
    find: 'statement.participant !== participant',
    replace: 'statement.participant === undefined',
    tests: crypto,
  },
  {
    name: 'invitation-unsigned',
    rule: 'an invitation is signed by its inviter',
    file: check,
    find: 'checkSigned(keyring, invitation)) !== undefined',
    replace: 'checkSigned(keyring, invitation)) === null',
    tests: crypto,
  },
  {
    name: 'host-uninvited',
    rule: 'only an invited participant passes its context on',
    file: check,
    find: "if (inviter.role === 'initiator') return undefined;",
    replace: "if (inviter.role !== 'initiator' || inviter.id >= 0) return undefined;",
    tests: crypto,
  },
  {
    name: 'places-not-counted',
    rule: 'no participant takes the places of others',
    file: 'src/vocabulary/invitation.ts',
    find: 'return taken >= places;',
    replace: 'return taken >= enlistmentsMax + places;',
    tests: coordinator,
  },
  {
    name: 'forgotten-votes-aborted',
    rule: 'a participant signs no vote for what it does not remember',
    file: 'src/core/transaction/participant.ts',
    find: 'return end === undefined',
    replace:
      "if (message === 'prepare') return [voice.vote('aborted', [replica])];\n    return end === undefined",
    tests: participant,
  },
  {
    name: 'forgotten-acknowledges-anything',
    rule: 'what it does not remember a participant acknowledges only where it is proved',
    file: 'src/core/transaction/participant-hearing.ts',
    find: "if (notified.message === 'prepare' || !isDecided(notified)) return undefined;",
    replace: "if (notified.message === 'prepare') return undefined;",
    tests: participant,
  },
  {
    name: 'debts-without-bound',
    rule: 'a participant that owes too much registers in no further transaction',
    file: 'src/core/transaction/debts.ts',
    find: '>= this.limit',
    replace: '> this.limit * 1e9',
    tests: debts,
  },
  {
    name: 'debts-without-end',
    rule: 'what is acknowledged is owed no more',
    file: 'src/core/transaction/debts.ts',
    find: 'return !forgotten && vote',
    replace: 'return vote',
    tests: debts,
  },
  {
    name: 'debtor-refused-again',
    rule: 'what a replica has acknowledged it acknowledges again',
    file: 'src/core/transaction/coordinator-requests.ts',
    find: 'if (!isKnown && debts.isAtLimit(participant))',
    replace: 'if (isKnown !== undefined && debts.isAtLimit(participant))',
    tests: debts,
  },
  {
    name: 'undecided-and-finished',
    rule: 'nothing undecided is over',
    file: 'src/core/transaction/two-phase-commit.ts',
    find: 'if (!transaction.decision || transaction.finished) return;',
    replace: 'if (transaction.finished) return;',
    tests: debts,
  },
  {
    name: 'decided-still-counted',
    rule: 'activation is bounded by what is undecided',
    file: 'src/core/transaction/transaction-log.ts',
    find: '  #ended(transaction: CoordinatorTransaction): void {\n    this.#undecided.ended(transaction.tid);',
    replace: '  #ended(transaction: CoordinatorTransaction): void {',
    tests: ['test/core/transaction/undecided.test.ts'],
  },
];
