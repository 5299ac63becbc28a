import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { Deadline } from '../../../src/service/participant/deadline.js';
import { eventually } from '../../system/support/eventually.js';

/** The signal alone, as an operation has it: nothing else holds on to the deadline. */
const signalOf = (timeoutMs: number, sooner?: AbortSignal) =>
  new Deadline(timeoutMs, sooner).signal;

describe('a deadline', () => {
  it('comes, also after garbage was collected', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const signal = signalOf(30, new AbortController().signal);
    let isOver = false;
    signal.addEventListener('abort', () => {
      isOver = true;
    });
    await delay(1);
    collect();
    await eventually('it is over', () => isOver);
    expect(signal.reason).toMatchObject({ name: 'TimeoutError' });
  });

  it('comes sooner with the other signal, now or later, for its reason', () => {
    const sooner = new AbortController();
    const signal = signalOf(60_000, sooner.signal);
    expect(signal.aborted).toBe(false);
    sooner.abort(new Error('enough'));
    expect(signal.reason).toMatchObject({ message: 'enough' });
    expect(signalOf(60_000, sooner.signal).aborted).toBe(true);
  });

  it('does not come once it has ended, but with the other signal', async () => {
    const sooner = new AbortController();
    const ended = new Deadline(1, sooner.signal);
    ended.end();
    const later = signalOf(1);
    await eventually('a later one comes', () => later.aborted);
    expect(ended.signal.aborted).toBe(false);
    sooner.abort();
    expect(ended.signal.aborted).toBe(true);
  });
});
