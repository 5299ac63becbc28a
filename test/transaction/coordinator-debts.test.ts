import { describe, expect, it } from 'vitest';
import type { OutcomeValue, PeerMessage } from '../../src/agreement/messages.js';
import { type EnlistmentId, participantId, type TransactionId } from '../../src/kernel/ids.js';
import { Story } from '../support/banking-story.js';
import { Evidence } from '../support/evidence.js';
import { signedBy } from '../support/invitations.js';
import { Rig } from '../support/rig.js';

const replicas = [0, 1, 2, 3];

/** A story in which bank-a votes Prepared and is deaf to every outcome until it is `let` hear. */
function withDebtor(owedTransactions: number) {
  const rig = new Rig({ participants: ['bank-a', 'bank-b'], owedTransactions });
  const story = new Story(rig);
  const others = rig.onOutput;
  let isDeaf = true;
  rig.onOutput = (replica, output) => {
    const isOutcome = output.kind === 'notify-participant' && output.notice !== 'Prepare';
    if (isDeaf && isOutcome && output.registration.participant === 'bank-a') return;
    others(replica, output);
  };
  return {
    rig,
    story,
    let: () => {
      isDeaf = false;
    },
  };
}

/** Decided transactions that are not over at the replica. */
function owedAt(rig: Rig, replica: number): number {
  const keys = [...(rig.stores[replica]?.keys() ?? [])];
  const count = (prefix: string) => keys.filter((key) => key.startsWith(prefix)).length;
  return count('decided/o:') - count('finished/');
}

/** One transaction that bank-a alone is in, and commits. */
function owe(story: Story, timestamp: number): TransactionId {
  const tid = story.activate(timestamp);
  story.register(tid, 'bank-a');
  story.complete(tid, 'commit');
  expect(story.outcome(tid)).toBe('commit');
  return tid;
}

describe('a participant that acknowledges nothing', () => {
  it('registers in no further transaction once it owes so many, and only it notices', () => {
    const { rig, story } = withDebtor(2);
    owe(story, 1);
    owe(story, 2);
    expect(story.refusals).toEqual([]);
    const tid = story.activate(3);
    story.register(tid, 'bank-a');
    expect(story.refusals).toHaveLength(4);
    expect(story.refusals[0]).toMatchObject({
      fault: 'CannotRegisterParticipant',
      reason: expect.stringMatching(/bank-a has not acknowledged .* 2 transactions; .* Commit/),
    });
    const honest = story.register(tid, 'bank-b');
    story.complete(tid, 'commit');
    expect(story.outcome(tid)).toBe('commit');
    rig.runFor(100);
    expect(story.heard.get(honest)).toBe('commit');
    expect(story.refusals).toHaveLength(4);
  });

  it('owes the same after a restart, and nothing once it answers', () => {
    const { rig, story, let: listen } = withDebtor(2);
    owe(story, 1);
    const last = owe(story, 2);
    for (const replica of replicas) {
      rig.crash(replica);
      rig.start(replica);
    }
    const tid = story.activate(3);
    story.register(tid, 'bank-a', { at: [1] });
    expect(story.refusals).toHaveLength(1);
    listen();
    const [registration] = story.registrations.filter((one) => one.tid === last);
    if (registration) story.vote(registration, 'prepared');
    rig.runFor(100);
    story.register(tid, 'bank-a');
    expect(story.refusals).toHaveLength(1);
    story.complete(tid, 'commit');
    expect(story.outcome(tid)).toBe('commit');
  });

  it('is acknowledged again where it was before, and counted where another replica relays it', () => {
    const { rig, story } = withDebtor(2);
    const tid = story.activate(1);
    const early = story.registration(tid, 'bank-a');
    story.sendRegistration(early, [0, 1, 2]);
    owe(story, 2);
    owe(story, 3);
    story.sendRegistration(early, [0]);
    expect(story.refusals).toEqual([]);
    story.sendRegistration(early, [3]);
    expect(story.refusals).toHaveLength(1);
    rig.transmit(0, 3, { kind: 'record', record: signedBy(rig.parties, early) } as PeerMessage);
    story.complete(tid, 'commit');
    expect(story.outcome(tid)).toBe('commit');
    const value = rig.decision(3, { kind: 'outcome', tid })?.value;
    const records = value?.kind === 'outcome' ? value.records : [];
    expect(records.map((one): EnlistmentId => one.registration.statement.enlistment)).toEqual([
      early.enlistment,
    ]);
  });
});

describe('a registration of a participant that owes too much, relayed by another replica', () => {
  it('lets it owe no more: the transaction leaves it out or aborts when its votes time out', () => {
    const { rig, story } = withDebtor(2);
    owe(story, 1);
    owe(story, 2);
    for (let timestamp = 3; timestamp <= 6; timestamp += 1) {
      const tid = story.activate(timestamp);
      const registration = story.registration(tid, 'bank-a');
      const record = signedBy(rig.parties, registration);
      for (const to of [1, 2, 3]) rig.transmit(0, to, { kind: 'record', record } as PeerMessage);
      rig.runFor(20);
      story.complete(tid, 'commit');
      rig.runFor(20);
      story.vote(registration, 'prepared');
      expect(story.outcome(tid)).toBeDefined();
      rig.runFor(60_000);
      for (const replica of replicas) expect(owedAt(rig, replica)).toBe(2);
    }
  });

  it('lets it owe no more where a lying primary proposes its vote', () => {
    const { rig, story } = withDebtor(2);
    owe(story, 1);
    owe(story, 2);
    const tid = story.activate(3);
    rig.crash(0);
    const evidence = new Evidence(rig.parties);
    const records = [
      {
        registration: evidence.registration('bank-a', { tid }),
        vote: evidence.vote('bank-a', 'prepared', { tid }),
      },
    ];
    const completion = story.initiators.map((one) => evidence.completion(one, { tid }));
    const value: OutcomeValue = { kind: 'outcome', tid, outcome: 'commit', records, completion };
    for (const to of [1, 2, 3]) {
      rig.transmit(0, to, { kind: 'pre-prepare', prePrepare: evidence.prePrepare(value), value });
    }
    rig.runFor(50);
    expect([1, 2, 3].map((one) => story.outcomeAt(one, tid))).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    story.complete(tid, 'rollback');
    expect(story.outcome(tid)).toBe('abort');
  });

  it.each([
    { silent: 2, acknowledgedBy: [0, 1, 2], what: 'a backup' },
    { silent: 3, acknowledgedBy: [1, 2, 3], what: 'the primary' },
  ])('counts where a quorum has acknowledged it, also at $what', ({ silent, acknowledgedBy }) => {
    const { rig, story } = withDebtor(2);
    const tid = story.activate(1);
    story.register(tid, 'bank-a', { at: acknowledgedBy });
    owe(story, 2);
    owe(story, 3);
    expect(story.refusals).toEqual([]);
    rig.crash(silent);
    story.complete(tid, 'commit');
    expect(story.outcome(tid)).toBe('commit');
    expect(rig.core(1).status.view).toBe(0);
  });

  it('does not hold the transaction up where the participant owes less at one replica than at others', () => {
    const { rig, story } = withDebtor(2);
    const owed = [owe(story, 1), owe(story, 2)];
    rig.tamper = (_from, _to, message) =>
      message.kind === 'record' && message.record.statement.kind === 'acknowledgement'
        ? []
        : [message];
    for (const { tid, enlistment, participant } of story.registrations) {
      const said = { tid, enlistment, participant, outcome: 'commit' } as const;
      const statement = rig.verified({ kind: 'acknowledgement', ...said });
      rig.input(1, { kind: 'ended', statement });
    }
    expect(owed.length).toBe(2);
    rig.crash(3);
    const tid = story.activate(3);
    story.register(tid, 'bank-a', { at: [0, 1, 2] });
    expect(story.refusals.map(({ replyId }) => replyId[0])).toEqual(['0', '2']);
    story.complete(tid, 'commit');
    expect(story.outcome(tid)).toBe('abort');
  });
});

describe('a transaction whose participants need no outcome', () => {
  it('is not over before it is decided', () => {
    const rig = new Rig();
    const story = new Story(rig);
    story.votes.set(participantId('bank-a'), 'readOnly');
    const tid = story.activate();
    rig.tamper = (_from, _to, message) => (message.kind === 'phase' ? [] : [message]);
    story.register(tid, 'bank-a');
    story.complete(tid, 'commit');
    rig.runFor(1500);
    expect(story.outcomeAt(1, tid)).toBeUndefined();
    const keys = rig.stores.flatMap((store) => [...store.keys()]);
    expect(keys.filter((key) => key.startsWith('finished/'))).toEqual([]);
  });
});
