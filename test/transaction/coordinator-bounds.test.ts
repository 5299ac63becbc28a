import { describe, expect, it } from 'vitest';
import { activationSlotRequest } from '../../src/agreement/values.js';
import { digest, type TransactionId } from '../../src/kernel/ids.js';
import { ActivationRequests } from '../../src/transaction/coordinator/core/activation.js';
import { Story } from '../support/banking-story.js';
import { Evidence } from '../support/evidence.js';
import { Rig } from '../support/rig.js';

const tidOf = (index: number) =>
  `00000000-0000-8000-8000-${String(index).padStart(12, '0')}` as TransactionId;

describe('bounds', () => {
  it('slots that one peer alone speaks of are few, and cost the others nothing', () => {
    const rig = new Rig();
    const story = new Story(rig);
    const evidence = new Evidence(rig.parties);
    for (let index = 0; index < 400; index += 1) {
      const statement = evidence.phase('commit', evidence.commitValue({ tid: tidOf(index) }));
      const signed = evidence.signedPhase(3, statement);
      rig.transmit(3, 0, { kind: 'phase', signed });
    }
    rig.runFor(100);
    expect(rig.core(0).status.openSlots).toBe(256);
    expect(story.outcome(story.transfer())).toBe('commit');
    rig.runFor(60_000);
    expect(rig.core(0).status).toMatchObject({ view: 0, openSlots: 0 });
  });

  it('one party’s questions about unknown transactions are few', () => {
    const rig = new Rig();
    const story = new Story(rig);
    for (const replica of [1, 2, 3]) rig.crash(replica);
    for (let index = 0; index < 300; index += 1) {
      story.register(tidOf(index), 'bank-a', { at: [0] });
    }
    expect(story.refusals).toHaveLength(44);
    expect(story.refusals[0]?.reason).toMatch(/busy/);
    story.register(tidOf(1), 'bank-b', { at: [0] });
    expect(story.refusals).toHaveLength(44);
    rig.runFor(3000);
    expect(story.refusals).toHaveLength(301);
    story.register(tidOf(1), 'bank-a', { at: [0] });
    expect(story.refusals).toHaveLength(301);
  });

  it('enlistments of one participant in one transaction are few', () => {
    const rig = new Rig();
    const story = new Story(rig);
    const tid = story.activate();
    for (let index = 0; index < 65; index += 1) {
      story.register(tid, 'bank-a', { at: [0], id: String(index) });
    }
    expect(story.refusals).toMatchObject([{ replyId: '0/bank-a.D-64' }]);
    story.register(tid, 'bank-b', { at: [0] });
    expect(story.refusals).toHaveLength(1);
  });
});

describe('activation requests', () => {
  const rig = new Rig();
  const story = new Story(rig);
  const asked = (initiator: number, timestamp: number) =>
    rig.verified({ ...story.activationStatement(initiator), timestamp });
  const request = activationSlotRequest(story.activationStatement(0, 1));

  it('of one initiator are bounded, and its flood leaves the others’ requests alone', () => {
    const requests = new ActivationRequests(rig.parties.cluster.resilience);
    requests.add(asked(0, 1), 'first');
    requests.add(asked(1, 1), 'honest');
    requests.add(asked(2, 1), 'honest too');
    const evicted: string[] = [];
    const flood = digest('cd'.repeat(32));
    for (let index = 0; index < 2048; index += 1) {
      const statement = { ...asked(0, 1).statement, timestamp: index, request: flood };
      evicted.push(...requests.add({ ...asked(0, 1), statement }, `flood ${index}`));
    }
    expect(evicted).toEqual(['first']);
    expect(requests.matching(request)?.map(({ statement }) => statement.initiator)).toEqual([1, 2]);
    const waiting = requests.take(request).map(({ replyId }) => replyId);
    expect(waiting).toEqual(['honest', 'honest too', 'flood 1']);
  });

  it('repeated by one initiator wait for few answers, the latest', () => {
    const requests = new ActivationRequests(rig.parties.cluster.resilience);
    const evicted = Array.from({ length: 10 }, (_, index) =>
      requests.add(asked(0, 1), String(index)),
    ).flat();
    expect(evicted).toEqual(['0', '1']);
    const waiting = requests.take(request).map(({ replyId }) => replyId);
    expect(waiting).toEqual(['2', '3', '4', '5', '6', '7', '8', '9']);
  });
});
