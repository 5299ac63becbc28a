import { describe, expect, it } from 'vitest';
import type { OutcomeValue, PeerMessage } from '../../src/agreement/messages.js';
import { view } from '../../src/kernel/ids.js';
import { Evidence } from '../support/evidence.js';
import { Rig } from '../support/rig.js';
import { ballot, openScene, propose, type Scene, sign } from './scene.js';

const nothing = {
  kind: 'inventory',
  after: 0,
  last: true,
  view: view(0),
  entered: view(0),
  recovering: false,
  open: [],
  finished: [],
  floors: [],
} as const;

/**
 * Replica 0 is Byzantine: it does nothing of itself, and tells whoever asks that it has never taken part
 * in anything. Replica 3 hears of no outcome.
 */
function replicaZeroLies({ rig }: Scene): void {
  rig.crash(0);
  rig.tamper = (from, to, message) => {
    if (to === 3 && isOutcome(message)) return [];
    if (to === 0 && message.kind === 'recover') {
      rig.transmit(0, from, { ...nothing, question: message.question });
    }
    return [message];
  };
}

function isOutcome(message: PeerMessage): boolean {
  return message.kind === 'decided' && message.proof.value.kind === 'outcome';
}

function cutOff({ rig }: Scene, replica: number): () => void {
  const { tamper } = rig;
  rig.tamper = (from, to, message) =>
    from === replica || to === replica ? [] : tamper(from, to, message);
  return () => {
    rig.tamper = tamper;
  };
}

/** Replica 3 gets a new disk, and finds out what the others know. */
function loseDisk({ rig }: Scene): void {
  rig.loseDisk(3);
  rig.start(3);
  // Replica 0 has a link, though it is not one of the rig's.
  rig.input(3, { kind: 'peer-up', replica: 0 as never });
  rig.runUntil(() => !rig.core(3).status.recovering);
  rig.runFor(50);
}

function proposeWithCommits(scene: Scene, to: number[], value: OutcomeValue, attempt = 0): void {
  const { evidence } = scene;
  propose(scene, to, value, ballot(0, attempt));
  sign(scene, 0, to, evidence.phase('commit', value, ballot(0, attempt)));
}

/** What the replicas have decided, by the certificate that was agreed. */
function decided({ rig, tid }: Scene): OutcomeValue[] {
  return [0, 1, 2, 3].flatMap((replica) => {
    const value = rig.decision(replica, { kind: 'outcome', tid })?.value;
    return value?.kind === 'outcome' ? [value] : [];
  });
}

describe('a replica whose disk is lost, beside a Byzantine one', () => {
  it.each([
    { attempt: 0, lostAfterMs: 50, when: 'before anybody else knows' },
    { attempt: 1, lostAfterMs: 50, when: 'before anybody else knows' },
    { attempt: 1, lostAfterMs: 5000, when: 'when it is over' },
  ])('does not vote again, at attempt $attempt, in what was decided with its vote, $when', (at) => {
    const scene = openScene();
    const { rig, commit, abort, tid } = scene;
    replicaZeroLies(scene);
    const heal = cutOff(scene, 2);
    proposeWithCommits(scene, [1, 3], commit);
    rig.runFor(at.lostAfterMs);
    expect(rig.stores[1]?.has(`finished/${tid}`)).toBe(at.lostAfterMs > 50);
    expect(decided(scene).map(({ outcome }) => outcome)).toEqual(['commit', 'commit']);
    heal();
    loseDisk(scene);
    expect(rig.core(3).status.transactions).toBe(1);
    // Replica 1 cannot tell replica 2 in time.
    const { tamper } = rig;
    rig.tamper = (from, to, message) => (from === 1 ? [] : tamper(from, to, message));
    proposeWithCommits(scene, [2, 3], abort, at.attempt);
    rig.runFor(500);
    rig.checkAgreement();
    rig.tamper = (_from, _to, message) => [message];
    rig.runUntil(() => decided(scene).length === 3);
    rig.checkAgreement();
  });

  it('does not vote for an outcome that lacks what it may have acknowledged', () => {
    const scene = openScene();
    const { rig, story, commit, tid } = scene;
    replicaZeroLies(scene);
    // Replica 0 acknowledges it, too: a quorum.
    const enlistment = story.register(tid, 'bank-b', { at: [1, 3] });
    loseDisk(scene);
    proposeWithCommits(scene, [2, 3], commit);
    rig.runFor(500);
    for (const { records } of decided(scene)) {
      const certified = records.map(({ registration }) => registration.statement.enlistment);
      expect(certified).toContain(enlistment);
    }
    expect(decided(scene)).toEqual([]);
  });

  it('tells another one, that loses its disk later, of what it may have voted in', () => {
    const scene = openScene();
    const { rig, commit } = scene;
    replicaZeroLies(scene);
    const heal = cutOff(scene, 2);
    propose(scene, [1, 3], commit);
    rig.runFor(50);
    heal();
    const { tamper } = rig;
    rig.tamper = (from, to, message) =>
      to === 3 && message.kind === 'decided' ? [] : tamper(from, to, message);
    loseDisk(scene);
    expect(rig.core(3).status.transactions).toBe(0);
    const told: PeerMessage[] = [];
    rig.tamper = (from, to, message) => {
      if (from === 3 && message.kind === 'inventory') told.push(message);
      return to === 3 && message.kind === 'decided' ? [] : [message];
    };
    const question = 'cd'.repeat(32) as never;
    rig.runFor(1000);
    expect(rig.stores[3]?.has(`lock/o:${scene.tid}`)).toBe(false);
    rig.transmit(1, 3, { kind: 'recover', question, after: 0, floors: false, leave: null });
    rig.runFor(50);
    expect(told).toMatchObject([
      { open: expect.arrayContaining([{ kind: 'outcome', tid: scene.tid }]) },
    ]);
  });

  it('votes for no activation in the view that it came back in', () => {
    const scene = openScene();
    const { rig, story } = scene;
    loseDisk(scene);
    const voted: string[] = [];
    rig.onStep = (from, outputs) => {
      for (const one of outputs) {
        if (from !== 3 || one.kind !== 'broadcast' || one.message.kind !== 'phase') continue;
        const { slot, ballot } = one.message.signed.statement;
        voted.push(`${slot.kind} ${ballot.view}`);
      }
    };
    const second = story.activate(2);
    expect(voted).toEqual([]);
    story.register(second, 'bank-b', { id: '2' });
    story.complete(second, 'commit');
    story.outcome(second);
    expect(new Set(voted)).toEqual(new Set(['outcome 0']));
    rig.crash(2);
    story.activate(3);
    expect(new Set(voted)).toEqual(new Set(['outcome 0', 'activation 1']));
  });
});

it('a primary without its memory opens nothing with the answers to what it asked before', () => {
  const rig = new Rig();
  const evidence = new Evidence(rig.parties);
  for (const replica of [0, 2, 3]) rig.crash(replica);
  rig.loseDisk(1);
  rig.start(1);
  // A Byzantine primary of the view before gives it the requests.
  const requests = evidence.requests();
  const proposal = evidence.proposal(0);
  rig.transmit(0, 1, { kind: 'activation-pre-prepare', requests, proposal });
  rig.runFor(50);
  const viewChanges = [0, 2, 3].map((from) => evidence.viewChange(from, 1));
  rig.transmit(0, 1, { kind: 'new-view', newView: evidence.newView(1, viewChanges) });
  rig.runFor(50);
  for (const from of [0, 2, 3]) {
    const reply = evidence.proposal(from, { view: view(1) });
    rig.transmit(from, 1, { kind: 'pre-prepare-reply', proposal: reply });
  }
  rig.runFor(50);
  expect(rig.core(1).status).toMatchObject({ view: 1, recovering: true });
  expect([...(rig.stores[1]?.keys() ?? [])].filter((key) => key.startsWith('voted/'))).toEqual([]);
});
