import { describe, expect, it } from 'vitest';
import type { PeerMessage, PhaseStatement } from '../../src/agreement/messages.js';
import { fastPrepares } from '../../src/agreement/two-step.js';
import { digest, type View, view } from '../../src/kernel/ids.js';
import { Story } from '../support/banking-story.js';
import { Evidence } from '../support/evidence.js';
import { Rig, type RigOptions } from '../support/rig.js';

const lost = 3;
const everything = (_from: number, _to: number, message: PeerMessage) => [message];
const question = (round: number) => digest(round.toString(16).padStart(64, '0'));

function open(options: RigOptions = {}) {
  const rig = new Rig({ agreement: 'two-step', ...options });
  return { rig, story: new Story(rig) };
}

function newDisk(rig: Rig, replica: number): void {
  rig.loseDisk(replica);
  rig.start(replica);
}

function isRecovering(rig: Rig, replica = lost): boolean {
  return rig.core(replica).status.recovering;
}

function viewsOf(rig: Rig): number[] {
  return [...rig.alive].map((replica) => rig.core(replica).status.view);
}

function isCommit(message: PeerMessage): boolean {
  return message.kind === 'phase' && message.signed.statement.phase === 'commit';
}

/** All that is said in the first phases from now on. */
function watchPhases(rig: Rig): { from: number; statement: PhaseStatement }[] {
  const said: { from: number; statement: PhaseStatement }[] = [];
  rig.onStep = (from, outputs) => {
    for (const output of outputs) {
      if (output.kind !== 'broadcast' || output.message.kind !== 'phase') continue;
      said.push({ from, statement: output.message.signed.statement });
    }
  };
  return said;
}

describe('replicas that lose their disks', () => {
  it.each([
    { n: 4, f: 1 },
    { n: 5, f: 1 },
    { n: 7, f: 2 },
  ])('one after the other, all of $n, begin transactions again in two steps', ({ n, f }) => {
    const { rig, story } = open({ n, f });
    story.outcome(story.transfer(1));
    for (let replica = 0; replica < n; replica += 1) {
      newDisk(rig, replica);
      rig.runUntil(() => !isRecovering(rig, replica));
    }
    rig.runFor(5000);
    const uuids = new Set<number>();
    rig.tamper = (from, _to, message) => {
      if (message.kind === 'pre-prepare-reply') uuids.add(from);
      return isCommit(message) ? [] : [message];
    };
    const tid = story.transfer(2);
    for (const registration of story.registrations) story.vote(registration, 'prepared');
    expect(story.outcome(tid)).toBe('commit');
    expect(rig.decision(0, { kind: 'outcome', tid })?.commits.statement.phase).toBe('prepare');
    const primary = rig.core(0).status.primary;
    expect([...uuids].sort()).toEqual([...Array(n).keys()].filter((one) => one !== primary));
  });

  it('come back although the primary of the next view is down', () => {
    const { rig, story } = open({ n: 7, f: 2 });
    rig.crash(1);
    newDisk(rig, lost);
    rig.runUntil(() => !isRecovering(rig), 60_000);
    expect(Math.min(...viewsOf(rig))).toBeGreaterThan(1);
    story.activate(2);
  });
});

/**
 * The primary of view 0 lies, and has its value accepted by replica 3, whose vote is on its way when its disk is lost. One
 * more vote decides.
 */
function voteOnItsWay() {
  const { rig } = open();
  const evidence = new Evidence(rig.parties);
  rig.crash(0);
  const value = evidence.activationValue();
  const prePrepare = evidence.prePrepare(value);
  const propose = (to: number) => rig.transmit(0, to, { kind: 'pre-prepare', prePrepare, value });
  /** What replica 0 answers: nothing, from whatever view. */
  const replicaZeroHelps = () => {
    rig.onStep = () => {};
    rig.tamper = (from, to, message) => {
      if (to === 0 && message.kind === 'recover') {
        rig.transmit(0, from, {
          ...{ kind: 'inventory', question: message.question, after: 0, last: true },
          ...{ view: view(0), entered: view(9), recovering: false },
          ...{ open: [], finished: [], floors: [] },
        });
      }
      return [message];
    };
    rig.input(lost, { kind: 'peer-up', replica: 0 as never });
  };
  return { rig, evidence, propose, replicaZeroHelps };
}

describe('a vote that is on its way when a disk is lost', () => {
  it('is one of no decision that is made after the replica is back', () => {
    const { rig, propose, replicaZeroHelps } = voteOnItsWay();
    const said = watchPhases(rig);
    rig.tamper = () => [];
    propose(lost);
    rig.runFor(50);
    expect(said.map(({ from }) => from)).toEqual([lost]);
    rig.tamper = everything;
    newDisk(rig, lost);
    replicaZeroHelps();
    rig.runUntil(() => !isRecovering(rig), 60_000);
    const again = watchPhases(rig);
    propose(1);
    propose(2);
    rig.runFor(5000);
    const voters = new Set(
      [...said, ...again]
        .filter(({ statement }) => statement.ballot.view === 0)
        .map(({ from }) => from),
    );
    expect(voters.size).toBeLessThan(fastPrepares(rig.parties.cluster.resilience));
    expect(viewsOf(rig).every((one) => one > 0)).toBe(true);
  });

  it('keeps it from stating that nothing binds it, where another has voted meanwhile', () => {
    const { rig, evidence, propose, replicaZeroHelps } = voteOnItsWay();
    rig.tamper = () => [];
    propose(lost);
    rig.runFor(50);
    propose(1);
    rig.runFor(50);
    rig.tamper = everything;
    newDisk(rig, lost);
    replicaZeroHelps();
    rig.runUntil(() => !isRecovering(rig), 60_000);
    expect(rig.core(lost).status.abstaining).toBeGreaterThan(0);
    const witnessed: number[] = [];
    rig.tamper = (from, _to, message) => {
      if (message.kind === 'pre-prepare-reply') witnessed.push(from);
      return [message];
    };
    const inView = view(rig.core(lost).status.view);
    const primary = rig.core(lost).status.primary;
    const proposal = evidence.proposal(primary, { view: inView });
    const requests = evidence.requests();
    for (const to of [2, lost]) {
      rig.transmit(primary, to, { kind: 'activation-pre-prepare', requests, proposal });
    }
    rig.runFor(50);
    expect(witnessed).toContain(2);
    expect(witnessed).not.toContain(lost);
  });
});

describe('a replica that asks others to leave their view', () => {
  const ask = (rig: Rig, round: number, leave: View) => {
    for (const to of [0, 1, 2]) {
      const asked = { question: question(round), after: 0, floors: true, leave };
      rig.transmit(lost, to, { kind: 'recover', ...asked });
    }
  };

  it('and lies, costs a view change now and then', () => {
    const { rig, story } = open();
    rig.crash(lost);
    for (let round = 0; round < 120; round += 1) {
      ask(rig, round, view(1_000_000));
      rig.runFor(500);
    }
    expect(Math.max(...viewsOf(rig))).toBeLessThanOrEqual(8);
    expect(Math.max(...viewsOf(rig))).toBeGreaterThan(0);
    story.activate(2);
  });

  it('for one that they are not in any more, is answered and no more', () => {
    const { rig } = open();
    ask(rig, 0, view(0));
    rig.runUntil(() => viewsOf(rig).every((one) => one === 1));
    rig.runFor(30_000);
    ask(rig, 1, view(0));
    rig.runFor(5000);
    expect(viewsOf(rig)).toEqual([1, 1, 1, 1]);
    ask(rig, 2, view(1));
    rig.runFor(5000);
    expect(viewsOf(rig)).toEqual([2, 2, 2, 2]);
  });

  it('in a cluster of three phases, is answered and no more', () => {
    const { rig } = open({ agreement: 'three-phase' });
    ask(rig, 0, view(0));
    rig.runFor(30_000);
    expect(viewsOf(rig)).toEqual([0, 0, 0, 0]);
  });

  it('in vain, as they cannot reach each other, has them withdraw in the end', () => {
    const { rig, story } = open();
    rig.tamper = (_from, _to, message) => (message.kind === 'new-view' ? [] : [message]);
    rig.transmit(lost, 1, {
      ...{ kind: 'recover', question: question(0), after: 0 },
      ...{ floors: true, leave: view(0) },
    });
    let asks = 0;
    rig.runFor(60_000);
    rig.onStep = (from, outputs) => {
      asks += outputs.filter(
        (one) => from === 1 && one.kind === 'broadcast' && one.message.kind === 'view-change',
      ).length;
    };
    rig.runFor(60_000);
    expect(asks).toBe(0);
    story.activate(2);
  });
});
