import { describe, expect, it } from 'vitest';
import { type PeerMessage, slotKey } from '../../src/agreement/messages.js';
import { Story } from '../support/banking-story.js';
import { Evidence } from '../support/evidence.js';
import { Rig } from '../support/rig.js';
import { ballot, isLocked, openScene, propose, sign } from './scene.js';

const viewsOf = (rig: Rig) => [...rig.alive].map((replica) => rig.core(replica).status.view);

/** When each view change was first asked for, by view. */
function watchViewChanges(rig: Rig): Map<number, number> {
  const askedMs = new Map<number, number>();
  const { tamper } = rig;
  rig.tamper = (from, to, message) => {
    if (message.kind === 'view-change') {
      const { view } = message.viewChange.statement;
      if (!askedMs.has(view)) askedMs.set(view, rig.nowMs);
    }
    return tamper(from, to, message);
  };
  return askedMs;
}

describe('a view change (protocols.md 1.4)', () => {
  it('carries locks: who has only seen the new-view message refuses another value', () => {
    const scene = openScene();
    const { rig, evidence, commit, abort } = scene;
    for (const replica of [0, 1, 2]) rig.crash(replica);
    const certificate = evidence.prepared(commit);
    const newView = evidence.newView(1, [
      evidence.viewChange(0, 1),
      evidence.viewChange(1, 1),
      evidence.viewChange(2, 1, [certificate]),
    ]);
    rig.transmit(1, 3, { kind: 'new-view', newView });
    rig.runFor(20);
    const votes: PeerMessage[] = [];
    rig.tamper = (_from, _to, message) => {
      if (message.kind === 'phase') votes.push(message);
      return [];
    };
    propose(scene, [3], abort, ballot(1));
    rig.runFor(20);
    expect(votes).toEqual([]);
    propose(scene, [3], commit, ballot(1, 1));
    rig.runFor(20);
    expect(votes).not.toEqual([]);
  });

  it('makes who learns a lock from it ask for the decision that it has missed', () => {
    const scene = openScene();
    const { rig, evidence, story, tid, abort } = scene;
    rig.tamper = (from, to, message) => (from === 3 || to === 3 ? [] : [message]);
    for (const registration of story.registrations) story.vote(registration, 'aborted', [0, 1, 2]);
    rig.runUntil(() => [0, 1, 2].every((one) => rig.stores[one]?.has(`decided/o:${tid}`)));
    rig.tamper = (_from, _to, message) => [message];
    const viewChange = evidence.viewChange(2, 1, [evidence.prepared(abort)]);
    rig.transmit(2, 3, { kind: 'view-change', viewChange });
    rig.runFor(20);
    expect(isLocked(scene, 3)).toBe(true);
    rig.runFor(3000);
    expect(isLocked(scene, 3)).toBe(false);
    expect(rig.stores[3]?.has(`decided/o:${tid}`)).toBe(true);
  });

  it('is not asked for because of a vote whose request nobody knows any more', () => {
    const rig = new Rig();
    const value = new Evidence(rig.parties).activationValue();
    const prePrepare = new Evidence(rig.parties).prePrepare(value);
    rig.tamper = (_from, _to, message) => (message.kind === 'phase' ? [] : [message]);
    for (const to of [1, 2, 3]) rig.transmit(0, to, { kind: 'pre-prepare', prePrepare, value });
    rig.runFor(20);
    const { slot } = prePrepare.statement;
    const voted = [1, 2, 3].filter((one) => rig.stores[one]?.has(`voted/${slotKey(slot)}`));
    expect(voted).toEqual([1, 2, 3]);
    for (const replica of [0, 1, 2, 3]) rig.crash(replica);
    rig.tamper = (_from, _to, message) => [message];
    for (const replica of [0, 1, 2, 3]) rig.start(replica);
    const sent: PeerMessage[] = [];
    rig.runFor(100_000);
    rig.tamper = (_from, _to, message) => {
      sent.push(message);
      return [message];
    };
    rig.runFor(100_000);
    expect(viewsOf(rig)).toEqual([0, 0, 0, 0]);
    expect(sent).toEqual([]);
    // Asked again, it is done after all.
    for (const replica of [1, 2, 3]) {
      rig.transmit(0, replica, { kind: 'requests', requests: value.requests });
    }
    rig.runUntil(() => [1, 2, 3].every((one) => rig.decision(one, slot) !== undefined));
  });

  it('shows a lone lock in the view-change message, so that a Byzantine new primary is ignored', () => {
    const scene = openScene({ n: 7, f: 2 });
    const { rig, story, evidence, commit, abort, tid } = scene;
    // Replica 2 alone is locked. Replicas 0 and 1, the next primary, are Byzantine.
    rig.crash(0);
    rig.tamper = () => [];
    propose(scene, [2], commit);
    for (const from of [1, 3, 4, 5]) sign(scene, from, [2], evidence.phase('prepare', commit));
    rig.runFor(20);
    expect([2, 3, 4, 5, 6].filter((replica) => isLocked(scene, replica))).toEqual([2]);
    rig.crash(1);
    // Of replica 2 nothing gets through but its view change.
    const viewChanges = new Map<number, PeerMessage>();
    rig.tamper = (from, to, message) => {
      if (message.kind === 'view-change' && to === 1) viewChanges.set(from, message);
      return from === 2 || message.kind === 'pre-prepare' ? [] : [message];
    };
    for (const registration of story.registrations)
      story.vote(registration, 'aborted', [3, 4, 5, 6]);
    rig.runUntil(() => viewChanges.size === 5 || rig.nowMs > 10_000);
    const shown = [...viewChanges.values()]
      .flatMap((message) => (message.kind === 'view-change' ? [message.viewChange] : []))
      .sort((a, b) => a.replica - b.replica);
    const newView = evidence.newView(1, shown);
    for (const to of [2, 3, 4, 5, 6]) rig.transmit(1, to, { kind: 'new-view', newView });
    rig.runFor(20);
    expect(viewsOf(rig)).toEqual(Array(5).fill(1));
    propose(scene, [2, 3, 4, 5, 6], abort, ballot(1));
    sign(scene, 0, [2, 3, 4, 5, 6], evidence.phase('prepare', abort, ballot(1)));
    rig.runFor(20);
    expect([3, 4, 5, 6].map((replica) => rig.stores[replica]?.has(`voted/o:${tid}`))).toEqual(
      Array(4).fill(false),
    );
    rig.tamper = (_from, _to, message) => [message];
    expect(story.outcome(tid)).toBe('commit');
  });

  it('is asked for beyond the view of any lock, which a quorum has left behind', () => {
    const scene = openScene();
    const { rig, story, evidence, commit } = scene;
    const asked: PeerMessage[] = [];
    rig.tamper = (_from, _to, message) => {
      if (message.kind === 'view-change') asked.push(message);
      return [];
    };
    rig.transmit(1, 3, { kind: 'prepared', certificate: evidence.prepared(commit, ballot(5)) });
    rig.runFor(20);
    for (const registration of story.registrations) story.vote(registration, 'aborted', [3]);
    rig.runUntil(() => asked.length > 0);
    const views = asked.map((it) => (it.kind === 'view-change' ? it.viewChange.statement.view : 0));
    expect(new Set(views)).toEqual(new Set([6]));
    expect(rig.refused).toEqual([]);
  });

  it('is joined at f + 1, and not before', () => {
    const rig = new Rig({ n: 7, f: 2 });
    const evidence = new Evidence(rig.parties);
    const asked: number[] = [];
    rig.tamper = (from, _to, message) => {
      if (message.kind === 'view-change') asked.push(from);
      return [];
    };
    for (const from of [4, 5]) {
      rig.transmit(from, 0, { kind: 'view-change', viewChange: evidence.viewChange(from, 3) });
    }
    rig.runFor(20);
    expect(asked).toEqual([]);
    rig.transmit(6, 0, { kind: 'view-change', viewChange: evidence.viewChange(6, 2) });
    rig.runFor(20);
    expect(new Set(asked)).toEqual(new Set([0]));
  });

  it('is asked for again until the new view comes', () => {
    const rig = new Rig();
    const story = new Story(rig);
    rig.crash(0);
    rig.tamper = (_from, _to, message) =>
      message.kind === 'view-change' && rig.nowMs < 6000 ? [] : [message];
    story.activate();
    expect(rig.nowMs).toBeGreaterThan(6000);
    expect(viewsOf(rig)).toEqual([1, 1, 1]);
  });

  it('waits twice as long each time, and from a quorum on only', () => {
    const rig = new Rig({ n: 7, f: 2 });
    const story = new Story(rig);
    const askedMs = watchViewChanges(rig);
    const newViews = rig.tamper;
    rig.tamper = (from, to, message) =>
      message.kind === 'new-view' ? [] : newViews(from, to, message);
    rig.crash(0);
    story.ask();
    rig.runFor(40_000);
    const at = [1, 2, 3, 4].map((view) => askedMs.get(view) ?? 0);
    const waits = at.slice(1).map((ms, index) => ms - (at[index] ?? 0));
    for (const [index, expected] of [2000, 4000, 8000].entries()) {
      expect(waits[index]).toBeGreaterThanOrEqual(expected);
      expect(waits[index]).toBeLessThan(expected + 100);
    }
  });

  it('does not begin to wait for the new primary while too few ask', () => {
    const rig = new Rig();
    const story = new Story(rig);
    const askedMs = watchViewChanges(rig);
    // Replicas 0 and 2 are down: there is no quorum, and the two others must not run ahead.
    rig.crash(0);
    rig.crash(2);
    story.ask();
    rig.runFor(60_000);
    expect([...askedMs.keys()]).toEqual([1]);
    rig.start(2);
    story.ask();
    rig.runUntil(() => story.transactionOf() !== undefined);
    expect(viewsOf(rig)).toEqual([1, 1, 1]);
  });

  it('gets past two dead primaries in a row at n = 7', () => {
    const rig = new Rig({ n: 7, f: 2 });
    const story = new Story(rig);
    rig.crash(0);
    rig.crash(1);
    story.activate();
    expect(new Set(viewsOf(rig))).toEqual(new Set([2]));
  });
});

describe('a lone suspicion', () => {
  function suspectAlone(): { rig: Rig; story: Story } {
    const rig = new Rig();
    const story = new Story(rig);
    // Only replica 3 was asked, and its requests get lost on the way to the primary.
    rig.tamper = (from, _to, message) =>
      from === 3 && message.kind === 'requests' ? [] : [message];
    story.ask(1, [0, 1], [3]);
    rig.runFor(5000);
    return { rig, story };
  }

  it('does no harm: the others go on in their view', () => {
    const { rig, story } = suspectAlone();
    expect(viewsOf(rig)).toEqual([0, 0, 0, 0]);
    story.ask(2, [0, 1], [0, 1, 2]);
    rig.runUntil(() => story.transactionOf(2) !== undefined);
    expect(viewsOf(rig)).toEqual([0, 0, 0, 0]);
  });

  it('is withdrawn when what was missing is decided', () => {
    const { rig, story } = suspectAlone();
    story.ask(1, [0, 1], [0]);
    rig.runUntil(() => story.transactionOf() !== undefined);
    rig.runFor(1000);
    const asked: number[] = [];
    rig.tamper = (from, _to, message) => {
      if (message.kind === 'view-change') asked.push(from);
      return [message];
    };
    rig.runFor(60_000);
    expect(asked).toEqual([]);
  });

  it('of another replica later is alone again: what was withdrawn is forgotten', () => {
    const { rig, story } = suspectAlone();
    story.ask(1, [0, 1], [0]);
    rig.runFor(20_000);
    rig.tamper = (from, _to, message) =>
      from === 2 && message.kind === 'requests' ? [] : [message];
    story.ask(2, [0, 1], [2]);
    rig.runFor(10_000);
    expect(viewsOf(rig)).toEqual([0, 0, 0, 0]);
  });

  it('is withdrawn by those who only joined it, when the others have withdrawn', () => {
    const rig = new Rig();
    const evidence = new Evidence(rig.parties);
    const asked: number[] = [];
    for (const replica of [1, 2, 3]) rig.crash(replica);
    rig.tamper = (_from, _to, message) => {
      if (message.kind === 'view-change') asked.push(rig.nowMs);
      return [];
    };
    for (const from of [2, 3]) {
      rig.transmit(from, 0, { kind: 'view-change', viewChange: evidence.viewChange(from, 1) });
    }
    rig.runFor(11_000);
    expect(asked).not.toEqual([]);
    asked.splice(0);
    rig.runFor(60_000);
    expect(asked).toEqual([]);
  });
});

describe('the view', () => {
  it('is entered by a lagging replica when its peers greet it', () => {
    const rig = new Rig();
    const story = new Story(rig);
    rig.crash(0);
    story.activate();
    rig.start(0);
    rig.runFor(50);
    expect(viewsOf(rig)).toEqual([1, 1, 1, 1]);
  });

  it('is entered by one that missed the new-view message, when it asks', () => {
    const rig = new Rig();
    const story = new Story(rig);
    rig.tamper = (from, to, message) =>
      from === 0 || (to === 3 && message.kind === 'new-view' && rig.nowMs < 2500) ? [] : [message];
    story.ask();
    rig.runUntil(() => rig.core(3).status.view === 1);
    expect(rig.nowMs).toBeGreaterThan(2500);
    expect(rig.nowMs).toBeLessThan(3500);
  });

  it('is told to one that asks for a later one, and that nobody joins', () => {
    const rig = new Rig();
    const story = new Story(rig);
    rig.tamper = (from, to, message) =>
      from === 0 || (to === 3 && message.kind === 'new-view' && rig.nowMs < 4500) ? [] : [message];
    story.ask();
    rig.runUntil(() => rig.core(3).status.view === 1);
    expect(rig.nowMs).toBeGreaterThan(4500);
    expect(rig.nowMs).toBeLessThan(10_000);
  });

  it('survives a restart', () => {
    const rig = new Rig();
    const story = new Story(rig);
    rig.crash(0);
    story.activate();
    rig.crash(1);
    rig.tamper = () => [];
    rig.start(1);
    expect(rig.core(1).status.view).toBe(1);
  });

  it('is not changed by a view change that is too long to be carried', () => {
    const { rig, evidence, commit } = openScene();
    const long = evidence.viewChange(3, 1, [evidence.prepared(commit)]);
    const viewChange = { ...long, bytes: new Uint8Array(3 * 1024 * 1024) };
    const message = { kind: 'view-change', viewChange } as PeerMessage;
    const before = rig.stores[0]?.size;
    rig.input(0, { kind: 'peer', message: { from: 3, message } as never });
    expect(rig.stores[0]?.size).toBe(before);
  });
});
