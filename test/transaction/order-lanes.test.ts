import { describe, expect, it } from 'vitest';
import type { ActivationStatement } from '../../src/agreement/statements.js';
import { sessionsClient, type TransactionId } from '../../src/kernel/ids.js';
import { Story } from '../support/banking-story.js';
import { Rig } from '../support/rig.js';

const replicas = [0, 1, 2, 3];

/** Its requests are the orders of one lane: timestamp `n` is order number `n`. */
class OrderStory extends Story {
  lane = 0;

  override activationStatement(initiator: number, timestamp = 1): ActivationStatement {
    const client = sessionsClient(this.lane);
    return { ...super.activationStatement(initiator, timestamp), client };
  }
}

function finish(rig: Rig, story: Story, timestamp: number): TransactionId {
  const tid = story.transfer(timestamp);
  story.outcome(tid);
  rig.runUntil(() => replicas.every((one) => rig.stores[one]?.has(`finished/${tid}`)));
  return tid;
}

/** Orders 1, 2 and 3 of lane 0 are done, and the first two forgotten for those of lane 1. */
function forgotten(): { rig: Rig; story: OrderStory; last: TransactionId } {
  const rig = new Rig({ retainedTransactions: 2 });
  const story = new OrderStory(rig);
  const tids = [finish(rig, story, 1), finish(rig, story, 2)];
  const last = finish(rig, story, 3);
  story.lane = 1;
  for (const number of [11, 12, 13]) finish(rig, story, number);
  rig.runFor(5000);
  for (const store of rig.stores) {
    for (const tid of tids) expect([...store.keys()].join()).not.toContain(tid);
  }
  story.lane = 0;
  story.refusals.splice(0);
  story.activated.clear();
  return { rig, story, last };
}

describe('an order whose transaction is forgotten', () => {
  it.each([1, 2])('never becomes another transaction (order %i of 3)', (number) => {
    const { rig, story } = forgotten();
    story.ask(number);
    rig.runFor(60_000);
    expect(story.activated.size).toBe(0);
    expect(story.refusals).toHaveLength(2 * replicas.length);
    expect(replicas.map((one) => rig.core(one).status.openSlots)).toEqual([0, 0, 0, 0]);
  });

  it('never does, also when all replicas have started again', () => {
    const { rig, story } = forgotten();
    for (const replica of replicas) rig.crash(replica);
    for (const replica of replicas) rig.start(replica);
    story.ask(2);
    rig.runFor(60_000);
    expect(story.activated.size).toBe(0);
  });

  it('never does, whatever the primary proposes', () => {
    const { rig, story } = forgotten();
    const { primary } = rig.core(0).status;
    rig.crash(primary);
    rig.stores[primary]?.delete(`floor/${sessionsClient(0)}`);
    rig.start(primary);
    story.ask(2);
    rig.runFor(60_000);
    expect(story.activated.size).toBe(0);
  });

  it('does not keep the next one of its lane back', () => {
    const { rig, story } = forgotten();
    expect(finish(rig, story, 4)).toBeDefined();
  });
});

describe('the last order of a lane', () => {
  it('is answered as often as it is asked for, while its transaction is remembered', () => {
    const rig = new Rig();
    const story = new OrderStory(rig);
    const tid = finish(rig, story, 1);
    story.ask(1, [2]);
    expect(story.transactionOf(1)).toBe(tid);
    expect(story.refusals).toEqual([]);
  });

  it('is remembered however many transactions end after it, and restarts', () => {
    const { rig, story, last } = forgotten();
    for (const replica of replicas) rig.crash(replica);
    for (const replica of replicas) rig.start(replica);
    story.ask(3);
    rig.runFor(5000);
    expect([...story.activated.keys()]).toEqual([last]);
    for (const store of rig.stores) expect([...store.keys()]).toContain(`decided/o:${last}`);
  });

  it('is forgotten after the next one, and no more is kept than is wanted', () => {
    const { rig, story, last } = forgotten();
    finish(rig, story, 4);
    story.lane = 1;
    finish(rig, story, 14);
    rig.runFor(5000);
    for (const store of rig.stores) {
      const keys = [...store.keys()];
      expect(keys.join()).not.toContain(last);
      expect(keys.filter((key) => key.startsWith('finished/'))).toHaveLength(2);
      expect(keys.filter((key) => key.startsWith('floor/'))).toContain('floor/sessions/0');
    }
  });
});
