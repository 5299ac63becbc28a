import { describe, expect, it } from 'vitest';
import { placesMax, placesOf } from '../../src/agreement/invitation.js';
import type { PeerMessage } from '../../src/agreement/messages.js';
import type { VoteStatement } from '../../src/agreement/statements.js';
import { participantId } from '../../src/kernel/ids.js';
import { Story } from '../support/banking-story.js';
import { signedBy } from '../support/invitations.js';
import { Rig } from '../support/rig.js';

const replicas = [0, 1, 2, 3];

describe('a bank that nobody invited', () => {
  it('aborts nothing: neither at a replica’s door nor by a lying replica’s relay', () => {
    const rig = new Rig({ participants: ['bank-a', 'bank-b', 'bank-z'] });
    const story = new Story(rig);
    const tid = story.activate();
    story.register(tid, 'bank-a');
    story.register(tid, 'bank-b');
    const uninvited = { ...story.registration(tid, 'bank-z'), invitations: [] };
    expect(() => rig.verified(uninvited), 'the door').toThrow(/uninvited/);
    const { participant, enlistment } = uninvited;
    const vote: VoteStatement = { kind: 'vote', tid, participant, enlistment, vote: 'aborted' };
    for (const record of [signedBy(rig.parties, uninvited), rig.verified(vote)]) {
      for (const to of [0, 1, 2]) rig.transmit(3, to, { kind: 'record', record } as PeerMessage);
    }
    for (const replica of replicas) {
      rig.input(replica, { kind: 'vote', statement: rig.verified(vote) });
    }
    rig.runFor(50);
    story.complete(tid, 'commit');
    expect(story.outcome(tid)).toBe('commit');
    expect(rig.refused.filter((why) => why.includes('uninvited'))).toHaveLength(3);
    for (const replica of replicas) {
      const value = rig.decision(replica, { kind: 'outcome', tid })?.value;
      const records = value?.kind === 'outcome' ? value.records : [];
      expect(records.map(({ registration }) => registration.statement.participant)).toEqual([
        'bank-a',
        'bank-b',
      ]);
      expect(rig.core(replica).status.view, 'no view change').toBe(0);
    }
  });
});

describe('banks that are invited, and lie', () => {
  it.each([2, 4, 5])('%i of them keep no honest bank in doubt, whatever they register', (liars) => {
    const names = Array.from({ length: liars }, (_, index) => `z${index}`);
    const rig = new Rig({ participants: ['bank-a', 'bank-b', ...names] });
    const story = new Story(rig);
    const tid = story.activate();
    const honest = story.register(tid, 'bank-a');
    story.register(tid, 'bank-b');
    for (const replica of replicas) {
      for (const name of names) {
        for (let index = 0; index <= placesMax; index += 1) {
          const id = `${replica}x${index}`;
          story.sendRegistration(story.registration(tid, name, { id }), [replica]);
        }
      }
    }
    expect(story.refusals[0]?.fault).toBe('CannotRegisterParticipant');
    story.voteReaches = (_replica, { participant }) => !participant.startsWith('z');
    story.complete(tid, 'commit');
    expect(story.outcome(tid, 60_000)).toBe('abort');
    expect(story.heard.get(honest)).toBe('abort');
  });
});

describe('the places that initiators give', () => {
  it('are enough for each call, and never more together than there are', () => {
    const banks = (count: number) =>
      Array.from({ length: count }, (_, index) => participantId(`bank-${index}`));
    for (const called of [banks(2), banks(5), banks(100), [...banks(9), ...banks(9)]]) {
      const places = [...new Set(called)].map((bank) => placesOf(bank, called));
      expect(places.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(256);
      for (const [index, bank] of [...new Set(called)].entries()) {
        const calls = called.filter((other) => other === bank).length;
        expect(places[index]).toBeGreaterThanOrEqual(calls);
      }
    }
    expect(placesOf(participantId('bank-0'), banks(2))).toBe(64);
    expect(placesOf(participantId('bank-0'), banks(256))).toBe(1);
  });
});
