import { describe, expect, it } from 'vitest';
import { type FloorProof, type PeerMessage, slotKey } from '../../src/agreement/messages.js';
import { activationSlotRequest, encodeRequests } from '../../src/agreement/values.js';
import { clientId } from '../../src/kernel/ids.js';
import { Floors } from '../../src/transaction/coordinator/core/floors.js';
import { Story } from '../support/banking-story.js';
import { Evidence } from '../support/evidence.js';
import { testCluster } from '../support/keys.js';
import { Rig } from '../support/rig.js';

const evidence = new Evidence(testCluster());
const { id: cluster } = testCluster().cluster;

function proofOf(client: string, timestamp: number): FloorProof {
  return [evidence.request(0, { client: clientId(client), timestamp })];
}

function open() {
  const written: string[] = [];
  const floors = new Floors(cluster, (key) => written.push(key));
  return { floors, written };
}

describe('a floor', () => {
  it('rises, and is written when it does', () => {
    const { floors, written } = open();
    for (const timestamp of [5, 3, 5, 7]) floors.raise(proofOf('alice', timestamp));
    expect(written).toEqual(['floor/alice', 'floor/alice']);
    expect(
      floors.isForgotten(
        evidence.request(0, { client: clientId('alice'), timestamp: 7 }).statement,
      ),
    ).toBe(true);
    expect(
      floors.isForgotten(
        evidence.request(0, { client: clientId('alice'), timestamp: 8 }).statement,
      ),
    ).toBe(false);
  });

  it('that would fall stops the replica', () => {
    const { floors } = open();
    floors.raise(proofOf('alice', 7));
    const lower = { key: 'floor/alice', value: encodeRequests(proofOf('alice', 6)) };
    expect(() => floors.restore([lower])).toThrow('floors only rise');
  });

  it('is of one client id, and keeps what is on record out', () => {
    const { floors } = open();
    const recorded = evidence.request(0, { client: clientId('alice/1'), timestamp: 4 }).statement;
    floors.activated(recorded);
    floors.raise(proofOf('alice/1', 6));
    expect(floors.isForgotten(recorded)).toBe(false);
    expect(floors.isForgotten({ ...recorded, timestamp: 5 })).toBe(true);
    expect(floors.isForgotten({ ...recorded, client: clientId('alice/2') })).toBe(false);
    expect(() => floors.activated(recorded)).toThrow('one transaction for a timestamp');
  });
});

function finish(rig: Rig, story: Story, timestamp: number): void {
  const tid = story.transfer(timestamp);
  story.outcome(tid);
  rig.runUntil(() => rig.stores.every((store) => store.has(`finished/${tid}`)));
}

describe('a vote below the floor', () => {
  it('is not cast again after a restart, at the ballot that it was cast at', () => {
    const rig = new Rig({ retainedTransactions: 2 });
    const story = new Story(rig);
    finish(rig, story, 1);
    const request = activationSlotRequest(story.activationStatement(0, 1));
    const slot = { kind: 'activation', request } as const;
    const proof = rig.decision(0, slot);
    if (!proof) throw new Error('not decided');
    const { statement } = proof.commits;
    const prePrepare = rig.signedBy(0, { ...statement, phase: 'pre-prepare' });
    for (const timestamp of [2, 3, 4]) finish(rig, story, timestamp);
    rig.crash(1);
    const vote = new TextEncoder().encode(`0.0.${statement.digest}`);
    rig.stores[1]?.set(`voted/${slotKey(slot)}`, vote);
    rig.start(1);
    const said: PeerMessage[] = [];
    rig.tamper = (from, _to, message) => {
      if (from === 1 && message.kind === 'phase') said.push(message);
      return [message];
    };
    rig.transmit(0, 1, { kind: 'pre-prepare', prePrepare, value: proof.value });
    rig.runFor(1000);
    expect(said).toEqual([]);
    expect(rig.core(1).status.refusedRevivals).toBeGreaterThan(0);
  });
});
