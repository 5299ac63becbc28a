import { describe, expect, it } from 'vitest';
import type { OutcomeValue } from '../../src/agreement/messages.js';
import { agreementNames } from '../../src/kernel/cluster.js';
import type { TransactionId } from '../../src/kernel/ids.js';
import { Story } from '../support/banking-story.js';
import { Rig } from '../support/rig.js';

function certified(rig: Rig, tid: TransactionId, replica = 1): string[] {
  const value = rig.decision(replica, { kind: 'outcome', tid })?.value as OutcomeValue;
  return value.records.map(({ registration }) => registration.statement.enlistment);
}

describe.each(agreementNames)('the superset rule (protocols.md 1.2; %s)', (agreement) => {
  const isTwoStep = agreement === 'two-step';

  it('the primary adds a registration that only f + 1 backups have, without a view change', () => {
    const rig = new Rig({ agreement });
    const story = new Story(rig);
    const tid = story.activate();
    story.register(tid, 'bank-a');
    story.register(tid, 'bank-b', { at: [1, 2] });
    story.complete(tid, 'commit');
    expect(story.outcome(tid)).toBe('commit');
    expect(certified(rig, tid)).toEqual(['bank-a.D-1', 'bank-b.D-1']);
    expect(rig.core(1).status.view).toBe(0);
  });

  it('a registration at one backup only, with one replica silent: it is added all the same', () => {
    const rig = new Rig({ agreement });
    const story = new Story(rig);
    const tid = story.activate();
    rig.crash(3);
    story.register(tid, 'bank-a');
    const b = story.register(tid, 'bank-b', { at: [2] });
    story.complete(tid, 'commit');
    expect(story.outcome(tid)).toBe('commit');
    expect(certified(rig, tid)).toContain(b);
    expect(rig.core(1).status.view).toBe(0);
    const { ballot } = rig.decision(1, { kind: 'outcome', tid })?.commits.statement ?? {};
    // At the first attempt stands only what a quorum has closed alike.
    expect(ballot).toMatchObject({ view: 0, attempt: isTwoStep ? 2 : 1 });
  });

  it('of a primary that ignores what is relayed: the view changes, and it is in the certificate', () => {
    const rig = new Rig({ agreement });
    const story = new Story(rig);
    rig.tamper = (_from, to, message) => (to === 0 && message.kind === 'record' ? [] : [message]);
    const tid = story.activate();
    story.register(tid, 'bank-a');
    const b = story.register(tid, 'bank-b', { at: [1, 2] });
    story.voteReaches = (replica, { enlistment }) => replica !== 0 || enlistment !== b;
    story.complete(tid, 'commit');
    expect(story.outcome(tid)).toBe('commit');
    expect(rig.core(1).status.view).toBe(1);
    expect(certified(rig, tid)).toContain(b);
  });

  it('one backup alone cannot block: the rest decide, and it rolls its participant back', () => {
    const rig = new Rig({ agreement });
    const story = new Story(rig);
    const tid = story.activate();
    const a = story.register(tid, 'bank-a');
    // Replica 3 hears of a Byzantine participant that nobody else can hear of in time.
    rig.tamper = (from, _to, message) => (from === 3 && message.kind === 'record' ? [] : [message]);
    const b = story.register(tid, 'bank-b', { at: [3] });
    story.complete(tid, 'commit');
    expect(story.outcome(tid)).toBe('commit');
    expect(certified(rig, tid, 3)).toEqual([a]);
    rig.runFor(2000);
    const told = story.notices.filter(({ notice }) => notice.registration.enlistment === b);
    expect(told.map(({ notice }) => notice.notice)).toContain('Rollback');
    expect(told.find(({ notice }) => notice.notice === 'Rollback')?.notice.certificate).toBe(
      undefined,
    );
    expect(told.map(({ notice }) => notice.notice)).not.toContain('Commit');
  });

  it('a relayed registration is acknowledged only once it is on disk', () => {
    const rig = new Rig({ agreement });
    const story = new Story(rig);
    const tid = story.activate();
    const registration = story.registration(tid, 'bank-a');
    rig.transmit(3, 1, { kind: 'record', record: rig.verified(registration) });
    rig.runFor(100);
    const key = `registration/${tid}/bank-a.D-1`;
    expect(rig.stores[1]?.has(key)).toBe(false);
    story.sendRegistration(registration, [1]);
    expect(rig.outputs[1]?.some(({ kind }) => kind === 'registered')).toBe(true);
    expect(rig.stores[1]?.has(key)).toBe(true);
  });

  it('a relayed registration is not acknowledged any more after this replica has voted', () => {
    const rig = new Rig({ agreement });
    const story = new Story(rig);
    const tid = story.activate();
    story.complete(tid, 'rollback', { at: [0] });
    const registration = story.registration(tid, 'bank-a');
    rig.transmit(3, 0, { kind: 'record', record: rig.verified(registration) });
    rig.runFor(20);
    story.sendRegistration(registration, [0]);
    expect(rig.outputs[0]?.filter(({ kind }) => kind === 'registered')).toEqual([]);
    expect(story.refusals).toHaveLength(1);
  });

  it('a prepared value is voted for again though registrations have come since', () => {
    const rig = new Rig({ agreement });
    const story = new Story(rig);
    const tid = story.activate();
    story.register(tid, 'bank-a');
    // Everybody prepares, nobody's commit arrives, and then all learn of one more registration.
    rig.tamper = (_from, _to, message) =>
      message.kind === 'phase' && message.signed.statement.phase === 'commit' ? [] : [message];
    story.complete(tid, 'commit');
    rig.runFor(50);
    const late = rig.verified(story.registration(tid, 'bank-b'));
    for (const to of [1, 2, 3]) rig.transmit(0, to, { kind: 'record', record: late });
    rig.runFor(20);
    rig.crash(0);
    rig.tamper = (_from, _to, message) =>
      message.kind === 'phase' && message.signed.statement.ballot.view === 0 ? [] : [message];
    expect(story.outcome(tid)).toBe('commit');
    expect(certified(rig, tid)).toEqual(['bank-a.D-1']);
    // Prepares decide in two steps.
    expect(rig.core(1).status.view).toBe(isTwoStep ? 0 : 1);
  });

  it('a participant that signs more registrations than its share does not block the others', () => {
    const rig = new Rig({ agreement });
    const story = new Story(rig);
    const tid = story.activate();
    const a = story.register(tid, 'bank-a');
    for (let i = 0; i < 40; i += 1) {
      story.register(tid, 'bank-b', { at: [0, 1], id: `x${i}` });
      story.register(tid, 'bank-b', { at: [2, 3], id: `y${i}` });
    }
    story.complete(tid, 'commit');
    expect(story.outcome(tid)).toBe('commit');
    expect(certified(rig, tid)).toContain(a);
  });
});
