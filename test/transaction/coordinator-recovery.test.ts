import { describe, expect, it } from 'vitest';
import type { PeerMessage } from '../../src/agreement/messages.js';
import { type TransactionId, transactionId } from '../../src/kernel/ids.js';
import type { CoordinatorOutput } from '../../src/transaction/coordinator/core/messages.js';
import { Story } from '../support/banking-story.js';
import { Rig } from '../support/rig.js';

const never = transactionId('00000000-0000-8000-8000-000000000000');

function isRecovering(rig: Rig, replica: number): boolean {
  return rig.core(replica).status.recovering;
}

function runUntilRecovered(rig: Rig, ...replicas: number[]): void {
  rig.runUntil(() => replicas.every((replica) => !isRecovering(rig, replica)));
}

/** Whether the message says something for which the sender must remember what it said before. */
function isSaying(message: PeerMessage): boolean {
  switch (message.kind) {
    case 'phase':
    case 'pre-prepare':
    case 'pre-prepare-update':
    case 'activation-pre-prepare':
    case 'unknown-transaction':
      return true;
    default:
      return false;
  }
}

/** Everything that a replica says that it should not say without memory. */
function watch(rig: Rig, replica: number): string[] {
  const said: string[] = [];
  const before = rig.onStep;
  rig.onStep = (from, outputs: readonly CoordinatorOutput[]) => {
    before(from, outputs);
    if (from !== replica || !isRecovering(rig, replica)) return;
    for (const output of outputs) {
      const isMessage = output.kind === 'send' || output.kind === 'broadcast';
      if (isMessage && isSaying(output.message)) said.push(output.message.kind);
      if (output.kind === 'registered' || output.kind === 'answer-unknown') said.push(output.kind);
    }
  };
  return said;
}

describe('a cluster that starts for the first time', () => {
  it('works at once', () => {
    const rig = new Rig();
    expect([0, 1, 2, 3].some((replica) => isRecovering(rig, replica))).toBe(false);
    const story = new Story(rig);
    expect(story.outcome(story.transfer())).toBe('commit');
    expect(rig.core(0).status).toMatchObject({ view: 0, abstaining: 0 });
  });

  it('decides with a replica that was away and one that is silent, what was open before too', () => {
    const rig = new Rig();
    rig.crash(3);
    const story = new Story(rig);
    const open = story.activate();
    story.register(open, 'bank-a');
    // What replica 2 has said until now it does not deny; it says nothing any more.
    rig.crash(2);
    rig.start(3);
    expect(isRecovering(rig, 3)).toBe(false);
    story.complete(open, 'commit');
    expect(story.outcome(open)).toBe('commit');
    expect(story.outcome(story.transfer(2))).toBe('commit');
    expect(rig.core(3).status.abstaining).toBe(0);
  });

  it('without its stores starts when all are up, in the next view', () => {
    const rig = new Rig({ withoutStores: true });
    rig.crash(3);
    rig.runFor(10_000);
    expect([0, 1, 2].every((replica) => isRecovering(rig, replica))).toBe(true);
    rig.start(3);
    runUntilRecovered(rig, 0, 1, 2, 3);
    const story = new Story(rig);
    expect(story.outcome(story.transfer())).toBe('commit');
    expect(rig.core(1).status).toMatchObject({ view: 1, abstaining: 0 });
  });

  it('of one replica has nobody to ask', () => {
    const rig = new Rig({ n: 1, f: 0 });
    const story = new Story(rig);
    expect(story.outcome(story.transfer())).toBe('commit');
    rig.loseDisk(0);
    rig.start(0);
    rig.runFor(60_000);
    expect(isRecovering(rig, 0)).toBe(true);
  });
});

describe('a replica that has lost its disk', () => {
  it('waits while one peer is down, silently, and returns when it is back', () => {
    const rig = new Rig();
    const story = new Story(rig);
    const tid = story.activate();
    story.register(tid, 'bank-a');
    rig.crash(2);
    rig.loseDisk(3);
    rig.start(3);
    const said = watch(rig, 3);
    story.ask(2);
    story.sendRegistration(story.registration(tid, 'bank-b'), [3]);
    story.vote(story.registration(never, 'bank-a'), 'prepared', [0, 3]);
    rig.runFor(60_000);
    expect(isRecovering(rig, 3)).toBe(true);
    expect(said).toEqual([]);
    rig.start(2);
    runUntilRecovered(rig, 3);
    expect(rig.core(3).status.abstaining).toBeGreaterThan(0);
  });

  it('is not new because peers know of nothing, or say so', () => {
    const rig = new Rig();
    const story = new Story(rig);
    const tid = story.activate();
    rig.tamper = (from, to, message) => {
      if (message.kind !== 'inventory' || to !== 3) return [message];
      return from === 0 ? [] : [{ ...message, open: [], finished: [] }];
    };
    rig.loseDisk(3);
    rig.start(3);
    rig.runFor(30_000);
    expect(isRecovering(rig, 3)).toBe(true);
    rig.tamper = (_from, _to, message) => [message];
    runUntilRecovered(rig, 3);
    expect([...(rig.stores[3]?.keys() ?? [])]).toContain(`abstain/o:${tid}`);
  });

  it('abstains also from what is over, while the proofs of it are not here', () => {
    const rig = new Rig();
    const story = new Story(rig);
    rig.crash(2);
    const tid = story.transfer();
    story.outcome(tid);
    rig.runFor(5000);
    rig.tamper = (_from, _to, message) => (message.kind === 'decided' ? [] : [message]);
    rig.start(2);
    rig.loseDisk(3);
    rig.start(3);
    runUntilRecovered(rig, 3);
    const abstains = () => [...(rig.stores[3]?.keys() ?? [])].filter((key) => /^abstain/.test(key));
    expect(abstains()).toHaveLength(2);
    expect(abstains()).toContain(`abstain/o:${tid}`);
    rig.tamper = (_from, _to, message) => [message];
    rig.runUntil(() => abstains().length === 0);
  });

  it('does not forget that it is recovering when it restarts meanwhile', () => {
    const rig = new Rig();
    const story = new Story(rig);
    const tid = story.transfer();
    story.outcome(tid);
    rig.crash(2);
    rig.loseDisk(3);
    rig.start(3);
    rig.runUntil(() => story.outcomeAt(3, tid) === 'commit');
    rig.crash(3);
    rig.start(3);
    expect(isRecovering(rig, 3)).toBe(true);
  });

  it('acknowledges no registration in a transaction that may have gone on without it', () => {
    const rig = new Rig();
    const story = new Story(rig);
    const tid = story.activate();
    rig.loseDisk(3);
    rig.start(3);
    runUntilRecovered(rig, 3);
    rig.runFor(100);
    story.register(tid, 'bank-a');
    expect(story.refusals).toMatchObject([{ fault: 'CannotRegisterParticipant' }]);
    rig.crash(3);
    rig.start(3);
    story.sendRegistration(story.registration(tid, 'bank-a'), [3]);
    expect(story.refusals).toHaveLength(2);
    story.complete(tid, 'commit');
    expect(story.outcome(tid)).toBe('commit');
    expect(story.outcomeAt(3, tid)).toBe('commit');
    expect(rig.core(3).status.abstaining).toBe(0);
    expect(
      [...(rig.stores[3]?.keys() ?? [])].filter((key) => /abstain|recovering/.test(key)),
    ).toEqual([]);
  });

  it('never calls unknown what it has to abstain from, and counts its own word not', () => {
    const rig = new Rig();
    const story = new Story(rig);
    const tid = story.activate();
    const registration = story.registration(tid, 'bank-a');
    story.register(tid, 'bank-a', { at: [0, 1, 3] });
    // Replica 2 lies to replica 3, and the proof does not come to it.
    rig.tamper = (from, to, message) => {
      if (to === 3 && message.kind === 'decided') return [];
      if (from === 3 && to !== 0 && message.kind === 'fetch-transaction') {
        rig.transmit(2, 3, { ...message, kind: 'unknown-transaction' });
        rig.transmit(1, 3, { ...message, kind: 'unknown-transaction' });
        return [];
      }
      return [message];
    };
    rig.loseDisk(3);
    rig.start(3);
    runUntilRecovered(rig, 3);
    story.vote(registration, 'prepared', [3]);
    rig.transmit(0, 3, { kind: 'fetch-transaction', tid, question: 'ab'.repeat(32) as never });
    const said: string[] = [];
    rig.onStep = (from, outputs) => {
      if (from === 3) said.push(...outputs.map((one) => JSON.stringify(one)));
    };
    rig.runFor(1000);
    expect(said.filter((one) => /"kind":"(unknown-transaction|answer-unknown)"/.test(one))).toEqual(
      [],
    );
  });

  it('takes part in what comes after, also when another one is down by then', () => {
    const rig = new Rig();
    const story = new Story(rig);
    const old = story.transfer();
    story.outcome(old);
    rig.runFor(5000);
    rig.loseDisk(3);
    rig.start(3);
    runUntilRecovered(rig, 3);
    rig.runUntil(() => story.outcomeAt(3, old) === 'commit');
    rig.crash(0);
    for (const timestamp of [2, 3]) {
      expect(story.outcome(story.transfer(timestamp))).toBe('commit');
    }
    // Even with its first disk it would not be sent out again: it is over.
    expect(
      story.notices.filter(
        ({ replica, notice }) =>
          replica === 3 && notice.registration.tid === old && notice.notice === 'Commit',
      ),
    ).toEqual([]);
  });

  it('passes on the primacy at once where it must not lead', () => {
    const rig = new Rig();
    const story = new Story(rig);
    story.outcome(story.transfer());
    rig.loseDisk(0);
    rig.start(0);
    runUntilRecovered(rig, 0);
    rig.runFor(100);
    const asked: string[] = [];
    rig.onStep = (from, outputs) => {
      for (const one of outputs) {
        if (from === 0 && one.kind === 'broadcast') asked.push(one.message.kind);
      }
    };
    story.ask(2);
    rig.runFor(10);
    expect(asked).toContain('view-change');
    expect(asked).not.toContain('activation-pre-prepare');
    rig.runUntil(() => story.transactionOf(2) !== undefined);
    expect(rig.core(0).status.view).toBe(1);
  });

  it('asks nobody to prepare while it lacks registrations', () => {
    const rig = new Rig();
    const story = new Story(rig);
    const tid = story.activate();
    const durable = story.registration(tid, 'bank-a');
    story.sendRegistration(durable);
    story.register(tid, 'bank-b', { protocol: 'volatile' });
    rig.loseDisk(1);
    rig.start(1);
    runUntilRecovered(rig, 1);
    rig.runFor(50);
    story.complete(tid, 'commit', { at: [1] });
    rig.transmit(2, 1, { kind: 'record', record: rig.verified(durable) });
    rig.runFor(3000);
    expect(story.sendersOf('Prepare', durable.enlistment)).not.toContain(1);
  });
});

describe('a replica that was away', () => {
  it('fetches what it has missed though no client asks', () => {
    const rig = new Rig();
    const story = new Story(rig);
    rig.crash(3);
    const tids: TransactionId[] = [];
    for (let timestamp = 1; timestamp <= 30; timestamp += 1) {
      const tid = story.transfer(timestamp);
      story.outcome(tid);
      tids.push(tid);
    }
    rig.runFor(5000);
    rig.start(3);
    rig.runUntil(() => tids.every((tid) => story.outcomeAt(3, tid) === 'commit'), 5000);
    expect(tids.every((tid) => rig.stores[3]?.has(`finished/${tid}`))).toBe(true);
  });

  it('fetches it from another peer where one does not deliver', () => {
    const rig = new Rig();
    const story = new Story(rig);
    rig.crash(3);
    const tid = story.transfer();
    story.outcome(tid);
    rig.runFor(5000);
    rig.tamper = (from, to, message) => {
      if (to === 3 && from !== 2 && message.kind === 'decided') return [];
      if (to !== 3 || from === 2 || message.kind !== 'inventory') return [message];
      // Many more than there are, and all first.
      const bogus = Array.from({ length: 500 }, (_, index) => ({
        kind: 'outcome' as const,
        tid: transactionId(`00000000-0000-8000-8000-${String(index).padStart(12, '0')}`),
      }));
      return [{ ...message, finished: [...message.finished, ...bogus] }];
    };
    rig.start(3);
    rig.runUntil(() => story.outcomeAt(3, tid) === 'commit', 30_000);
  });

  it('pursues a slot that it hears a correct replica vote in', () => {
    const rig = new Rig();
    const story = new Story(rig);
    // Of two others it hears the votes, and then the rest; of replica 0 nothing.
    rig.tamper = (from, to, message) => {
      if (to !== 3) return [message];
      return from !== 0 && (message.kind === 'phase' || rig.nowMs > 100) ? [message] : [];
    };
    story.ask(1, story.initiators, [0, 1, 2]);
    rig.runUntil(
      () => (story.activated.get(story.transactionOf() as TransactionId)?.size ?? 0) >= 3,
    );
    rig.runUntil(() =>
      [...(rig.stores[3]?.keys() ?? [])].some((key) => key.startsWith('decided/')),
    );
  });
});
