import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyLocks } from '../../../src/service/participant/key-locks.js';

/** Settles what can be settled now. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** What became of a wait so far. */
function watch(waiting: Promise<void>): { state: 'waits' | 'has' | 'gave up' } {
  const watched: ReturnType<typeof watch> = { state: 'waits' };
  waiting.then(
    () => {
      watched.state = 'has';
    },
    () => {
      watched.state = 'gave up';
    },
  );
  return watched;
}

describe('the locks of keys', () => {
  it('pass from owner to owner, in the order in which they came', async () => {
    const locks = new KeyLocks();
    await locks.wait('k', 'a');
    const b = watch(locks.wait('k', 'b'));
    const c = watch(locks.wait('k', 'c'));
    locks.release('b', ['other']);
    locks.release('a', ['k', 'unknown']);
    await turn();
    expect([b.state, c.state]).toEqual(['has', 'waits']);
    locks.release('b', ['k']);
    await turn();
    expect(c.state).toBe('has');
  });

  it('give an owner all that it has asked for, though it asked several times', async () => {
    const locks = new KeyLocks();
    await locks.wait('k', 'a');
    const waits = ['b', 'b', 'c', 'b'].map((owner) => watch(locks.wait('k', owner)));
    locks.release('a', ['k']);
    await turn();
    expect(waits.map(({ state }) => state)).toEqual(['has', 'has', 'waits', 'has']);
    locks.release('b', ['k']);
    await turn();
    expect(waits[2]?.state).toBe('has');
  });

  it('are waited for no longer once released, or closed', async () => {
    const locks = new KeyLocks();
    await locks.wait('k', 'a');
    const b = watch(locks.wait('k', 'b'));
    const c = watch(locks.wait('k', 'c'));
    locks.release('b', ['k']);
    await turn();
    expect([b.state, c.state]).toEqual(['gave up', 'waits']);
    locks.close();
    await turn();
    expect(c.state).toBe('gave up');
    await expect(locks.wait('free', 'd')).rejects.toThrow('given up');
  });

  it('are taken at a start only by one', () => {
    const locks = new KeyLocks();
    locks.take('k', 'a');
    locks.take('k', 'a');
    expect(() => locks.take('k', 'b')).toThrow(RangeError);
  });

  it('have one owner at a time, whatever is asked for and released in whatever order', async () => {
    const owner = fc.constantFrom('a', 'b', 'c', 'd');
    const key = fc.constantFrom('x', 'y');
    const action = fc.record({ owner, key, isRelease: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 40 }), async (actions) => {
        const locks = new KeyLocks();
        const held = new Map<string, string>();
        for (const { owner, key, isRelease } of actions) {
          if (isRelease) {
            if (held.get(key) === owner) held.delete(key);
            locks.release(owner, [key]);
          } else {
            locks.wait(key, owner).then(
              () => {
                expect(held.get(key) ?? owner).toBe(owner);
                held.set(key, owner);
              },
              () => undefined,
            );
          }
          await turn();
        }
        for (const owner of 'abcd') {
          for (const key of 'xy') {
            if (held.get(key) === owner) held.delete(key);
            locks.release(owner, [key]);
            await turn();
          }
        }
        // A second round: those that came to their turn in the first.
        for (const owner of 'abcd') locks.release(owner, ['x', 'y']);
        for (const key of 'xy') locks.take(key, 'last');
      }),
      { numRuns: 50 },
    );
  });
});
