import { describe, expect, it } from 'vitest';
import { agreementNames } from '../../src/kernel/cluster.js';
import { digest, type TransactionId } from '../../src/kernel/ids.js';
import { Story } from '../support/banking-story.js';
import { Rig } from '../support/rig.js';

/** All but that it is a member, and up to where it has forgotten. */
function slotsAndRecords(rig: Rig, replica: number): string[] {
  return [...(rig.stores[replica]?.keys() ?? [])]
    .filter((key) => key !== 'member' && !key.startsWith('floor/'))
    .sort();
}

function finish(rig: Rig, story: Story, timestamp: number): TransactionId {
  const tid = story.transfer(timestamp);
  story.outcome(tid);
  rig.runUntil(() => [0, 1, 2, 3].every((one) => rig.stores[one]?.has(`finished/${tid}`)));
  return tid;
}

describe.each(agreementNames)('what is remembered (%s)', (agreement) => {
  it('is as many finished transactions as the cluster wants, the last ones, and nothing besides', () => {
    const rig = new Rig({ agreement, retainedTransactions: 3 });
    const story = new Story(rig);
    const tids = [1, 2, 3, 4, 5, 6, 7].map((timestamp) => finish(rig, story, timestamp));
    rig.runFor(5000);
    for (const replica of [0, 1, 2, 3]) {
      const keys = slotsAndRecords(rig, replica);
      // Of each: activation, outcome, two registrations, and that it has finished.
      expect(keys).toHaveLength(3 * 5);
      for (const tid of tids.slice(0, 4)) expect(keys.join()).not.toContain(tid);
      for (const tid of tids.slice(4)) expect(keys).toContain(`decided/o:${tid}`);
    }
  });

  it('ages in the order in which it ended, also after a restart', () => {
    const rig = new Rig({ agreement, retainedTransactions: 6 });
    const story = new Story(rig);
    const tids = [1, 2, 3, 4, 5, 6].map((timestamp) => finish(rig, story, timestamp));
    for (const replica of [0, 1, 2, 3]) rig.crash(replica);
    for (const replica of [0, 1, 2, 3]) rig.start(replica);
    tids.push(...[7, 8, 9].map((timestamp) => finish(rig, story, timestamp)));
    for (const replica of [0, 1, 2, 3]) {
      const kept = tids.filter((tid) => rig.stores[replica]?.has(`finished/${tid}`));
      expect(kept).toEqual(tids.slice(3));
    }
  });

  it('leaves nothing of a participant that contradicted itself', () => {
    const rig = new Rig({ agreement, retainedTransactions: 1 });
    const story = new Story(rig);
    const tid = story.activate();
    story.register(tid, 'bank-a');
    story.register(tid, 'bank-b');
    const liar = story.registration(tid, 'bank-a');
    // Replica 3 is the only one that sees the consent, and it sees it first.
    story.vote(liar, 'prepared', [3]);
    story.vote(liar, 'aborted');
    story.complete(tid, 'commit');
    expect(story.outcome(tid)).toBe('abort');
    rig.runFor(60_000);
    expect([...(rig.stores[3]?.keys() ?? [])].some((key) => key.startsWith('evidence/'))).toBe(
      true,
    );
    story.heard.clear();
    finish(rig, story, 2);
    for (const replica of [0, 1, 2, 3]) {
      expect(slotsAndRecords(rig, replica).join()).not.toContain(tid);
    }
  });

  it('is fetched by a replica without its disk, but for what the others are about to forget', () => {
    const rig = new Rig({ agreement, retainedTransactions: 10 });
    const story = new Story(rig);
    for (let timestamp = 1; timestamp <= 10; timestamp += 1) finish(rig, story, timestamp);
    rig.loseDisk(3);
    rig.start(3);
    // In two steps it asks twice, and fetches meanwhile.
    rig.runUntil(() => rig.core(3).status.fetching > 0);
    rig.runUntil(() => !rig.core(3).status.recovering && rig.core(3).status.fetching === 0);
    expect(rig.core(3).status).toMatchObject({ transactions: 9, abstaining: 2 });
  });

  it('is not fetched again from peers that forget it a little later', () => {
    const rig = new Rig({ agreement, retainedTransactions: 10 });
    const story = new Story(rig);
    const tids = Array.from({ length: 10 }, (_, index) => finish(rig, story, index + 1));
    const [oldest, second] = tids as [TransactionId, TransactionId];
    rig.crash(3);
    forget(rig, 3, oldest);
    rig.start(3);
    rig.runFor(5000);
    expect(rig.core(3).status.transactions).toBe(9);
    rig.crash(3);
    forget(rig, 3, second);
    rig.start(3);
    rig.runFor(5000);
    expect(rig.core(3).status.transactions).toBe(9);
    expect(story.outcomeAt(3, second)).toBe('commit');
  });
});

function forget(rig: Rig, replica: number, tid: TransactionId): void {
  for (const key of rig.stores[replica]?.keys() ?? []) {
    const request = key.startsWith('decided/a:')
      ? digest(key.slice('decided/a:'.length))
      : undefined;
    const slot = request && ({ kind: 'activation', request } as const);
    const result = slot && rig.decision(replica, slot)?.commits.statement.result;
    const isIts = key.includes(tid) || (result?.kind === 'activation' && result.tid === tid);
    if (isIts) rig.stores[replica]?.delete(key);
  }
}
