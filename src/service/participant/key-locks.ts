interface Waiter {
  readonly owner: string;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

interface Lock {
  owner: string;
  readonly waiters: Waiter[];
}

/** Which owner may touch which key: one at a time, in the order in which they came. */
export class KeyLocks {
  readonly #locks = new Map<string, Lock>();

  /** Takes a key that no other has. Throws where another has it. */
  take(key: string, owner: string): void {
    const lock = this.#locks.get(key);
    if (lock !== undefined && lock.owner !== owner) throw new RangeError(`${key} is locked twice`);
    this.#locks.set(key, lock ?? { owner, waiters: [] });
  }

  /** Resolves when the owner has the key; rejects where it is released or all is closed meanwhile. */
  wait(key: string, owner: string): Promise<void> {
    const lock = this.#locks.get(key);
    if (lock === undefined || lock.owner === owner) {
      this.take(key, owner);
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => lock.waiters.push({ owner, resolve, reject }));
  }

  /** Gives up all that the owner has or waits for. */
  release(owner: string): void {
    for (const [key, lock] of [...this.#locks]) {
      this.#drop(lock, (waiter) => waiter.owner === owner);
      if (lock.owner === owner) this.#pass(key, lock);
    }
  }

  close(): void {
    for (const lock of this.#locks.values()) this.#drop(lock, () => true);
  }

  #pass(key: string, lock: Lock): void {
    const next = lock.waiters.shift();
    if (next === undefined) {
      this.#locks.delete(key);
      return;
    }
    lock.owner = next.owner;
    next.resolve();
  }

  #drop(lock: Lock, isMeant: (waiter: Waiter) => boolean): void {
    const dropped = lock.waiters.filter(isMeant);
    const kept = lock.waiters.filter((waiter) => !isMeant(waiter));
    lock.waiters.splice(0, lock.waiters.length, ...kept);
    for (const { reject } of dropped) reject(new Error('the lock is given up'));
  }
}
