import type { OutcomeValue, PhaseStatement, SlotValue } from '../../src/agreement/messages.js';
import { attempt, type TransactionId, view } from '../../src/kernel/ids.js';
import { Story } from '../support/banking-story.js';
import { Evidence } from '../support/evidence.js';
import { Rig, type RigOptions } from '../support/rig.js';

/**
 * A transaction whose outcome is open, with two values that are both acceptable: `bank-a` is registered
 * and has signed two votes that contradict each other, `commit` rests on one and `abort` on the other.
 */
export interface Scene {
  readonly rig: Rig;
  readonly story: Story;
  readonly evidence: Evidence;
  readonly tid: TransactionId;
  readonly commit: OutcomeValue;
  readonly abort: OutcomeValue;
}

export function openScene(options: RigOptions = {}): Scene {
  const rig = new Rig(options);
  const story = new Story(rig);
  const evidence = new Evidence(rig.parties);
  const tid = story.activate();
  story.register(tid, 'bank-a');
  const registration = evidence.registration('bank-a', { tid });
  const voted = (vote: 'prepared' | 'aborted') => [
    { registration, vote: evidence.vote('bank-a', vote, { tid }) },
  ];
  const completion = story.initiators.map((initiator) => evidence.completion(initiator, { tid }));
  const commit: OutcomeValue = {
    kind: 'outcome',
    tid,
    outcome: 'commit',
    records: voted('prepared'),
    completion,
  };
  const abort: OutcomeValue = {
    kind: 'outcome',
    tid,
    outcome: 'abort',
    reason: 'vote',
    records: voted('aborted'),
    completion: [],
  };
  return { rig, story, evidence, tid, commit, abort };
}

export const ballot = (inView: number, number = 0) => ({
  ballot: { view: view(inView), attempt: attempt(number) },
});

/** Sends a pre-prepare of the primary of the ballot's view, who is Byzantine in these tests. */
export function propose(
  { rig, evidence }: Scene,
  to: readonly number[],
  value: SlotValue,
  over: Partial<PhaseStatement> = {},
): void {
  const prePrepare = evidence.prePrepare(value, over);
  const from = prePrepare.statement.ballot.view % rig.n;
  for (const one of to) rig.transmit(from, one, { kind: 'pre-prepare', prePrepare, value });
}

/** Sends a prepare or commit of a Byzantine replica. */
export function sign(
  { rig, evidence }: Scene,
  from: number,
  to: readonly number[],
  statement: PhaseStatement,
): void {
  const signed = evidence.signedPhase(from, statement);
  for (const one of to) rig.transmit(from, one, { kind: 'phase', signed });
}

/** What the replica's store holds as its lock on the outcome. */
export function isLocked({ rig, tid }: Scene, replica: number): boolean {
  return rig.stores[replica]?.has(`lock/o:${tid}`) ?? false;
}
