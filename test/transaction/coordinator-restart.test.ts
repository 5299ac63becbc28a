import { describe, expect, it } from 'vitest';
import type { CoordinatorOutput } from '../../src/transaction/coordinator/core/messages.js';
import { Story } from '../support/banking-story.js';
import { Rig } from '../support/rig.js';

/** The participants and initiators of a story say again what got no answer. */
function repeat(story: Story, tid: ReturnType<Story['transfer']>): void {
  story.complete(tid, 'commit');
  for (const registration of story.registrations) {
    if (!story.heard.has(registration.enlistment)) story.vote(registration, 'prepared');
  }
}

describe('a restart', () => {
  it('of the whole cluster before the votes: the transaction is finished', () => {
    const rig = new Rig();
    const story = new Story(rig);
    const tid = story.activate();
    story.register(tid, 'bank-a');
    for (const replica of [0, 1, 2, 3]) rig.crash(replica);
    for (const replica of [0, 1, 2, 3]) rig.start(replica);
    story.complete(tid, 'commit');
    expect(story.outcome(tid)).toBe('commit');
  });

  it('of the whole cluster in each phase of the outcome: it is finished, with one outcome', () => {
    for (const afterMs of [2, 5, 8, 11, 14, 17, 20, 25]) {
      const rig = new Rig({ seed: afterMs });
      const story = new Story(rig);
      const tid = story.transfer();
      rig.runFor(afterMs);
      const heardBefore = new Map(story.heard);
      for (const replica of [0, 1, 2, 3]) rig.crash(replica);
      rig.runFor(1000);
      for (const replica of [0, 1, 2, 3]) rig.start(replica);
      repeat(story, tid);
      expect(story.outcome(tid)).toBe('commit');
      rig.runFor(5000);
      for (const [enlistment, outcome] of heardBefore) {
        expect(story.heard.get(enlistment)).toBe(outcome);
      }
      expect([...story.heard.values()]).toEqual(['commit', 'commit']);
    }
  });

  it('of each replica as soon as the time of a transaction has run out there: it is aborted', () => {
    const rig = new Rig();
    const story = new Story(rig);
    const tid = story.activate();
    story.register(tid, 'bank-a');
    const apartMs = 10_000;
    for (const replica of [1, 2, 3]) {
      rig.runFor(apartMs);
      rig.crash(replica);
      rig.start(replica);
    }
    // From now on the time runs out at one replica every ten seconds, and at none for a whole turn.
    rig.runFor(60_000 - 3 * apartMs + 1000);
    for (const replica of [0, 1, 2, 3]) {
      rig.crash(replica);
      rig.start(replica);
      rig.runFor(apartMs);
    }
    expect(story.outcome(tid)).toBe('abort');
    expect(rig.nowMs).toBeLessThan(120_000);
    const keys = rig.stores.flatMap((store) => [...store.keys()]);
    expect(keys.filter((key) => key.startsWith('overdue/'))).toEqual([]);
  });

  it('a commit that was decided and not acknowledged is sent again', () => {
    const rig = new Rig();
    const story = new Story(rig);
    const told = rig.onOutput;
    rig.onOutput = (replica, output) => {
      const isCommit = output.kind === 'notify-participant' && output.notice === 'Commit';
      if (!isCommit) told(replica, output);
    };
    const tid = story.transfer();
    story.outcome(tid);
    for (const replica of [0, 1, 2, 3]) rig.crash(replica);
    rig.onOutput = told;
    expect(story.heard.size).toBe(0);
    for (const replica of [0, 1, 2, 3]) rig.start(replica);
    rig.runFor(2000);
    expect([...story.heard.values()]).toEqual(['commit', 'commit']);
  });

  it('what has finished is not sent again, and a late vote is still answered', () => {
    const rig = new Rig();
    const story = new Story(rig);
    const tid = story.transfer();
    story.outcome(tid);
    rig.runFor(5000);
    for (const replica of [0, 1, 2, 3]) rig.crash(replica);
    story.notices.splice(0);
    for (const replica of [0, 1, 2, 3]) rig.start(replica);
    rig.runFor(60_000);
    expect(story.notices).toEqual([]);
    story.vote(story.registration(tid, 'bank-a'), 'prepared', [2]);
    expect(story.notices.map(({ notice }) => notice.notice)).toEqual(['Commit']);
  });

  it('an acknowledged registration outlives it', () => {
    const rig = new Rig();
    const story = new Story(rig);
    const tid = story.activate();
    story.register(tid, 'bank-a');
    for (const replica of [0, 1, 2, 3]) rig.crash(replica);
    for (const replica of [0, 1, 2, 3]) rig.start(replica);
    story.complete(tid, 'commit');
    rig.runFor(30);
    expect(story.sendersOf('Prepare', story.registration(tid, 'bank-a').enlistment)).toEqual([0]);
  });
});

/** What leaves a replica and rests on a record, and the key of that record. */
function restsOn(output: CoordinatorOutput): string | undefined {
  switch (output.kind) {
    case 'broadcast':
    case 'send': {
      const { message } = output;
      if (message.kind === 'phase') {
        const { slot, phase } = message.signed.statement;
        const key = slot.kind === 'activation' ? `a:${slot.request}` : `o:${slot.tid}`;
        return phase === 'commit' ? `lock/${key}` : `voted/${key}`;
      }
      if (message.kind === 'pre-prepare' || message.kind === 'pre-prepare-update') {
        const { slot } = message.prePrepare.statement;
        return `voted/${slot.kind === 'activation' ? `a:${slot.request}` : `o:${slot.tid}`}`;
      }
      return message.kind === 'new-view' ? 'new-view' : undefined;
    }
    case 'registered':
      return `registration/${output.registration.tid}/${output.registration.enlistment}`;
    case 'activated':
      return output.slot.kind === 'activation' ? `decided/a:${output.slot.request}` : undefined;
    case 'notify-initiator':
      return `decided/o:${output.tid}`;
    case 'notify-participant':
      return output.notice === 'Prepare' ? undefined : `decided/o:${output.registration.tid}`;
    default:
      return undefined;
  }
}

describe('persist before you send', () => {
  it('nothing leaves before the record that it rests on', () => {
    const rig = new Rig();
    const story = new Story(rig);
    const written = [0, 1, 2, 3].map(() => new Set<string>());
    let checked = 0;
    rig.onStep = (replica, outputs) => {
      for (const output of outputs) {
        if (output.kind === 'persist' && output.value) written[replica]?.add(output.key);
        const key = restsOn(output);
        if (key === undefined) continue;
        checked += 1;
        expect(written[replica], `${output.kind} of replica ${replica}`).toContain(key);
      }
    };
    const tid = story.transfer();
    story.outcome(tid);
    rig.runFor(1000);
    rig.crash(0);
    story.outcome(story.transfer(2));
    expect(checked).toBeGreaterThan(60);
  });

  it('a crash between any two outputs of the primary or a backup breaks nothing', () => {
    for (const replica of [0, 2]) {
      for (let count = 0; count < 40; count += 5) {
        const rig = new Rig({ seed: count + 1 });
        const story = new Story(rig);
        const tid = story.activate();
        story.register(tid, 'bank-a');
        rig.crashAfterOutputs(replica, count);
        story.complete(tid, 'commit');
        rig.runFor(40);
        if (!rig.alive.has(replica)) rig.start(replica);
        repeat(story, tid);
        expect(story.outcome(tid)).toBe('commit');
      }
    }
  });
});
