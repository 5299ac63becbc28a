import { afterEach, describe, expect, it } from 'vitest';
import { verifyPeerMessage } from '../../../src/agreement/check-message.js';
import { encodePeerMessage } from '../../../src/agreement/peer-message.js';
import { type ReplicaId, replicaId } from '../../../src/kernel/ids.js';
import { Keyring } from '../../../src/kernel/keys.js';
import { Checkers } from '../../../src/transaction/checks/checkers.js';
import { checksOf, cluster, record } from '../../support/completion-records.js';

describe('checkers', () => {
  let checkers: Checkers | undefined;
  afterEach(() => checkers?.stop());
  const fail = (error: Error) => {
    throw error;
  };

  it('are none without threads', () => {
    const options = { cluster, keyring: Keyring.of(cluster), onFatal: fail };
    expect(Checkers.start({ ...options, threads: undefined })).toBeUndefined();
    expect(Checkers.start({ ...options, threads: 0 })).toBeUndefined();
  });

  it('keep the order of each link, with messages that need no check between', async () => {
    const keyring = Keyring.of(cluster);
    checkers = Checkers.start({ cluster, threads: 2, keyring, onFatal: fail });
    const taken = new Map<ReplicaId, number[]>([1, 2, 3].map((id) => [replicaId(id), []]));
    for (let number = 0; number < 60; number += 1) {
      for (const [replica, list] of taken) {
        const bytes = number % 3 === 0 ? undefined : encodePeerMessage(record(number));
        expect(checkers?.peer(replica, bytes, () => list.push(number))).toBe(true);
      }
    }
    const all = Array.from({ length: 60 }, (_, number) => number);
    await expect.poll(() => [...taken.values()]).toEqual([all, all, all]);
    const checks = checksOf(() => {
      expect(verifyPeerMessage(keyring, replicaId(1), record(1)).ok).toBe(true);
    });
    expect(checks).toBe(0);
  });

  it('take what others send while one replica sends more than they can check', async () => {
    const keyring = Keyring.of(cluster);
    checkers = Checkers.start({ cluster, threads: 1, keyring, onFatal: fail });
    const taken: string[] = [];
    const flood = encodePeerMessage(record());
    let floods = 0;
    const from = replicaId(3);
    while (floods < 10_000 && checkers?.peer(from, flood, () => taken.push('liar'))) floods += 1;
    expect(floods).toBe(4096);
    const bytes = encodePeerMessage(record(1));
    expect(checkers?.peer(replicaId(1), bytes, () => taken.push('correct'))).toBe(true);
    expect(checkers?.isFull).toBe(false);
    await expect.poll(() => taken.length).toBe(floods + 1);
    expect(taken.indexOf('correct')).toBeLessThan(100);
  });
});
