import { describe, expect, it } from 'vitest';
import { type PeerMessage, type Slot, slotKey } from '../../src/agreement/messages.js';
import { digest, type ReplicaId, type TransactionId, type View } from '../../src/kernel/ids.js';
import { Story } from '../support/banking-story.js';
import { Rig } from '../support/rig.js';

const liar = 0;
const away = 3;
const others = [0, 1, 2];

function finish(rig: Rig, story: Story, timestamp: number): TransactionId {
  const tid = story.transfer(timestamp);
  story.outcome(tid);
  rig.runUntil(() => others.every((one) => rig.stores[one]?.has(`finished/${tid}`)));
  return tid;
}

function keysOf(rig: Rig, replica: number): string {
  return [...(rig.stores[replica]?.keys() ?? [])].join();
}

/** The liar asks for the next view all the time: with one more the others join. */
function asksForEachView(rig: Rig): void {
  const view = (rig.core(away).status.view + 1) as View;
  const signed = rig.signedBy(liar, { kind: 'view-change' as const, view, prepared: [] });
  const viewChange = { ...signed, replica: liar as ReplicaId };
  for (const to of [1, 2, 3]) rig.transmit(liar, to, { kind: 'view-change', viewChange });
  rig.after(1000, () => asksForEachView(rig));
}

/** The liar says in each inventory that it has the slot, and delivers nothing. */
function claimsToHave(rig: Rig, slot: Slot): void {
  rig.tamper = (from, to, message) => {
    if (from !== liar || to !== away || message.kind !== 'inventory') return [message];
    return [{ ...message, open: [...message.open, slot] }];
  };
}

/** In how many views the cluster is within so much time, while transactions go on. */
function viewsPassed(rig: Rig, story: Story, timestamps: readonly number[]): number {
  const { view } = rig.core(1).status;
  for (const timestamp of timestamps) {
    finish(rig, story, timestamp);
    rig.runFor(3000);
  }
  return rig.core(1).status.view - view;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

describe('one liar that asks for each next view', () => {
  it('is not joined because votes for a forgotten outcome come late', () => {
    const rig = new Rig({ retainedTransactions: 2 });
    const story = new Story(rig);
    const late: { readonly from: number; readonly message: PeerMessage }[] = [];
    rig.tamper = (from, to, message) => {
      const isVote = message.kind === 'phase' && message.signed.statement.slot.kind === 'outcome';
      if (isVote && to === away && from !== liar) late.push({ from, message });
      return [message];
    };
    const tid = finish(rig, story, 1);
    const votes = late.splice(0);
    for (const timestamp of [2, 3, 4]) finish(rig, story, timestamp);
    expect(keysOf(rig, away)).not.toContain(tid);
    for (const { from, message } of votes) rig.transmit(from, away, message);
    asksForEachView(rig);
    rig.runFor(10);
    expect(rig.core(away).status.openSlots).toBe(1);
    // It asks for the outcome, and does not say that it knows of it.
    let told: readonly Slot[] | undefined;
    rig.tamper = (from, _to, message) => {
      if (from === away && message.kind === 'inventory') told = message.open;
      return [message];
    };
    rig.input(1, { kind: 'peer-up', replica: away as ReplicaId });
    rig.runUntil(() => told !== undefined, 10_000);
    expect(told?.map(slotKey)).not.toContain(slotKey({ kind: 'outcome', tid }));
    rig.runFor(120_000);
    expect(rig.core(away).status).toMatchObject({ view: 0, openSlots: 0 });
  });

  it('is not joined for ever because of an outcome that the others have forgotten', () => {
    const rig = new Rig({ retainedTransactions: 2 });
    const story = new Story(rig);
    const tid = story.activate(1);
    story.sendRegistration(story.registration(tid, 'bank-a', { id: 'first' }));
    rig.runFor(20);
    // It is only asleep: no link goes down.
    rig.tamper = (from, to, message) => (from === away || to === away ? [] : [message]);
    rig.alive.delete(away);
    story.complete(tid, 'commit');
    rig.runFor(20_000);
    for (const timestamp of [2, 3, 4]) finish(rig, story, timestamp);
    rig.alive.add(away);
    claimsToHave(rig, { kind: 'outcome', tid });
    asksForEachView(rig);
    expect(viewsPassed(rig, story, range(5, 40))).toBeGreaterThan(0);
    expect(viewsPassed(rig, story, range(40, 60))).toBe(0);
    expect(keysOf(rig, away)).toContain(tid);
  });

  it('is not joined for ever because of an activation that the others have forgotten', () => {
    const rig = new Rig({ retainedTransactions: 2 });
    const story = new Story(rig);
    rig.tamper = (_from, to, message) => {
      const isLast = message.kind === 'phase' && message.signed.statement.phase === 'commit';
      return to === away && (isLast || message.kind === 'decided') ? [] : [message];
    };
    story.ask(1);
    rig.runUntil(() => others.every((one) => rig.core(one).status.transactions === 1));
    rig.runUntil(() => keysOf(rig, away).includes('lock/a:'));
    const lock = [...(rig.stores[away]?.keys() ?? [])].find((key) => key.startsWith('lock/a:'));
    rig.crash(away);
    const tid = story.transactionOf(1) as TransactionId;
    story.register(tid, 'bank-a');
    story.complete(tid, 'commit');
    story.outcome(tid);
    for (const timestamp of [2, 3, 4]) finish(rig, story, timestamp);
    const request = digest((lock ?? '').slice('lock/a:'.length));
    const slot: Slot = { kind: 'activation', request };
    expect(lock).toBe(`lock/${slotKey(slot)}`);
    claimsToHave(rig, slot);
    rig.start(away);
    asksForEachView(rig);
    // Nothing is decided meanwhile: no floor of its own passes the activation there.
    rig.runFor(600_000);
    const { view } = rig.core(1).status;
    // Long enough for a primary that is blamed twice as late each time.
    rig.runFor(6_000_000);
    expect(rig.core(1).status.view).toBe(view);
    expect(rig.stores[away]?.has(lock ?? '')).toBe(true);
  });
});

/** A replica votes for an activation and crashes, and the others decide and forget that. */
function votesAndCrashes(replica: number): { rig: Rig; vote: string } {
  const rig = new Rig({ retainedTransactions: 2 });
  const story = new Story(rig);
  rig.tamper = (from, _to, message) => {
    const isVote = message.kind === 'phase' || message.kind === 'pre-prepare-update';
    return from === replica && isVote ? [] : [message];
  };
  story.ask(1);
  const vote = () =>
    [...(rig.stores[replica]?.keys() ?? [])].find((key) => key.startsWith('voted/a:'));
  rig.runUntil(() => vote() !== undefined);
  const key = vote() ?? '';
  rig.crash(replica);
  const living = [...rig.alive];
  rig.runUntil(() => living.every((one) => rig.core(one).status.transactions === 1));
  story.outcome(completed(story, story.transactionOf(1) as TransactionId));
  for (const timestamp of [2, 3, 4]) {
    const tid = story.transfer(timestamp);
    rig.runUntil(() => living.every((one) => rig.stores[one]?.has(`finished/${tid}`)));
  }
  rig.tamper = (_from, _to, message) => [message];
  rig.start(replica);
  rig.runFor(200_000);
  return { rig, vote: key };
}

function completed(story: Story, tid: TransactionId): TransactionId {
  story.register(tid, 'bank-a');
  story.complete(tid, 'commit');
  return tid;
}

describe('a vote for an activation that nobody knows any more', () => {
  it('goes when its view has gone', () => {
    const { rig, vote } = votesAndCrashes(0);
    expect(rig.core(0).status.view).toBeGreaterThan(0);
    expect(rig.stores[0]?.has(vote)).toBe(false);
  });

  it('stays in its view, so that no other is cast at its ballot', () => {
    const { rig, vote } = votesAndCrashes(3);
    expect(rig.core(3).status.view).toBe(0);
    expect(rig.stores[3]?.has(vote)).toBe(true);
  });
});
