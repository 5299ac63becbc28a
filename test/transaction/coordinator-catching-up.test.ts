import { describe, expect, it } from 'vitest';
import type { PeerMessage } from '../../src/agreement/messages.js';
import { agreementNames } from '../../src/kernel/cluster.js';
import { type TransactionId, transactionId } from '../../src/kernel/ids.js';
import { Story } from '../support/banking-story.js';
import { Rig } from '../support/rig.js';

const never = transactionId('00000000-0000-8000-8000-000000000000');

describe.each(agreementNames)('a replica that was down (%s)', (agreement) => {
  it('learns of a whole transaction from the proofs of one peer', () => {
    const rig = new Rig({ agreement });
    const story = new Story(rig);
    rig.crash(3);
    const tid = story.transfer();
    story.outcome(tid);
    rig.runFor(5000);
    // Only replica 2 can be reached from now on.
    rig.tamper = (from, to, message) => (from === 2 || to === 2 ? [message] : []);
    rig.start(3);
    story.vote(story.registration(tid, 'bank-a'), 'prepared', [3]);
    rig.runUntil(() => story.outcomeAt(3, tid) !== undefined);
    rig.runFor(1000);
    expect(story.outcomeAt(3, tid)).toBe('commit');
    expect(story.notices.at(-1)).toMatchObject({ replica: 3, notice: { notice: 'Commit' } });
  });

  it('takes no outcome before it knows the transaction, and then both', () => {
    const rig = new Rig({ agreement });
    const story = new Story(rig);
    rig.crash(3);
    const tid = story.transfer();
    story.outcome(tid);
    rig.start(3);
    const proof = rig.decision(1, { kind: 'outcome', tid });
    if (!proof) throw new Error('not decided');
    rig.transmit(1, 3, { kind: 'decided', proof });
    rig.runFor(50);
    expect(story.outcomeAt(3, tid)).toBe('commit');
    expect(rig.core(3).status).toMatchObject({ openSlots: 0, transactions: 1 });
    story.vote(story.registration(tid, 'bank-a'), 'prepared', [3]);
    expect(story.notices.at(-1)).toMatchObject({ replica: 3, notice: { notice: 'Commit' } });
  });

  it('takes a registration and a commit request that came before the activation', () => {
    const rig = new Rig({ agreement });
    const story = new Story(rig);
    rig.tamper = (_from, to, message) => (to === 3 && message.kind !== 'decided' ? [] : [message]);
    story.ask();
    rig.runUntil(() => story.transactionOf() !== undefined);
    const tid = story.transactionOf() as TransactionId;
    story.register(tid, 'bank-a', { at: [3] });
    rig.runFor(50);
    expect(rig.outputs[3]?.some(({ kind }) => kind === 'registered')).toBe(true);
  });
});

describe.each(agreementNames)('an unknown transaction (protocols.md 1.7; %s)', (agreement) => {
  it('is presumed aborted once a quorum has no record of it', () => {
    const rig = new Rig({ agreement });
    const story = new Story(rig);
    story.vote(story.registration(never, 'bank-a'), 'prepared');
    rig.runFor(50);
    const answers = story.others.map(({ output }) => output);
    expect(answers.filter(({ kind }) => kind === 'answer-unknown')).toMatchObject(
      Array(4).fill({ answer: 'Rollback', source: 'http://bank-a.test:8080/participant' }),
    );
  });

  it('gets a volatile participant the fault of the state table', () => {
    const rig = new Rig({ agreement });
    const story = new Story(rig);
    story.vote(story.registration(never, 'bank-a', { protocol: 'volatile' }), 'prepared', [0]);
    rig.runFor(50);
    expect(story.others.at(-1)?.output).toMatchObject({ answer: 'UnknownTransaction' });
  });

  it('is not said to be aborted to an initiator: it may have committed long ago', () => {
    const rig = new Rig({ agreement });
    const story = new Story(rig);
    story.complete(never, 'commit', { initiators: [0] });
    rig.runFor(50);
    expect(story.initiatorHeard.size).toBe(0);
    expect(story.others.map(({ output }) => output)).toMatchObject(
      Array(4).fill({ kind: 'fault-initiator', initiator: 0, fault: 'UnknownTransaction' }),
    );
  });

  it('gets no answer while fewer than a quorum have spoken', () => {
    const rig = new Rig({ agreement });
    const story = new Story(rig);
    rig.crash(2);
    rig.crash(3);
    story.vote(story.registration(never, 'bank-a'), 'prepared');
    rig.runFor(30_000);
    expect(story.others.filter(({ output }) => output.kind === 'answer-unknown')).toEqual([]);
  });

  it('is not presumed aborted by a lagging replica and a liar while it commits elsewhere', () => {
    const rig = new Rig({ agreement });
    const story = new Story(rig);
    // Replica 3 hears nothing of the transaction; replica 2 lies to it.
    rig.tamper = (from, to, message) => {
      if (to === 3 && from === 2 && message.kind === 'decided') return [];
      if (to === 3 && message.kind !== 'unknown-transaction') return [];
      if (from === 3 && to === 2 && message.kind === 'fetch-transaction') {
        rig.transmit(2, 3, { ...message, kind: 'unknown-transaction' });
      }
      return [message];
    };
    story.ask();
    rig.runUntil(() => story.transactionOf() !== undefined);
    const tid = story.transactionOf() as TransactionId;
    const registration = story.registration(tid, 'bank-a');
    story.register(tid, 'bank-a', { at: [0, 1, 2] });
    story.complete(tid, 'commit', { at: [0, 1, 2] });
    rig.runFor(50);
    for (let i = 0; i < 5; i += 1) {
      story.vote(registration, 'prepared', [3]);
      rig.runFor(1000);
    }
    expect(story.outcomeAt(0, tid)).toBe('commit');
    expect(story.others.filter(({ output }) => output.kind === 'answer-unknown')).toEqual([]);
  });

  it('is not presumed aborted on answers to an older question', () => {
    const rig = new Rig({ agreement });
    const story = new Story(rig);
    const stale: { readonly from: number; readonly message: PeerMessage }[] = [];
    rig.tamper = (from, to, message) => {
      if (to === 0 && message.kind === 'unknown-transaction') {
        stale.push({ from, message });
        return [];
      }
      return [message];
    };
    story.vote(story.registration(never, 'bank-a'), 'prepared', [0]);
    rig.runFor(10_000);
    expect(new Set(stale.map(({ from }) => from)).size).toBe(3);
    story.vote(story.registration(never, 'bank-a'), 'prepared', [0]);
    for (const { from, message } of stale.splice(0)) rig.transmit(from, 0, message);
    rig.runFor(10_000);
    expect(story.others.filter(({ output }) => output.kind === 'answer-unknown')).toEqual([]);
  });
});
