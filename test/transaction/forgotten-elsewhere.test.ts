import { describe, expect, it } from 'vitest';
import type { DecisionProof, PeerMessage } from '../../src/agreement/messages.js';
import type { RegistrationStatement } from '../../src/agreement/statements.js';
import { limits } from '../../src/kernel/codec/limits.js';
import {
  type InitiatorId,
  type ReplicaId,
  type TransactionId,
  transactionId,
} from '../../src/kernel/ids.js';
import { Story } from '../support/banking-story.js';
import { Rig } from '../support/rig.js';

const away = 3;
const others = [0, 1, 2];

interface Absence {
  readonly rig: Rig;
  readonly story: Story;
  readonly tid: TransactionId;
  readonly bank: RegistrationStatement;
  /** What the others had decided. */
  readonly first: DecisionProof;
}

/** Replica 3 goes down with a transaction open, and the others decide and forget it. */
function absence(): Absence {
  const rig = new Rig({ retainedTransactions: 2 });
  const story = new Story(rig);
  const tid = story.activate(1);
  const bank = story.registration(tid, 'bank-a', { id: 'first' });
  story.sendRegistration(bank);
  rig.runFor(20);
  rig.crash(away);
  story.complete(tid, 'commit');
  expect(story.outcome(tid)).toBe('commit');
  const first = rig.decision(0, { kind: 'outcome', tid });
  if (!first) throw new Error('not decided');
  for (const timestamp of [2, 3, 4]) finish(rig, story, timestamp);
  for (const replica of others) expect(keysOf(rig, replica)).not.toContain(tid);
  expect(keysOf(rig, away)).toContain(tid);
  return { rig, story, tid, bank, first };
}

function finish(rig: Rig, story: Story, timestamp: number): void {
  const tid = story.activate(timestamp);
  story.register(tid, 'bank-b', { id: String(timestamp) });
  story.complete(tid, 'commit');
  story.outcome(tid);
  rig.runUntil(() => others.every((one) => rig.stores[one]?.has(`finished/${tid}`)));
}

function keysOf(rig: Rig, replica: number): string {
  return [...(rig.stores[replica]?.keys() ?? [])].join();
}

/** Replica 0 says that it has the transaction, and does not deliver it. */
function liesAboutIt(rig: Rig, tid: TransactionId): void {
  rig.tamper = (from, to, message) => {
    if (from !== 0 || to !== away || message.kind !== 'inventory') return [message];
    return [{ ...message, open: [...message.open, { kind: 'outcome', tid }] }];
  };
}

describe('a replica that was away until the others forgot what it has open', () => {
  it('makes nobody decide it again, and keeps it no longer', () => {
    const { rig, story, tid, bank, first } = absence();
    rig.start(away);
    rig.runUntil(() => !keysOf(rig, away).includes(tid), 10_000);
    rig.runFor(60_000);
    for (const replica of [...others, away]) {
      expect(keysOf(rig, replica)).not.toContain(tid);
      expect(rig.core(replica).status).toMatchObject({ view: 0, openSlots: 0 });
    }
    expect(story.heard.get(bank.enlistment)).toBe('commit');
    // What was decided is known to it no more than to the others: none of them takes any of it.
    rig.transmit(0, away, { kind: 'decided', proof: first });
    finish(rig, story, 5);
    expect(keysOf(rig, away)).not.toContain(tid);
  });

  it('keeps it out for ever: a liar cannot revive it there', () => {
    const { rig, story, tid } = absence();
    const activation = activationOf(rig, tid);
    rig.start(away);
    rig.runUntil(() => !keysOf(rig, away).includes(tid), 10_000);
    rig.crash(away);
    rig.start(away);
    rig.transmit(0, away, { kind: 'decided', proof: activation });
    const requests = story.initiators.map((one) => rig.verified(story.activationStatement(one, 1)));
    rig.transmit(0, away, { kind: 'requests', requests });
    rig.runFor(20_000);
    expect(keysOf(rig, away)).not.toContain(tid);
    expect(rig.core(away).status.refusedRevivals).toBeGreaterThan(0);
  });

  it('keeps it while one of the others may still have it', () => {
    const { rig, tid } = absence();
    rig.crash(2);
    rig.start(away);
    rig.runFor(120_000);
    expect(keysOf(rig, away)).toContain(tid);
    rig.start(2);
    rig.runUntil(() => !keysOf(rig, away).includes(tid), 20_000);
  });

  it('suspects no primary for it, though a liar claims to have it', () => {
    const { rig, tid } = absence();
    liesAboutIt(rig, tid);
    rig.start(away);
    rig.runFor(300_000);
    expect(keysOf(rig, away)).toContain(tid);
    expect(viewChangesOf(rig, 120_000)).toBe(0);
  });

  it('needs not the word of all where there are more than four', () => {
    const rig = new Rig({ n: 7, f: 2, retainedTransactions: 2 });
    const story = new Story(rig);
    const tid = story.activate(1);
    story.sendRegistration(story.registration(tid, 'bank-a', { id: 'first' }));
    rig.runFor(20);
    rig.crash(away);
    story.complete(tid, 'commit');
    expect(story.outcome(tid)).toBe('commit');
    for (const timestamp of [2, 3, 4]) {
      const other = story.transfer(timestamp);
      story.outcome(other);
      rig.runUntil(() => [...rig.alive].every((one) => rig.stores[one]?.has(`finished/${other}`)));
    }
    liesAboutIt(rig, tid);
    // One lies, and one more is down: four of six are one too few.
    rig.crash(6);
    rig.start(away);
    rig.runFor(60_000);
    expect(keysOf(rig, away)).toContain(tid);
    rig.start(6);
    rig.runUntil(() => !keysOf(rig, away).includes(tid), 20_000);
  });

  it('keeps it while an inventory may have been cut', () => {
    const { rig, tid } = absence();
    const most = 131_072;
    let isFull = true;
    rig.tamper = (from, to, message) => {
      if (!isFull || from !== 0 || to !== away || message.kind !== 'inventory') return [message];
      const { after } = message;
      const finished = Array.from({ length: limits.inventoryEntries }, (_, index) => ({
        kind: 'outcome' as const,
        tid: transactionId(`00000000-0000-8000-8000-${String(after + index).padStart(12, '0')}`),
      }));
      return [{ ...message, finished, last: after + finished.length >= most }];
    };
    rig.start(away);
    rig.runFor(30_000);
    expect(keysOf(rig, away)).toContain(tid);
    isFull = false;
    rig.runUntil(() => !keysOf(rig, away).includes(tid), 600_000);
  });

  it('keeps it while one that lacks it has no memory', () => {
    const { rig, tid } = absence();
    rig.tamper = (from, to, message) =>
      from === 2 && to === 0 && message.kind === 'inventory' ? [] : [message];
    rig.loseDisk(0);
    rig.start(0);
    rig.start(away);
    rig.runFor(600_000);
    expect(rig.core(0).status.recovering).toBe(true);
    expect(keysOf(rig, away)).toContain(tid);
  });

  it('asks again where it was only asleep, and no link went down', () => {
    const { rig, tid } = asleep();
    rig.runUntil(() => !keysOf(rig, away).includes(tid), 600_000);
  });

  it('takes back that it suspects a primary for it', () => {
    const { rig, tid } = asleep();
    liesAboutIt(rig, tid);
    expect(viewChangesOf(rig, 20_000)).toBeGreaterThan(0);
    rig.runFor(600_000);
    expect(keysOf(rig, away)).toContain(tid);
    expect(viewChangesOf(rig, 120_000)).toBe(0);
  });
});

/** Replica 3 neither sends nor receives anything while the others decide and forget a transaction. */
function asleep(): { rig: Rig; tid: TransactionId } {
  const rig = new Rig({ retainedTransactions: 2 });
  const story = new Story(rig);
  const tid = story.activate(1);
  story.sendRegistration(story.registration(tid, 'bank-a', { id: 'first' }));
  rig.runFor(20);
  rig.tamper = (from, to, message) => (from === away || to === away ? [] : [message]);
  story.complete(tid, 'commit');
  rig.runUntil(() => others.every((one) => story.outcomeAt(one, tid) === 'commit'));
  rig.runUntil(() => others.every((one) => rig.stores[one]?.has(`finished/${tid}`)));
  // Past the time in which the others still show what they have decided.
  rig.runFor(20_000);
  rig.alive.delete(away);
  for (const timestamp of [2, 3, 4]) finish(rig, story, timestamp);
  rig.alive.add(away);
  rig.tamper = (_from, _to, message) => [message];
  return { rig, tid };
}

/** How often replica 3 asks for another view in so much time. */
function viewChangesOf(rig: Rig, durationMs: number): number {
  let asked = 0;
  rig.onStep = (from, outputs) => {
    for (const one of outputs) {
      const isAsking = one.kind === 'broadcast' && one.message.kind === 'view-change';
      if (from === away && isAsking) asked += 1;
    }
  };
  rig.runFor(durationMs);
  return asked;
}

/**
 * A bank has prepared, and its vote has come to replica 3 alone. The others roll the transaction back, as
 * that vote is missing, and forget it.
 */
function rolledBackWithout(isCut: boolean) {
  const rig = new Rig({ retainedTransactions: 2 });
  const story = new Story(rig);
  const tid = story.activate(1);
  const bank = story.registration(tid, 'bank-a', { id: 'first' });
  const other = story.registration(tid, 'bank-b', { id: 'first' });
  for (const registration of [bank, other]) story.sendRegistration(registration);
  rig.runFor(20);
  story.voteReaches = (replica, { participant }) => participant === 'bank-a' && replica === away;
  if (isCut) rig.tamper = (from, to, one) => (from === away || to === away ? [] : [one]);
  // What bank-a is sent of the others is lost, but for Prepare.
  const before = rig.onOutput;
  let isReached = false;
  rig.onOutput = (replica, output) => {
    const isOutcome = output.kind === 'notify-participant' && output.notice !== 'Prepare';
    const isForBank = isOutcome && output.registration.enlistment === bank.enlistment;
    if (isReached || !isForBank) before(replica, output);
  };
  // Replica 3 says nothing of the vote to the others.
  const { tamper } = rig;
  rig.tamper = (from, to, one) =>
    from === away && one.kind === 'record' ? [] : tamper(from, to, one);
  story.complete(tid, 'commit');
  rig.runUntil(() => others.every((one) => story.outcomeAt(one, tid) === 'abort'));
  rig.runFor(20_000);
  expect(story.heard.get(other.enlistment)).toBe('abort');
  story.voteReaches = () => true;
  rig.alive.delete(away);
  for (const timestamp of [2, 3, 4]) finish(rig, story, timestamp);
  rig.alive.add(away);
  for (const replica of others) expect(keysOf(rig, replica)).not.toContain(tid);
  return { rig, story, tid, bank, reach: () => (isReached = true) };
}

describe('a bank that has prepared, when all but one have rolled back and forgotten', () => {
  it('rolls back after a partition, too, though nobody lies', () => {
    const { rig, story, tid, bank, reach } = rolledBackWithout(true);
    expect(keysOf(rig, away)).toContain(tid);
    reach();
    rig.tamper = (_from, _to, message) => [message];
    for (const one of others) {
      rig.input(away, { kind: 'peer-up', replica: one as ReplicaId });
      rig.input(one, { kind: 'peer-up', replica: away as ReplicaId });
    }
    rig.runUntil(() => !keysOf(rig, away).includes(tid), 60_000);
    story.vote(bank, 'prepared');
    rig.runFor(10_000);
    const presumed = story.others.flatMap(({ output }) =>
      output.kind === 'answer-unknown' && output.vote.tid === tid ? [output.answer] : [],
    );
    expect(presumed).toEqual(Array(4).fill('Rollback'));
    expect(story.heard.get(bank.enlistment)).toBeUndefined();
    expect(rig.core(0).status).toMatchObject({ openSlots: 0, view: 0 });
  });

  it('is not made to commit by a liar that says again all that was said', () => {
    const { rig, story, tid, bank, reach } = rolledBackWithout(false);
    const proof = activationOf(rig, tid);
    reach();
    const say = (message: PeerMessage): void => {
      for (const to of others) rig.transmit(away, to, message);
    };
    const vote = { kind: 'vote', vote: 'prepared' } as const;
    const { participant, enlistment } = bank;
    for (let times = 0; times < 3; times += 1) {
      say({ kind: 'decided', proof });
      rig.runFor(50);
      say({ kind: 'record', record: rig.verified(bank) });
      say({ kind: 'record', record: rig.verified({ ...vote, tid, participant, enlistment }) });
      for (const initiator of story.initiators as InitiatorId[]) {
        const decision = { kind: 'completion', tid, decision: 'commit', initiator } as const;
        say({ kind: 'record', record: rig.verified(decision) });
      }
      rig.runFor(20_000);
    }
    for (const replica of others) expect(keysOf(rig, replica)).not.toContain(tid);
    expect(story.heard.get(bank.enlistment)).not.toBe('commit');
  });
});

describe('a replica that was away from the activation on', () => {
  it('gives up its lock when all others have forgotten what became of it', () => {
    const rig = new Rig({ retainedTransactions: 2 });
    const story = new Story(rig);
    const isLocked = (): boolean => keysOf(rig, away).includes('lock/a:');
    rig.tamper = (_from, to, message) => {
      const isLast = message.kind === 'phase' && message.signed.statement.phase === 'commit';
      return to === away && (isLast || message.kind === 'decided') ? [] : [message];
    };
    story.ask(1);
    rig.runUntil(() => others.every((one) => rig.core(one).status.transactions === 1));
    rig.runUntil(isLocked);
    rig.crash(away);
    rig.tamper = (_from, _to, message) => [message];
    const tid = story.transactionOf(1) as TransactionId;
    story.register(tid, 'bank-a');
    story.complete(tid, 'commit');
    story.outcome(tid);
    for (const timestamp of [2, 3, 4]) finish(rig, story, timestamp);
    const key =
      [...(rig.stores[away]?.keys() ?? [])].find((one) => one.startsWith('lock/a:')) ?? '';
    rig.start(away);
    rig.runUntil(() => rig.stores[away]?.has(key) === false, 600_000);
    expect(rig.stores[away]?.has(key.replace('lock', 'voted'))).toBe(false);
    rig.runFor(20_000);
    expect(viewChangesOf(rig, 60_000)).toBe(0);
    rig.crash(away);
    rig.start(away);
    story.ask(1);
    rig.runFor(10_000);
    expect(story.refusals.map(({ fault }) => fault)).toContain('TooOld');
  });

  it('keeps its lock where the activation may still come', () => {
    const rig = new Rig();
    const story = new Story(rig);
    rig.tamper = (_from, _to, message) => {
      const isLast = message.kind === 'phase' && message.signed.statement.phase === 'commit';
      return isLast || message.kind === 'view-change' ? [] : [message];
    };
    story.ask(1);
    rig.runUntil(() => keysOf(rig, away).includes('lock/a:'));
    for (const one of others) {
      rig.crash(one);
      rig.stores[one]?.forEach((_value, key, store) => {
        if (key !== 'member') store.delete(key);
      });
      rig.start(one);
    }
    // Inventories and nothing else: the others have no trace of it, and no floor.
    rig.tamper = (_from, _to, message) =>
      message.kind === 'recover' || message.kind === 'inventory' ? [message] : [];
    let asked = 0;
    rig.onStep = (from, outputs) => {
      if (from !== away) return;
      for (const one of outputs)
        if (one.kind === 'send' && one.message.kind === 'recover') asked += 1;
    };
    rig.runFor(300_000);
    expect(asked).toBeGreaterThan(3);
    expect(keysOf(rig, away)).toContain('lock/a:');
  });
});

describe('an inventory', () => {
  it('says nothing of what this replica learnt of after it had asked', () => {
    const rig = new Rig();
    const story = new Story(rig);
    const early: { readonly from: number; readonly message: PeerMessage }[] = [];
    rig.tamper = (from, to, message) => {
      if (to !== away || message.kind !== 'inventory') return [message];
      early.push({ from, message });
      return [];
    };
    for (const one of others) rig.input(away, { kind: 'peer-up', replica: one as ReplicaId });
    rig.runUntil(() => new Set(early.map(({ from }) => from)).size === 3);
    const answers = early.splice(0);
    const tid = story.activate(1);
    for (const { from, message } of answers) rig.transmit(from, away, message);
    rig.runFor(50);
    expect(rig.core(away).status.transactions).toBe(1);
    expect(story.outcome(transferOn(story, tid))).toBe('commit');
    expect(story.outcomeAt(away, tid)).toBe('commit');
  });
});

function transferOn(story: Story, tid: TransactionId): TransactionId {
  story.register(tid, 'bank-a');
  story.complete(tid, 'commit');
  return tid;
}

function activationOf(rig: Rig, tid: TransactionId): DecisionProof {
  for (const [key] of rig.stores[away] ?? []) {
    if (!key.startsWith('decided/a:')) continue;
    const request = key.slice('decided/a:'.length) as never;
    const proof = rig.decision(away, { kind: 'activation', request });
    const result = proof?.commits.statement.result;
    if (proof && result?.kind === 'activation' && result.tid === tid) return proof;
  }
  throw new Error('no activation');
}
