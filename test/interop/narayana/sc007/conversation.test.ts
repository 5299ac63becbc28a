import { describe, expect, it } from 'vitest';
import { Conversation } from './conversation.js';
import type { Party } from './parties.js';
import { scenarios } from './scenarios.js';

/** What a scenario makes of messages: `D1 Prepare`, one after the other. */
function seen(name: string, ...steps: readonly string[]): Conversation {
  const scenario = scenarios.find((each) => each.name === name);
  if (scenario === undefined) throw new Error(name);
  const conversation = new Conversation();
  conversation.saw('I', 'Register');
  conversation.begin('coordinator', scenario);
  conversation.saw('P', name);
  for (const step of steps) {
    const [party = '', message = ''] = step.split(' ');
    conversation.saw(party as Party, message);
  }
  return conversation;
}

const begun = ['D1 Register', 'P Response', 'I Commit', 'D1 Prepare'];

describe('a conversation', () => {
  it('is right where each party has its messages, in their order', () => {
    const steps = [...begun, 'D1 Prepared', 'D1 Commit', 'D1 Committed', 'I Committed'];
    expect(seen('Commit', ...steps).lack()).toBeUndefined();
    expect(seen('Commit', ...steps.slice(0, -1)).lack()).toBe('I: Register Commit');
    expect(seen('Commit', ...steps, 'D1 Commit', 'D1 Committed').lack()).toBeUndefined();
    expect(seen('Commit', ...steps, 'D1 Rollback').lack()).toContain('D1: ');
  });

  it('knows what came too early', () => {
    const steps = ['V Register', 'D1 Register', 'P Response', 'I Commit'];
    const votes = [
      'D1 Prepare',
      'V Prepare',
      'V Prepared',
      'D1 Aborted',
      'V Rollback',
      'V Aborted',
    ];
    const conversation = seen('Phase2Rollback', ...steps, ...votes, 'I Aborted');
    expect(conversation.lack()).toBe('D1 Prepare came before V Prepared');
  });

  it('loses votes until the first voter votes again', () => {
    const steps = ['D1 Register', 'D2 Register', 'P Response', 'I Commit', 'D1 Prepare'];
    const votes = ['D2 Prepare', 'D2 Prepared', 'D1 Prepared', 'D1 Prepare', 'D2 Prepared'];
    const rest = ['D1 Prepared', 'D1 Commit', 'D2 Commit', 'D1 Committed', 'D2 Committed'];
    const conversation = seen('RetryPreparedCommit', ...steps, ...votes, ...rest, 'I Committed');
    expect(conversation.toString()).toContain('D2:Prepared~ D2:Prepare~ D1:Prepared D2:Prepared');
    expect(conversation.lack()).toBeUndefined();
  });

  it('may have a vote again that meets the Commit, which is answered', () => {
    const steps = ['D1 Register', 'D2 Register', 'P Response', 'I Commit', 'D1 Prepare'];
    const votes = ['D2 Prepare', 'D1 Prepared', 'D2 Prepared', 'D1 Prepared', 'D2 Prepared'];
    const meet = ['D1 Commit', 'D2 Commit', 'D1 Prepared'];
    const end = ['D2 Committed', 'D1 Committed', 'I Committed'];
    const conversation = (...answer: readonly string[]) =>
      seen('RetryPreparedCommit', ...steps, ...votes, ...meet, ...answer, ...end).lack();
    expect(conversation('D1 Commit')).toBeUndefined();
    expect(conversation('D1 Rollback')).toContain('D1: ');
  });

  it('loses all until the coordinator gives up', () => {
    const lost = ['D1 Prepared', 'D1 Prepare', 'D1 Rollback'];
    const rest = ['D1 Prepared', 'D1 Rollback', 'D1 Aborted', 'I Aborted'];
    const conversation = seen('RetryPreparedAbort', ...begun, ...lost, ...rest);
    expect(conversation.toString()).toContain('D1:Prepared~ D1:Prepare~ D1:Rollback~ D1:Prepared ');
    expect(conversation.lack()).toBeUndefined();
  });

  it('loses Rollbacks up to the second, and asks for the fault', () => {
    const steps = ['V Register', 'D1 Register', 'P Response', 'I Commit', 'V Prepare'];
    const votes = ['V Prepared', 'D1 Prepare', 'D1 Prepared', 'D1 Rollback', 'V Prepared'];
    const rest = ['V Rollback', 'D1 Prepared', 'D1 Rollback', 'D1 Aborted', 'V Prepared'];
    const conversation = seen('PreparedAfterTimeout', ...steps, ...votes, ...rest, 'I Aborted');
    expect(conversation.lack()).toMatch(/^V: .* Prepared~ Rollback~ Prepared$/);
    conversation.saw('V', 'Fault');
    expect(conversation.lack()).toBeUndefined();
  });

  it('loses the first Committed alone', () => {
    const steps = [...begun, 'D1 Prepared', 'D1 Commit', 'D1 Committed'];
    const conversation = seen(
      'LostCommitted',
      ...steps,
      'D1 Commit',
      'D1 Committed',
      'I Committed',
    );
    expect(conversation.lack()).toBeUndefined();
    expect(seen('LostCommitted', ...steps, 'I Committed').lack()).toMatch(/Committed~$/);
  });
});
