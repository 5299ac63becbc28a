import { describe, expect, it } from 'vitest';
import type { PeerMessage } from '../../src/agreement/messages.js';
import { limits } from '../../src/kernel/codec/limits.js';
import { transactionId, type View } from '../../src/kernel/ids.js';
import { Story } from '../support/banking-story.js';
import { Rig } from '../support/rig.js';

/** Its disk is lost. */
const lost = 3;
const liar = 2;
const everything = (_from: number, _to: number, message: PeerMessage) => [message];

function newDisk(rig: Rig): void {
  rig.loseDisk(lost);
  rig.start(lost);
}

function isRecovering(rig: Rig): boolean {
  return rig.core(lost).status.recovering;
}

/** The last view in which it votes for no activation. */
function silentUpTo(rig: Rig): number {
  return Number(new TextDecoder().decode(rig.stores[lost]?.get('member')));
}

function viewsOf(rig: Rig): number[] {
  return [0, 1, 2, 3].map((replica) => rig.core(replica).status.view);
}

/** All are in view 1, since the first primary was down. */
function inViewOne(): { rig: Rig; story: Story } {
  const rig = new Rig();
  const story = new Story(rig);
  rig.crash(0);
  story.outcome(story.transfer(1));
  rig.start(0);
  rig.runUntil(() => viewsOf(rig).every((one) => one === 1));
  rig.runFor(5000);
  return { rig, story };
}

/** The activations, by view, that the replica without its disk votes for. */
function watchVotes(rig: Rig): number[] {
  const views: number[] = [];
  rig.onStep = (from, outputs) => {
    for (const output of outputs) {
      if (from !== lost || output.kind !== 'broadcast' || output.message.kind !== 'phase') continue;
      const { slot, ballot } = output.message.signed.statement;
      if (slot.kind === 'activation') views.push(ballot.view);
    }
  };
  return views;
}

describe('a replica without its disk', () => {
  it('votes for no activation in a view that it was in, though that is shown to it late', () => {
    const { rig, story } = inViewOne();
    rig.tamper = (_from, to, message) =>
      to === lost && message.kind === 'new-view' ? [] : [message];
    newDisk(rig);
    rig.runUntil(() => !isRecovering(rig));
    expect(rig.core(lost).status.view).toBe(0);
    rig.tamper = everything;
    for (const one of [0, 1, 2]) rig.input(one, { kind: 'peer-up', replica: lost as never });
    rig.runUntil(() => rig.core(lost).status.view === 1);
    const votes = watchVotes(rig);
    story.outcome(story.transfer(2));
    rig.crash(1);
    story.outcome(story.transfer(3));
    expect(votes.length).toBeGreaterThan(0);
    expect(Math.min(...votes)).toBeGreaterThan(1);
  });

  it('votes for none in a view that another one has asked for, though that has restarted since', () => {
    const rig = new Rig();
    const story = new Story(rig);
    // Replica 1 alone hears of no decision.
    rig.tamper = (_from, to, message) => {
      const isCommit = message.kind === 'phase' && message.signed.statement.phase === 'commit';
      return to === 1 && (isCommit || message.kind === 'decided') ? [] : [message];
    };
    story.ask(1);
    rig.runUntil(() => rig.stores[1]?.has('asked-view') === true);
    rig.crash(1);
    rig.tamper = everything;
    rig.start(1);
    rig.runFor(5000);
    newDisk(rig);
    rig.runUntil(() => !isRecovering(rig));
    expect(viewsOf(rig)).toEqual([0, 0, 0, 0]);
    expect(silentUpTo(rig)).toBe(1);
  });

  it('is not made silent for long by a liar', () => {
    const rig = new Rig();
    let claimed = 1000;
    rig.tamper = (from, to, message) =>
      from === liar && to === lost && message.kind === 'inventory'
        ? [{ ...message, view: claimed as View }]
        : [message];
    newDisk(rig);
    rig.runFor(20_000);
    // As if the liar were down: of four, all others have to be up.
    expect(isRecovering(rig)).toBe(true);
    claimed = 1;
    rig.runUntil(() => !isRecovering(rig), 60_000);
    expect(silentUpTo(rig)).toBe(1);
  });

  it('comes back in the view that one other is in, though that was shown to it in vain', () => {
    const { rig, story } = inViewOne();
    rig.crash(1);
    story.outcome(story.transfer(2));
    rig.start(1);
    rig.runUntil(() => viewsOf(rig).every((one) => one === 2));
    rig.runFor(5000);
    // Replica 0 was cut off since the start, and replica 2 lies.
    let isEarly = true;
    rig.tamper = (from, to, message) => {
      if (to !== lost) return [message];
      if (message.kind === 'new-view') return isEarly || from !== 1 ? [] : [message];
      const isOld = from !== 1 && message.kind === 'inventory';
      return [isOld ? { ...message, view: 0 as View } : message];
    };
    newDisk(rig);
    rig.runFor(3000);
    expect(isRecovering(rig)).toBe(true);
    isEarly = false;
    rig.runUntil(() => !isRecovering(rig), 60_000);
    expect([rig.core(lost).status.view, silentUpTo(rig)]).toEqual([2, 2]);
  });

  it('takes no inventory that may have been cut for a whole one', () => {
    const rig = new Rig();
    let isFull = true;
    rig.tamper = (from, to, message) => {
      if (!isFull || from !== liar || to !== lost || message.kind !== 'inventory') return [message];
      const { after } = message;
      const finished = Array.from({ length: limits.inventoryEntries }, (_, index) => ({
        kind: 'outcome' as const,
        tid: transactionId(`00000000-0000-8000-8000-${String(after + index).padStart(12, '0')}`),
      }));
      return [{ ...message, finished, last: after + finished.length >= 131_072 }];
    };
    newDisk(rig);
    rig.runFor(30_000);
    expect(isRecovering(rig)).toBe(true);
    isFull = false;
    rig.runUntil(() => !isRecovering(rig), 120_000);
    expect(rig.core(lost).status.abstaining).toBe(0);
  });
});
