import { describe, expect, it } from 'vitest';
import { initiatorId, transactionId } from '../../../src/kernel/ids.js';
import { Turns } from '../../../src/kernel/patience.js';
import {
  type FinalAnswer,
  PollCore,
  type PollOutput,
} from '../../../src/service/client/poll-core.js';

const members = [0, 1, 2].map((index) => ({ id: initiatorId(index), name: `i${index}` }));
type Member = (typeof members)[number];
const [first, second, third] = members as [Member, Member, Member];

const committed: FinalAnswer = {
  kind: 'outcome',
  result: {
    transactionId: transactionId(`${'0'.repeat(8)}-0000-8000-8000-${'0'.repeat(12)}`),
    outcome: 'committed',
  },
};
const tooOld: FinalAnswer = { kind: 'refusal', fault: 'StaleRequest', isTooOld: true };

function poll(turns = new Turns(members)): PollCore<Member> {
  return new PollCore({ needed: 2, turns, resendAfterMs: 100, timeoutMs: 5000 });
}

const asked = (outputs: readonly PollOutput<Member>[]) =>
  outputs.flatMap((output) => (output.kind === 'ask' ? [output.initiator.name] : []));
const timers = (outputs: readonly PollOutput<Member>[]) =>
  outputs.flatMap((output) => (output.kind === 'start-timer' ? [output] : []));
const ending = (outputs: readonly PollOutput<Member>[]) =>
  outputs.find((output) => output.kind === 'end')?.ending;

describe('one request to the initiators', () => {
  it('asks f + 1 first, and believes what they say alike', () => {
    const core = poll();
    expect(asked(core.begin())).toEqual(['i0', 'i1']);
    expect(core.answered(first, committed)).toEqual([]);
    expect(ending(core.answered(second, committed))).toMatchObject({ kind: 'result' });
    expect(core.answered(third, committed)).toEqual([]);
    expect(core.failed(third, 'late')).toEqual([]);
    expect(core.expired('deadline')).toEqual([]);
  });

  it('asks the others when one fails, when one is slow, or when they differ', () => {
    for (const trouble of [
      (core: PollCore<Member>) => core.failed(first, 'broken'),
      (core: PollCore<Member>) => core.expired('hesitation'),
      (core: PollCore<Member>) => {
        core.answered(first, committed);
        return core.answered(second, tooOld);
      },
    ]) {
      const core = poll();
      core.begin();
      expect(asked(trouble(core))).toEqual(['i2']);
      expect(asked(core.expired('hesitation'))).toEqual([]);
    }
  });

  it('asks the others why it was aborted where one of the first cannot say', () => {
    const aborted = (reason: string): FinalAnswer => ({
      kind: 'outcome',
      result: { ...committed.result, outcome: 'aborted', reason },
    });
    const undecided = () => {
      const core = poll();
      core.begin();
      core.answered(first, aborted('InsufficientFunds'));
      const outputs = core.answered(second, aborted('AbortedByCoordinator'));
      expect(asked(outputs)).toEqual(['i2']);
      expect(timers(outputs)).toMatchObject([{ name: 'more', delayMs: 100 }]);
      return core;
    };
    const named = ending(undecided().answered(third, aborted('InsufficientFunds')));
    expect(named).toMatchObject({ result: { outcome: 'aborted', reason: 'InsufficientFunds' } });
    for (const isOver of [
      (core: PollCore<Member>) => core.answered(third, aborted('ParticipantTimeout')),
      (core: PollCore<Member>) => core.expired('more'),
      (core: PollCore<Member>) => core.expired('deadline'),
      (core: PollCore<Member>) => core.giveUp(),
    ]) {
      const end = ending(isOver(undecided()));
      expect(end).toMatchObject({ kind: 'result', result: { outcome: 'aborted' } });
      expect(end).not.toHaveProperty('result.reason');
    }
  });

  it('asks one that failed again, later each time', () => {
    const core = poll();
    core.begin();
    const [again] = timers(core.failed(first, 'broken'));
    expect(asked(core.expired(again?.name ?? ''))).toEqual(['i0']);
    const [later] = timers(core.failed(first, 'broken'));
    expect(later?.delayMs).toBeGreaterThan(again?.delayMs ?? 0);
  });

  it('asks first next time who was not late', () => {
    const turns = new Turns(members);
    const core = poll(turns);
    core.begin();
    core.answered(second, committed);
    core.expired('hesitation');
    expect(asked(poll(turns).begin())).toEqual(['i1', 'i2']);
    expect(asked(poll(turns).begin())).toEqual(['i2', 'i1']);
  });

  it('calls a request too old where f + 1 do, and so far where one does and one knows its end', () => {
    for (const words of [
      [tooOld, committed],
      [committed, tooOld],
    ] as const) {
      const core = poll();
      core.begin();
      for (const [index, word] of words.entries()) {
        expect(ending(core.answered(members[index] as Member, word))).toBeUndefined();
      }
      const expected = { code: 'timeout', isTooOldSoFar: true };
      expect(ending(core.expired('deadline'))).toMatchObject(expected);
    }
    const core = poll();
    core.begin();
    core.answered(first, tooOld);
    expect(ending(core.answered(second, tooOld))).toMatchObject({ code: 'too-old' });
  });

  it('waits for a third before it takes the word of one liar for "too old"', () => {
    const core = poll();
    core.begin();
    core.answered(first, tooOld);
    core.answered(second, committed);
    expect(ending(core.answered(third, committed))).toMatchObject({ kind: 'result' });
  });

  it('times out with what each said, and gives up when told to', () => {
    const core = poll();
    core.begin();
    core.answered(first, committed);
    core.failed(second, 'broken');
    expect(ending(core.expired('deadline'))).toMatchObject({
      code: 'timeout',
      isTooOldSoFar: false,
      details: ['i0: committed', 'i1: broken'],
    });
    expect(ending(poll().giveUp())).toMatchObject({ code: 'timeout', message: 'given up' });
  });
});
