import { describe, expect, it } from 'vitest';
import {
  type PeerMessage,
  type PreparedCertificate,
  type Slot,
  slotKey,
} from '../../src/agreement/messages.js';
import { digest, type ReplicaId, type TransactionId } from '../../src/kernel/ids.js';
import { Story } from '../support/banking-story.js';
import { Rig } from '../support/rig.js';

function finish(rig: Rig, story: Story, timestamp: number): TransactionId {
  const tid = story.transfer(timestamp);
  story.outcome(tid);
  rig.runUntil(() => [...rig.alive].every((one) => rig.stores[one]?.has(`finished/${tid}`)));
  return tid;
}

function activationSlot(rig: Rig, replica: number): Slot {
  const keys = [...(rig.stores[replica]?.keys() ?? [])];
  const key = keys.find((one) => one.startsWith('decided/a:')) ?? '';
  return { kind: 'activation', request: digest(key.slice('decided/a:'.length)) };
}

/** The lock that the replicas had on the decided value. */
function lockOn(rig: Rig, slot: Slot): PreparedCertificate {
  const proof = rig.decision(0, slot);
  if (!proof) throw new Error('no decision');
  const { commits, value } = proof;
  const phase = (kind: 'pre-prepare' | 'prepare', replica: number) =>
    rig.signedBy(replica, { ...commits.statement, phase: kind });
  const prepares = [1, 2, 3].map((replica) => phase('prepare', replica));
  const { statement, bytes } = phase('prepare', 1);
  const signatures = prepares.map(({ signature }, index) => ({
    replica: (index + 1) as ReplicaId,
    signature,
  }));
  return {
    prePrepare: phase('pre-prepare', 0),
    prepares: { statement, bytes, signatures },
    value,
  };
}

describe('a forgotten activation', () => {
  it('is not opened again by the primary that proposed it', () => {
    const rig = new Rig({ retainedTransactions: 2 });
    const story = new Story(rig);
    const openings: PeerMessage[] = [];
    rig.tamper = (from, _to, message) => {
      if (from === 0 && message.kind === 'activation-pre-prepare') openings.push(message);
      return [message];
    };
    finish(rig, story, 1);
    const [opening] = openings;
    for (const timestamp of [2, 3, 4]) finish(rig, story, timestamp);
    for (const replica of [1, 2, 3]) rig.transmit(0, replica, opening as PeerMessage);
    // At once: what nobody wants is dropped later anyway.
    rig.runFor(100);
    for (const replica of [1, 2, 3]) expect(rig.core(replica).status.openSlots).toBe(0);
    rig.runFor(60_000);
    for (const replica of [1, 2, 3]) {
      const { openSlots, view, refusedRevivals } = rig.core(replica).status;
      expect({ openSlots, view }).toEqual({ openSlots: 0, view: 0 });
      expect(refusedRevivals).toBeGreaterThan(0);
    }
  });

  it('is not opened again by its lock in a new view', () => {
    const rig = new Rig({ retainedTransactions: 2 });
    const story = new Story(rig);
    finish(rig, story, 1);
    const lock = lockOn(rig, activationSlot(rig, 0));
    for (const timestamp of [2, 3, 4]) finish(rig, story, timestamp);
    rig.crash(0);
    let shown = 0;
    rig.tamper = (from, _to, message) => {
      if (message.kind === 'new-view') shown += 1;
      if (from !== 3 || message.kind !== 'view-change') return [message];
      const { view } = message.viewChange.statement;
      const signed = rig.signedBy(3, { kind: 'view-change' as const, view, prepared: [lock] });
      return [{ kind: 'view-change', viewChange: { ...signed, replica: 3 as ReplicaId } }];
    };
    finish(rig, story, 5);
    rig.runFor(60_000);
    expect(shown).toBeGreaterThan(0);
    for (const replica of [1, 2]) {
      expect(rig.core(replica).status).toMatchObject({ openSlots: 0, view: 1 });
    }
  });

  it('is not proposed by a primary that is locked on it and has missed its decision', () => {
    const rig = new Rig({ retainedTransactions: 0 });
    const story = new Story(rig);
    let missed: string | undefined;
    let proposals = 0;
    rig.tamper = (from, to, message) => {
      const slot = slotOf(message);
      missed ??= slot;
      if (slot === undefined || slot !== missed) return [message];
      if (from === 1 && message.kind === 'pre-prepare') proposals += 1;
      const decides = message.kind === 'decided' || isCommit(message);
      return to === 1 && decides ? [] : [message];
    };
    story.ask(1);
    rig.runUntil(() => rig.stores[1]?.has(`lock/${missed}`) === true);
    story.transfer(2);
    rig.runUntil(() => rig.stores[1]?.has('floor/alice') === true);
    expect(rig.stores[1]?.has(`lock/${missed}`)).toBe(true);
    rig.crash(0);
    story.ask(3);
    rig.runUntil(() => rig.core(1).status.view === 1);
    rig.runFor(10_000);
    expect(proposals).toBe(0);
    expect(rig.core(1).status.refusedRevivals).toBeGreaterThan(0);
  });

  it('is given up by those that waited for it when they forgot a later one of its client', () => {
    const rig = new Rig({ retainedTransactions: 0 });
    const story = new Story(rig);
    // The first request reaches all but the primary.
    rig.tamper = (_from, to, message) => (message.kind === 'requests' && to === 0 ? [] : [message]);
    story.ask(1, story.initiators, [1, 2, 3]);
    expect([1, 2, 3].map((one) => rig.core(one).status.openSlots)).toEqual([1, 1, 1]);
    story.transfer(2);
    rig.runUntil(() => rig.stores.every((store) => store.has('floor/alice')));
    rig.runFor(60_000);
    const { view } = rig.core(1).status;
    rig.runFor(60_000);
    for (const replica of [0, 1, 2, 3]) {
      expect(rig.core(replica).status).toMatchObject({ openSlots: 0, view });
    }
  });
});

function slotOf(message: PeerMessage): string | undefined {
  switch (message.kind) {
    case 'activation-pre-prepare':
      return slotKey(message.proposal.statement.slot);
    case 'pre-prepare':
      return slotKey(message.prePrepare.statement.slot);
    case 'phase':
      return slotKey(message.signed.statement.slot);
    case 'decided':
      return slotKey(message.proof.commits.statement.slot);
    default:
      return undefined;
  }
}

function isCommit(message: PeerMessage): boolean {
  return message.kind === 'phase' && message.signed.statement.phase === 'commit';
}
