import { describe, expect, it } from 'vitest';
import type { ActivationValue, DecisionProof } from '../../src/agreement/messages.js';
import { activationSlotRequest, collectiveTransactionId } from '../../src/agreement/values.js';
import { Story } from '../support/banking-story.js';
import { Rig } from '../support/rig.js';

function decisionOf(rig: Rig, story: Story, replica = 0): DecisionProof {
  const request = activationSlotRequest(story.activationStatement(0));
  const proof = rig.decision(replica, { kind: 'activation', request });
  if (!proof) throw new Error('not decided');
  return proof;
}

describe('activation (Zhao §4.1)', () => {
  it('gives all replicas the same transaction id, a UUID version 8', () => {
    const rig = new Rig();
    const story = new Story(rig);
    const tid = story.activate();
    expect(tid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(story.activated.get(tid)?.size).toBe(4);
    expect(rig.refused).toEqual([]);
  });

  it('makes the id of a quorum of proposals, and every one of them counts', () => {
    const rig = new Rig();
    const story = new Story(rig);
    const tid = story.activate();
    const value = decisionOf(rig, story).value as ActivationValue;
    expect(value.proposals).toHaveLength(3);
    expect(collectiveTransactionId(value)).toBe(tid);
    for (const odd of value.proposals) {
      const proposals = value.proposals.map((one) =>
        one === odd ? { ...one, statement: { ...one.statement, uuid: '00'.repeat(16) } } : one,
      );
      expect(collectiveTransactionId({ ...value, proposals })).not.toBe(tid);
    }
  });

  it('does nothing for one initiator alone, nor for two that differ', () => {
    const rig = new Rig();
    const story = new Story(rig);
    story.ask(1, [0]);
    story.ask(2, [1]);
    rig.runFor(30_000);
    expect(story.activated.size).toBe(0);
    expect(rig.core(0).status).toMatchObject({ openSlots: 0, view: 0 });
  });

  it('does nothing for one initiator that asks many times', () => {
    const rig = new Rig();
    const story = new Story(rig);
    story.ask(1, [0]);
    story.ask(1, [0]);
    rig.runFor(10_000);
    expect(story.activated.size).toBe(0);
  });

  it('answers a repeated request with the same transaction id', () => {
    const rig = new Rig();
    const story = new Story(rig);
    const tid = story.activate();
    for (const outputs of rig.outputs) outputs.splice(0);
    story.ask(1, [0, 2]);
    const answers = rig.outputs.flat().filter((output) => output.kind === 'activated');
    const { expiresMs } = story.activationStatement(0);
    expect(answers).toHaveLength(8);
    for (const { kind, slot, replyId, ...rest } of answers) {
      expect(kind && slot.kind && replyId).toBeTruthy();
      expect(rest).toEqual({ tid, expiresMs });
    }
  });

  it('gives different requests different transaction ids', () => {
    const story = new Story(new Rig());
    expect(story.activate(1)).not.toBe(story.activate(2));
  });

  it('starts where only a backup was asked: it hands the requests on', () => {
    const rig = new Rig();
    const story = new Story(rig);
    story.ask(1, [0, 1], [2]);
    rig.runUntil(() => story.transactionOf() !== undefined);
    expect(rig.core(2).status.view).toBe(0);
  });

  it('lets a backup that misses a reply fetch the value', () => {
    const rig = new Rig();
    const story = new Story(rig);
    const fetched: number[] = [];
    rig.tamper = (from, to, message) => {
      if (message.kind === 'fetch') fetched.push(from);
      return message.kind === 'pre-prepare-reply' && to === 3 && from === 1 ? [] : [message];
    };
    // Replica 2 is down, so replica 1's reply is among those chosen.
    rig.crash(2);
    story.ask();
    rig.runUntil(() => rig.stores[3]?.size !== 0 && story.transactionOf() !== undefined);
    rig.runFor(100);
    expect(fetched).toContain(3);
    expect(decisionOf(rig, story, 3).commits.statement.result).toMatchObject({
      tid: story.transactionOf(),
    });
    expect(rig.core(3).status.view).toBe(0);
  });

  it('survives a primary that is dead: the view changes and the transaction starts', () => {
    const rig = new Rig();
    const story = new Story(rig);
    rig.crash(0);
    story.activate();
    expect(rig.core(1).status).toMatchObject({ view: 1, primary: 1 });
  });

  it('survives a primary that restarts in the middle, without a view change', () => {
    const rig = new Rig();
    const story = new Story(rig);
    rig.onStep = (replica, outputs) => {
      const update = outputs.findIndex(
        (output) => output.kind === 'broadcast' && output.message.kind === 'pre-prepare-update',
      );
      if (replica === 0 && update >= 0) {
        rig.onStep = () => {};
        rig.crashAfterOutputs(0, update);
      }
    };
    story.ask();
    rig.runUntil(() => !rig.alive.has(0));
    rig.start(0);
    story.ask();
    story.activate();
    expect(rig.core(1).status.view).toBe(0);
  });

  it('in a new view takes the requests of the new primary, and loses no time over the old ones', () => {
    const rig = new Rig();
    rig.latencyMaxMs = 1;
    const story = new Story(rig);
    // The old primary opens the slot with initiators 0 and 1, and goes no further.
    rig.tamper = (from, _to, message) =>
      from === 0 && message.kind === 'pre-prepare-update' ? [] : [message];
    story.ask(1, [0, 1], [0]);
    rig.runFor(100);
    rig.crash(0);
    story.ask(1, [1, 2], [1, 2, 3]);
    rig.runUntil(() => rig.core(2).status.view === 1);
    const enteredMs = rig.nowMs;
    rig.runUntil(() => story.activated.get(story.activate())?.size === 3);
    expect(rig.nowMs - enteredMs).toBeLessThan(100);
  });
});
