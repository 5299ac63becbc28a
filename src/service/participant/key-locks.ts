interface Waiter {
  readonly owner: string;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

interface Lock {
  owner: string;
  waiters: readonly Waiter[];
}

/** Which owner may touch which key: one at a time, in the order in which they came. */
export class KeyLocks {
  readonly #locks = new Map<string, Lock>();
  #isClosed = false;

  /** Takes a key that no other has. Throws where another has it. */
  take(key: string, owner: string): void {
    const lock = this.#locks.get(key);
    if (lock !== undefined && lock.owner !== owner) throw new RangeError(`${key} is locked twice`);
    this.#locks.set(key, lock ?? { owner, waiters: [] });
  }

  /** Resolves when the owner has the key; rejects where it is released meanwhile, or all is closed. */
  wait(key: string, owner: string): Promise<void> {
    if (this.#isClosed) return Promise.reject(givenUp());
    const lock = this.#locks.get(key);
    if (lock === undefined || lock.owner === owner) {
      this.take(key, owner);
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      lock.waiters = [...lock.waiters, { owner, resolve, reject }];
    });
  }

  /** Gives up what the owner has, or waits for, of these keys. */
  release(owner: string, keys: Iterable<string>): void {
    for (const key of keys) {
      const lock = this.#locks.get(key);
      if (lock === undefined) continue;
      for (const { reject } of takeOut(lock, owner)) reject(givenUp());
      if (lock.owner === owner) this.#pass(key, lock);
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const lock of this.#locks.values()) {
      for (const { reject } of lock.waiters) reject(givenUp());
      lock.waiters = [];
    }
  }

  #pass(key: string, lock: Lock): void {
    const [next] = lock.waiters;
    if (next === undefined) {
      this.#locks.delete(key);
      return;
    }
    lock.owner = next.owner;
    // An owner may have asked for it several times.
    for (const { resolve } of takeOut(lock, next.owner)) resolve();
  }
}

function takeOut(lock: Lock, owner: string): readonly Waiter[] {
  const taken = lock.waiters.filter((waiter) => waiter.owner === owner);
  lock.waiters = lock.waiters.filter((waiter) => waiter.owner !== owner);
  return taken;
}

function givenUp(): Error {
  return new Error('the lock is given up');
}
