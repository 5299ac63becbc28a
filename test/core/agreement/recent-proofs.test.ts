import { describe, expect, it } from 'vitest';
import { RecentProofs } from '../../../src/core/agreement/recent-proofs.js';
import { type AgreementOptions, AgreementState } from '../../../src/core/agreement/state.js';
import type { DecisionProof, SlotKey } from '../../../src/vocabulary/agreement.js';
import { resilience } from '../../../src/vocabulary/quorum.js';
import { Story } from '../../support/banking-story.js';
import { Rig } from '../../support/rig.js';

const behind = 3;

describe('an outcome that is forgotten at once', () => {
  it('is still shown to one that a liar kept a vote from', () => {
    const rig = new Rig({ retainedTransactions: 0 });
    const story = new Story(rig);
    const tid = story.activate(1);
    // The commit of replica 0 is the last that replica 3 needs, and nobody tells it the decision.
    rig.tamper = (from, to, message) => {
      const isCommit = message.kind === 'phase' && message.signed.statement.phase === 'commit';
      const isOutcome = isCommit && message.signed.statement.slot.kind === 'outcome';
      return isOutcome && to === behind && from !== 1 ? [] : [message];
    };
    story.register(tid, 'bank-a');
    story.complete(tid, 'rollback');
    const holds = (one: number): boolean =>
      [...(rig.stores[one]?.keys() ?? [])].join().includes(tid);
    rig.runUntil(() => [0, 1, 2].every((one) => !holds(one)));
    expect(holds(behind)).toBe(true);
    rig.runUntil(() => !holds(behind), 10_000);
    const decided = rig.outputs[behind]?.filter(
      (output) => output.kind === 'log' && output.event === 'decided',
    );
    expect(decided).toHaveLength(1);
    expect(rig.core(behind).status.view).toBe(0);
  });
});

describe('recent proofs', () => {
  function recent(): RecentProofs {
    const options = { resilience: resilience(4, 1), resendAfterMs: 500 };
    return new RecentProofs(new AgreementState(options as AgreementOptions));
  }
  const key = (index: number): SlotKey => `o:${index}` as SlotKey;
  const proof = {} as DecisionProof;

  it('are no more than 256', () => {
    const proofs = recent();
    for (let index = 0; index < 257; index += 1) proofs.add(key(index), proof, 1);
    expect(proofs.get(key(0))).toBeUndefined();
    expect(proofs.get(key(1))).toBe(proof);
    expect(proofs.get(key(256))).toBe(proof);
  });

  it('take no more than 8 MiB', () => {
    const proofs = recent();
    for (let index = 0; index < 9; index += 1) proofs.add(key(index), proof, 1024 * 1024);
    expect(proofs.get(key(0))).toBeUndefined();
    expect(proofs.get(key(1))).toBe(proof);
  });

  it('go after one or two of their times', () => {
    const proofs = recent();
    proofs.add(key(0), proof, 1);
    expect(proofs.onTimer('recent-proofs')).toBe(true);
    expect(proofs.get(key(0))).toBe(proof);
    proofs.onTimer('recent-proofs');
    expect(proofs.get(key(0))).toBeUndefined();
    expect(proofs.onTimer('another')).toBe(false);
  });
});
