import { describe, expect, it } from 'vitest';
import type { DecisionProof, PeerMessage } from '../../src/agreement/messages.js';
import { digest, type TransactionId } from '../../src/kernel/ids.js';
import { Story } from '../support/banking-story.js';
import { Rig } from '../support/rig.js';

const keeper = 3;
const others = [0, 1, 2];

interface Past {
  readonly rig: Rig;
  readonly tid: TransactionId;
  readonly proofs: readonly DecisionProof[];
  /** Questions about the transaction that were sent since. */
  readonly questions: () => number;
}

/** A transaction that all have forgotten but for one, which answers each question with its proofs. */
function rememberedByOne(): Past {
  const rig = new Rig({ retainedTransactions: 2 });
  const story = new Story(rig);
  const finish = (timestamp: number): TransactionId => {
    const tid = story.transfer(timestamp);
    story.outcome(tid);
    rig.runUntil(() => rig.stores.every((store) => store.has(`finished/${tid}`)));
    return tid;
  };
  const tid = finish(1);
  const keys = [...(rig.stores[keeper]?.keys() ?? [])];
  const request = keys.find((key) => key.startsWith('decided/a:'))?.slice('decided/a:'.length);
  const proofs = [
    rig.decision(keeper, { kind: 'activation', request: digest(request ?? '') }),
    rig.decision(keeper, { kind: 'outcome', tid }),
  ].flatMap((proof) => proof ?? []);
  expect(proofs).toHaveLength(2);
  for (const timestamp of [2, 3, 4]) finish(timestamp);
  for (const replica of others) expect([...(rig.stores[replica] ?? [])].join()).not.toContain(tid);
  let questions = 0;
  rig.tamper = (from, to, message) => {
    if (message.kind !== 'fetch-transaction' || message.tid !== tid) return [message];
    questions += 1;
    if (to === keeper) for (const proof of proofs) rig.transmit(keeper, from, decided(proof));
    return [message];
  };
  return { rig, tid, proofs, questions: () => questions };
}

function decided(proof: DecisionProof): PeerMessage {
  return { kind: 'decided', proof };
}

describe('a question about a transaction that is not on record', () => {
  it('is not asked again because its answer is of no use', () => {
    const { rig, proofs, questions } = rememberedByOne();
    for (const replica of others) {
      for (const proof of proofs) rig.transmit(keeper, replica, decided(proof));
    }
    rig.runFor(10_000);
    expect(questions()).toBe(others.length * (rig.n - 1));
    for (const replica of others) expect(rig.core(replica).status.openSlots).toBe(0);
  });

  it('is asked once in a retransmission delay, however many messages speak of it', () => {
    const { rig, proofs, questions } = rememberedByOne();
    const outcome = proofs[1] as DecisionProof;
    for (let count = 0; count < 20; count += 1) rig.transmit(keeper, 0, decided(outcome));
    rig.runFor(100);
    expect(questions()).toBe(rig.n - 1);
    rig.runFor(rig.parties.cluster.timing.resendAfterMs);
    rig.transmit(keeper, 0, decided(outcome));
    rig.runFor(10_000);
    expect(questions()).toBe(2 * (rig.n - 1));
  });
});
