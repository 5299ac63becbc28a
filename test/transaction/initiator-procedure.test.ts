import { expect, it } from 'vitest';
import { placesMax } from '../../src/agreement/invitation.js';
import type { PostingCall } from '../../src/banking/soap.js';
import { enlistmentsMax } from '../../src/kernel/codec/limits.js';
import type { CallAnswer, Procedure, Step } from '../../src/transaction/initiator/messages.js';
import { notifiedByProof, of, postings, Rig, request, tid, timing } from './initiator-rig.js';

const [debit, credit] = postings.legs as [PostingCall, PostingCall];
const done = { kind: 'done' } as const;

/** Calls one after the other, and commits with what the last one returned. */
const oneByOne = (answers: readonly CallAnswer[]): Step<PostingCall> => {
  const [first, second] = answers;
  if (first === undefined) return { kind: 'call', legs: [debit] };
  if (second === undefined) return { kind: 'call', legs: [credit] };
  return { kind: 'commit', result: second.kind === 'done' ? (second.result ?? '') : 'refused' };
};

/** A rig with the procedure's transaction activated. */
function begun(next: Procedure<PostingCall>['next'], callsMax = 8) {
  const rig = new Rig();
  rig.give({ ...request, operation: { kind: 'procedure', callsMax, next } });
  return { rig, first: rig.activateByProof() };
}

it('calls step by step, each with the time for a vote, and answers with its result', () => {
  const { rig, first } = begun(oneByOne);
  expect(of(first, 'invoke-leg').map(({ leg, call }) => [leg, call])).toEqual([[0, debit]]);
  const second = rig.leg(0, done);
  expect(of(second, 'invoke-leg').map(({ leg, call }) => [leg, call])).toEqual([[1, credit]]);
  expect(rig.timers.get(`${request.digest}/deadline`)).toBe(timing.voteTimeoutMs);
  expect(rig.leg(0, done), 'each answer counts once').toEqual([]);
  const [sent] = of(rig.leg(1, { kind: 'done', result: 'room 7' }), 'send-completion');
  expect(sent?.statement.statement.decision).toBe('commit');
  rig.give(notifiedByProof(0, 'commit'));
  expect(rig.answers()).toEqual([
    { kind: 'outcome', transactionId: tid, outcome: 'committed', result: 'room 7' },
  ]);
});

it('waits for all answers to a step, in whatever order they come', () => {
  const seen: (readonly CallAnswer[])[] = [];
  const { rig } = begun((answers) => {
    seen.push(answers);
    return answers.length === 0 ? { kind: 'call', legs: [debit, credit] } : { kind: 'commit' };
  });
  expect(rig.leg(1, { kind: 'done', result: 'second' })).toEqual([]);
  rig.leg(0, { kind: 'done', result: 'first' });
  expect(seen.at(-1)).toEqual([
    { kind: 'done', result: 'first' },
    { kind: 'done', result: 'second' },
  ]);
});

it('rolls back with the reason of the procedure, or with that of a refusal that it ignores', () => {
  const aborts = (next: Procedure<PostingCall>['next'], reason: string) => {
    const { rig } = begun(next);
    const sent = of(rig.leg(0, { kind: 'refused', reason: 'Full' }), 'send-completion');
    expect(sent[0]?.statement.statement.decision).toBe('rollback');
    rig.give(notifiedByProof(0, 'abort'));
    expect(rig.answers()).toMatchObject([{ outcome: 'aborted', reason }]);
  };
  aborts(oneByOne, 'Full');
  aborts(
    (answers) =>
      answers.length === 0
        ? { kind: 'call', legs: [debit] }
        : { kind: 'rollback', reason: 'NoRoomLeft' },
    'NoRoomLeft',
  );
});

it('rolls back what throws, what calls nothing, and what calls too often', () => {
  const failing: Procedure<PostingCall>['next'][] = [
    () => {
      throw new Error('a defect');
    },
    () => ({ kind: 'call', legs: [] }),
    () => ({ kind: 'call', legs: Array<PostingCall>(9).fill(debit) }),
  ];
  for (const next of failing) {
    const { rig, first } = begun(next);
    expect(of(first, 'invoke-leg')).toEqual([]);
    expect(of(first, 'send-completion')[0]?.statement.statement.decision).toBe('rollback');
    rig.give(notifiedByProof(0, 'abort'));
    expect(rig.answers()).toMatchObject([{ outcome: 'aborted', reason: 'ProcedureFailed' }]);
  }
});

it('gives each participant places for its calls so far, and keeps those of calls to come', () => {
  const { rig, first } = begun(oneByOne, 2);
  const [invited] = of(first, 'invoke-leg');
  expect(invited?.invitation.statement.places).toBe(placesMax);
  const calls = 32;
  const many = begun(
    (answers) => (answers.length < 2 ? { kind: 'call', legs: [debit] } : { kind: 'commit' }),
    calls,
  );
  const share = (enlistmentsMax - calls) / calls;
  expect(of(many.first, 'invoke-leg')[0]?.invitation.statement.places).toBe(1 + share);
  const second = of(many.rig.leg(0, done), 'invoke-leg');
  expect(second[0]?.invitation.statement.places).toBe(2 + share);
  rig.leg(0, done);
});
