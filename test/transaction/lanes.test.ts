import { describe, expect, it } from 'vitest';
import type { ActivationStatement } from '../../src/agreement/statements.js';
import { encodeRequests } from '../../src/agreement/values.js';
import { clientId, sessionsClient } from '../../src/kernel/ids.js';
import { Floors } from '../../src/transaction/coordinator/core/floors.js';
import { Story } from '../support/banking-story.js';
import { Evidence } from '../support/evidence.js';
import { testCluster } from '../support/keys.js';
import { Rig } from '../support/rig.js';

const lanesOfAlice = 10_000;
const alone = { n: 1, f: 0 };

/** Its requests come from one lane of a principal. */
class LaneStory extends Story {
  client = 'alice/0';

  override activationStatement(initiator: number, timestamp = 1): ActivationStatement {
    return { ...super.activationStatement(initiator, timestamp), client: clientId(this.client) };
  }

  /** Whether a new transaction of the client is made, or why not. */
  answer(client: string, timestamp: number): string {
    this.client = client;
    this.refusals.splice(0);
    this.ask(timestamp);
    this.rig.runFor(10);
    return this.refusals[0]?.reason ?? 'activated';
  }
}

/** A replica that remembers this many lanes of alice, and nothing else. */
function withLanes(count: number): { rig: Rig; story: LaneStory } {
  const rig = new Rig({ ...alone, retainedTransactions: 1 });
  const evidence = new Evidence(testCluster(alone));
  rig.crash(0);
  for (let lane = 0; lane < count; lane += 1) {
    const client = clientId(`alice/${lane}`);
    const value = encodeRequests([evidence.request(0, { client, timestamp: 1 })]);
    rig.stores[0]?.set(`floor/${client}`, value);
  }
  rig.start(0);
  return { rig, story: new LaneStory(rig) };
}

describe('lanes of one principal', () => {
  it('are 10,000 at the most; its known lanes and others’ go on', () => {
    const { rig, story } = withLanes(lanesOfAlice - 1);
    expect(story.answer('alice/9999', 2)).toBe('activated');
    // It takes a place for ever when it is forgotten.
    const tid = story.transactionOf(2);
    if (!tid) throw new Error('not activated');
    story.complete(tid, 'rollback');
    story.outcome(tid);
    expect(story.answer('bob', 3)).toBe('activated');
    const other = story.transactionOf(3);
    if (other) story.complete(other, 'rollback');
    rig.runFor(60_000);
    expect(rig.stores[0]?.has('floor/alice/9999')).toBe(true);
    expect(story.answer('alice', 4)).toBe('too many lanes of this client');
    expect(story.answer('alice/9999', 5)).toBe('activated');
    expect(story.answer('alice/17', 6)).toBe('activated');
    expect(story.answer('bob/1', 7)).toBe('activated');
  }, 60_000);
});

describe('the floors', () => {
  const { id: cluster } = testCluster().cluster;
  const evidence = new Evidence(testCluster());
  const requestOf = (client: string, timestamp: number) =>
    evidence.request(0, { client: clientId(client), timestamp });

  it('count each client id once, for its own principal', () => {
    const floors = new Floors(cluster, () => {});
    for (const timestamp of [1, 2, 3]) floors.raise([requestOf('alice/1', timestamp)]);
    floors.raise([requestOf('alice', 1)]);
    floors.raise([requestOf('bob/1', 1)]);
    expect(floors.lanesOf(clientId('alice/9'))).toBe(2);
    expect(floors.lanesOf(clientId('bob'))).toBe(1);
    expect(floors.lanesOf(clientId('carol'))).toBe(0);
  });

  it('know the last order of a lane, also when the last one was given up', () => {
    const floors = new Floors(cluster, () => {});
    const order = (number: number) => requestOf(sessionsClient(3), number);
    for (const number of [1, 3, 2]) floors.activated(order(number).statement);
    const last = () => [1, 2, 3].filter((number) => floors.isLastOrder(order(number).statement));
    expect(last()).toEqual([3]);
    floors.forget([order(1)]);
    expect(last()).toEqual([3]);
    floors.forget([order(3)]);
    expect(last()).toEqual([2]);
    floors.forget([order(2)]);
    expect(last()).toEqual([]);
  });

  it('know no last order of a client', () => {
    const floors = new Floors(cluster, () => {});
    floors.activated(requestOf('alice', 1).statement);
    expect(floors.isLastOrder(requestOf('alice', 1).statement)).toBe(false);
  });
});
