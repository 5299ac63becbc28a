import type { Party } from './parties.js';

/** Which side of the scenarios is Concordat's: C, or P. The other is Narayana, as is the initiator. */
export const roles = ['coordinator', 'participant'] as const;
export type Role = (typeof roles)[number];

/** Says whether a message between C and a participant is lost. Has a memory: one for each run. */
export type Loss = (party: Party, name: string) => boolean;

/** A message of a party: `D Prepared`. P is the application of the participant's side. */
export type Step = `${Party} ${string}`;

/** One of the scenarios of the WS-TX interoperability rounds (WSTF sc007). */
export interface Scenario {
  readonly number: string;
  readonly name: string;
  /** How the initiator ends its transaction; `none` where the participant's side has the transaction. */
  readonly end: 'commit' | 'rollback' | 'none';
  /**
   * What each party has sent and received, in that order, as a regular expression over names of messages with one blank
   * between them, `~` after a name for a message that was lost.
   */
  readonly messages: Readonly<Partial<Record<Party, string>>>;
  /** Pairs of which the first message comes before the second, each at its first. */
  readonly order: readonly (readonly [Step, Step])[];
  readonly loses?: () => Loss;
  /** Whether repetitions of participants' messages count; else the first of each is looked at. */
  readonly repeats?: true;
  /** D1 is the one that votes first, not the one that registers first. */
  readonly isByVote?: true;
}

const committed = 'Prepare Prepared Commit Committed';
/** What is said again in the scenarios that lose something, by whichever side comes first. */
const again = (...names: readonly string[]) => `(?: (?:${names.join('|')}))*`;
const committing = `Commit${again('Commit')} Committed${again('Commit', 'Committed')}`;
/** A participant that has not taken the Commit yet may vote again, and the answer is Commit (WS-AT 1.2 §10, Committing). */
const committingAsked = `Commit${again('Commit', 'Prepared')} Committed${again('Commit', 'Committed')}`;
const voting = `Prepare${again('Prepare')} Prepared${again('Prepare', 'Prepared')}`;
const lost = (...names: readonly string[]) => again(...names.map((name) => `${name}~`));

export const scenarios: readonly Scenario[] = [
  {
    ...{ number: '1.1', name: 'CompletionCommit', end: 'none' },
    messages: { I: 'Register Commit Committed', P: 'CompletionCommit Response' },
    order: [['I Committed', 'P Response']],
  },
  {
    ...{ number: '1.2', name: 'CompletionRollback', end: 'none' },
    messages: { I: 'Register Rollback Aborted', P: 'CompletionRollback Response' },
    order: [['I Aborted', 'P Response']],
  },
  {
    ...{ number: '2.1', name: 'Commit', end: 'commit' },
    messages: { I: 'Register Commit Committed', D1: `Register ${committed}` },
    order: [['D1 Committed', 'I Committed']],
  },
  {
    ...{ number: '2.2', name: 'Rollback', end: 'rollback' },
    messages: { I: 'Register Rollback Aborted', D1: 'Register Rollback Aborted' },
    order: [['I Rollback', 'D1 Rollback']],
  },
  {
    ...{ number: '3.1', name: 'Phase2Rollback', end: 'commit' },
    messages: {
      I: 'Register Commit Aborted',
      V: 'Register Prepare Prepared Rollback Aborted',
      D1: 'Register Prepare Aborted',
    },
    order: [
      ['V Prepared', 'D1 Prepare'],
      ['D1 Aborted', 'V Rollback'],
    ],
  },
  {
    ...{ number: '3.2', name: 'Readonly', end: 'commit' },
    messages: {
      I: 'Register Commit Committed',
      D1: 'Register Prepare ReadOnly',
      D2: `Register ${committed}`,
    },
    order: [
      ['D1 ReadOnly', 'D2 Commit'],
      ['D2 Committed', 'I Committed'],
    ],
  },
  {
    ...{ number: '3.3', name: 'VolatileAndDurable', end: 'commit' },
    messages: {
      I: 'Register Commit Committed',
      V: 'Register Prepare ReadOnly',
      D1: `Register ${committed}`,
    },
    order: [
      ['V Prepare', 'D1 Register'],
      ['D1 Register', 'V ReadOnly'],
      ['V ReadOnly', 'D1 Prepare'],
    ],
  },
  {
    ...{ number: '4.1', name: 'EarlyReadonly', end: 'commit' },
    messages: {
      I: 'Register Commit Committed',
      V: 'Register ReadOnly',
      D1: `Register ${committed}`,
    },
    order: [['V ReadOnly', 'I Commit']],
  },
  {
    ...{ number: '4.2', name: 'EarlyAborted', end: 'commit' },
    messages: {
      I: 'Register Commit Aborted',
      V: 'Register Aborted',
      D1: 'Register Rollback Aborted',
    },
    order: [
      ['V Aborted', 'D1 Rollback'],
      ['V Aborted', 'I Commit'],
    ],
  },
  {
    ...{ number: '5.1', name: 'ReplayCommit', end: 'commit', repeats: true },
    messages: {
      I: 'Register Commit Committed',
      D1: `Register ${voting} Commit${again('Commit')} Prepared${again('Commit', 'Prepared')} Commit${again('Commit', 'Prepared')} Committed${again('Commit', 'Committed')}`,
    },
    order: [],
  },
  {
    ...{ number: '5.2', name: 'RetryPreparedCommit', end: 'commit', repeats: true },
    isByVote: true,
    loses: votesLost,
    messages: {
      I: 'Register Commit Committed',
      D1: `Register Prepare Prepared${lost('Prepare')} Prepared${again('Prepared')} ${committingAsked}`,
      D2: `Register Prepare Prepared~${lost('Prepare', 'Prepared')}${again('Prepare')} Prepared${again('Prepare', 'Prepared')} ${committingAsked}`,
    },
    order: [],
  },
  {
    ...{ number: '5.3', name: 'RetryPreparedAbort', end: 'commit', repeats: true },
    loses: lostUntilRollback,
    messages: {
      I: 'Register Commit Aborted',
      D1: `Register Prepare Prepared~${lost('Prepare', 'Prepared')} Rollback~${lost('Rollback')} Prepared${again('Prepared')} Rollback${again('Rollback')} Aborted${again('Rollback', 'Aborted')}`,
    },
    order: [],
  },
  {
    ...{ number: '5.4', name: 'RetryCommit', end: 'commit', repeats: true },
    messages: {
      I: 'Register Commit Committed',
      D1: `Register ${voting} Commit${again('Prepared')} ${committing}`,
    },
    order: [['D1 Committed', 'I Committed']],
  },
  {
    ...{ number: '5.5', name: 'PreparedAfterTimeout', end: 'commit', repeats: true },
    loses: lostUntilSecondRollback,
    messages: {
      I: 'Register Commit Aborted',
      V: `Register ${voting}${lost('Prepared', 'Rollback')} Prepared Fault`,
      D1: `Register Prepare Prepared~${lost('Prepare', 'Prepared', 'Rollback')} Prepared${again('Prepared')} Rollback${again('Rollback')} Aborted${again('Rollback', 'Aborted')}`,
    },
    order: [['V Prepared', 'D1 Prepare']],
  },
  {
    ...{ number: '5.6', name: 'LostCommitted', end: 'commit', repeats: true },
    loses: firstCommittedLost,
    messages: {
      I: 'Register Commit Committed',
      D1: `Register ${voting} Commit Committed~ Commit${again('Commit')} Committed${again('Commit', 'Committed')}`,
    },
    order: [],
  },
];

/** The second vote and all after it, until the first voter says Prepared again. */
function votesLost(): Loss {
  let first: Party | undefined;
  let phase: 'before' | 'losing' | 'over' = 'before';
  return (party, name) => {
    if (name === 'Prepared' && phase !== 'over') {
      first ??= party;
      if (party !== first) phase = 'losing';
      else if (phase === 'losing') phase = 'over';
    }
    return phase === 'losing';
  };
}

/** All after the first Prepare, up to and with the first Rollback; a Rollback until the vote is said again. */
function lostUntilRollback(): Loss {
  return lostUntil(1, (name) => name === 'Prepare');
}

/** From the vote of D on, up to and with the second Rollback; a Rollback until the vote is said again. */
function lostUntilSecondRollback(): Loss {
  return lostUntil(2, (name, party) => name === 'Prepared' && party === 'D1');
}

/** What begins it is lost itself, but for a Prepare. A coordinator that repeats Rollback unasked comes too early. */
function lostUntil(count: number, begins: (name: string, party: Party) => boolean): Loss {
  const hasVotedAgain = new Set<Party>();
  let isBegun = false;
  let rollbacks = 0;
  return (party, name) => {
    if (!isBegun) {
      isBegun = begins(name, party);
      return isBegun && name !== 'Prepare';
    }
    if (rollbacks < count) {
      if (name === 'Rollback') rollbacks += 1;
      return true;
    }
    if (name === 'Prepared') hasVotedAgain.add(party);
    return name === 'Rollback' && !hasVotedAgain.has(party);
  };
}

function firstCommittedLost(): Loss {
  let isLost = false;
  return (_party, name) => {
    if (name !== 'Committed' || isLost) return false;
    isLost = true;
    return true;
  };
}
