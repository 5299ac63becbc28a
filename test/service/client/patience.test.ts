import { describe, expect, it } from 'vitest';
import { Patience } from '../../../src/kernel/patience.js';

const times = { answerAfterMs: 10, finalAfterMs: 30, giveUpAfterMs: 100 };

describe('a client’s patience', () => {
  it('with a home that shows no promise ends, and begins anew with the next one', () => {
    const patience = new Patience(times, 0);
    expect(patience.verdict(9, true)).toEqual({ kind: 'wait' });
    expect(patience.verdict(10, true).kind).toBe('leave');
    patience.homeChanged(10);
    expect(patience.verdict(19, true)).toEqual({ kind: 'wait' });
    expect(patience.verdict(20, true).kind).toBe('leave');
  });

  it('with a home that brings nothing to its end ends, whatever else it says', () => {
    const patience = new Patience(times, 0);
    patience.news(25);
    expect(patience.verdict(29, false)).toEqual({ kind: 'wait' });
    expect(patience.verdict(30, false).kind).toBe('leave');
    patience.advanced(29);
    expect(patience.verdict(58, false)).toEqual({ kind: 'wait' });
    expect(patience.verdict(59, false).kind).toBe('leave');
  });

  it('with all of them ends', () => {
    const patience = new Patience(times, 0);
    for (let nowMs = 5; nowMs < 100; nowMs += 5) patience.homeChanged(nowMs);
    expect(patience.verdict(99, true)).toEqual({ kind: 'wait' });
    expect(patience.verdict(100, true)).toEqual({ kind: 'give-up' });
    patience.begin(100);
    expect(patience.verdict(105, true)).toEqual({ kind: 'wait' });
  });
});
