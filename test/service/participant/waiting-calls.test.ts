import { expect, it } from 'vitest';
import { WaitingCalls } from '../../../src/service/participant/waiting-calls.js';
import type { CallId } from '../../../src/transaction/participant/messages.js';

it('calls wait for their own answer, once', async () => {
  const calls = new WaitingCalls<string>('dismissed');
  const ids: CallId[] = [];
  const wait = () => calls.wait((call) => ids.push(call) > 0);
  const [first, second] = [wait(), wait()];
  expect(new Set(ids).size).toBe(2);
  calls.answer(ids[1] as CallId, 'second');
  calls.answer(ids[1] as CallId, 'again');
  calls.answer(99 as CallId, 'nobody');
  calls.answer(ids[0] as CallId, 'first');
  expect(await Promise.all([first, second])).toEqual(['first', 'second']);
});

it('calls that the core does not take are dismissed, and all of them at the end, late ones too', async () => {
  const calls = new WaitingCalls<string>('dismissed');
  expect(await calls.wait(() => false)).toBe('dismissed');
  const waiting = calls.wait(() => true);
  calls.dismissAll();
  expect(await waiting).toBe('dismissed');
  expect(await calls.wait(() => true)).toBe('dismissed');
});
