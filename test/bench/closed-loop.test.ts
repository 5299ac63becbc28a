import { describe, expect, it } from 'vitest';
import { underLoad } from '../../bench/support/closed-loop.js';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('a closed loop', () => {
  it('keeps as many requests in flight as there are clients, and waits for the last', async () => {
    let inFlight = 0;
    let most = 0;
    const request = async () => {
      inFlight += 1;
      most = Math.max(most, inFlight);
      await turn();
      inFlight -= 1;
    };
    const seen = await underLoad({ clients: 5, request }, async (completed) => {
      expect(completed.length).toBeGreaterThanOrEqual(5);
      while (completed.length < 50) await turn();
      return completed.length;
    });
    expect(seen).toBeGreaterThanOrEqual(50);
    expect(most).toBe(5);
    expect(inFlight).toBe(0);
  });

  it('ends with the first error of a request, also while it is watched', async () => {
    let made = 0;
    const request = async () => {
      await turn();
      made += 1;
      if (made === 10) throw new Error('refused');
    };
    const forever = () => new Promise<never>(() => {});
    await expect(underLoad({ clients: 3, request }, forever)).rejects.toThrow('refused');
  });

  it('stops when what watches it fails', async () => {
    let made = 0;
    const request = async () => {
      made += 1;
      await turn();
    };
    const failing = async () => {
      throw new Error('no figures');
    };
    await expect(underLoad({ clients: 2, request }, failing)).rejects.toThrow('no figures');
    await turn();
    await turn();
    const madeThen = made;
    await turn();
    expect(made).toBe(madeThen);
  });
});
