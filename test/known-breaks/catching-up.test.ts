import { describe, expect, it } from 'vitest';
import { verifyPeerMessage } from '../../src/agreement/check-message.js';
import type {
  DecisionProof,
  PeerMessage,
  VerifiedPeerMessage,
} from '../../src/agreement/messages.js';
import { replicaId, type TransactionId } from '../../src/kernel/ids.js';
import { Story } from '../support/banking-story.js';
import { Evidence } from '../support/evidence.js';
import { Rig } from '../support/rig.js';
import { type CreateCore, leavingOut, messageIn } from './support/broken.js';

const rigWith = (createCore?: CreateCore) => new Rig(createCore ? { createCore } : {});

function proofOf(rig: Rig, replica: number, tid: TransactionId): DecisionProof {
  const proof = rig.decision(replica, { kind: 'outcome', tid });
  if (!proof) throw new Error('not decided');
  return proof;
}

describe('a race of consensus and state transfer that shut a replica out for good', () => {
  /** The proof of an outcome overtakes that of the activation. */
  function outcomeAtLaggard(createCore?: CreateCore): string | undefined {
    const rig = rigWith(createCore);
    const story = new Story(rig);
    rig.crash(3);
    const tid = story.transfer();
    story.outcome(tid);
    rig.start(3);
    rig.transmit(1, 3, { kind: 'decided', proof: proofOf(rig, 1, tid) });
    rig.runFor(60_000);
    return story.outcomeAt(3, tid);
  }

  it('ours asks for the activation, and has both', () => {
    expect(outcomeAtLaggard()).toBe('commit');
  });

  it('broken, it drops what came too early and never has either', () => {
    const neverSeeks = leavingOut((output) => messageIn(output)?.kind === 'fetch-transaction');
    expect(outcomeAtLaggard(neverSeeks)).toBeUndefined();
  });
});

describe('certificates that were not verified in state transfer', () => {
  type Deliver = (rig: Rig, from: number, to: number, message: PeerMessage) => void;

  /** Replica 3 has missed the outcome, commit, and is shown an abort with the liar's commit alone. */
  function catchUp(deliver: Deliver): Rig {
    const rig = new Rig();
    const story = new Story(rig);
    const evidence = new Evidence(rig.parties);
    const tid = story.activate();
    story.register(tid, 'bank-a');
    rig.tamper = (_from, to, message) => (to === 3 ? [] : [message]);
    story.complete(tid, 'commit', { at: [0, 1, 2] });
    rig.runUntil(() => [0, 1, 2].every((one) => story.outcomeAt(one, tid) === 'commit'));
    const abort = {
      kind: 'outcome',
      tid,
      outcome: 'abort',
      reason: 'timeout',
      records: [],
      completion: [],
    } as const;
    const commits = evidence.certificate(evidence.phase('commit', abort), [2]);
    deliver(rig, 2, 3, { kind: 'decided', proof: { commits, value: abort } });
    rig.tamper = (_from, _to, message) => [message];
    rig.runFor(10_000);
    return rig;
  }

  const ours: Deliver = (rig, from, to, message) => {
    const result = verifyPeerMessage(rig.parties.keyring, replicaId(from), message);
    if (result.ok) rig.input(to, { kind: 'peer', message: result.value });
  };

  /** Believes whoever sends it. */
  const believing: Deliver = (rig, from, to, message) =>
    rig.input(to, { kind: 'peer', message: { from, message } as unknown as VerifiedPeerMessage });

  it('ours takes a proof from anybody, and no proof from nobody', () => {
    expect(() => catchUp(ours).checkAgreement()).not.toThrow();
  });

  it('broken, one liar makes it tell the bank otherwise', () => {
    expect(() => catchUp(believing).checkAgreement()).toThrow('heard both');
  });
});

describe('a bad leader that starves correct clients (PBFT’s read-only optimisation)', () => {
  /**
   * The primary leaves replica 3 out and acknowledges no registration, so a participant gets its
   * quorum only if replica 3 learns of the transaction from the others.
   */
  function acknowledgements(createCore?: CreateCore): number[] {
    const rig = rigWith(createCore);
    const story = new Story(rig);
    rig.tamper = (from, to, message) => (from === 0 && to === 3 ? [] : [message]);
    story.ask();
    rig.runUntil(() => story.transactionOf() !== undefined);
    const tid = story.transactionOf() as TransactionId;
    rig.runFor(10_000);
    story.register(tid, 'bank-a', { at: [1, 2, 3] });
    rig.runFor(10_000);
    return [1, 2, 3].filter((replica) =>
      rig.outputs[replica]?.some(({ kind }) => kind === 'registered'),
    );
  }

  it('ours: the others forward what was decided, and a quorum acknowledges', () => {
    expect(acknowledgements()).toEqual([1, 2, 3]);
  });

  it('broken, decisions are not forwarded: the participant waits in vain', () => {
    const keepsToItself = leavingOut(({ kind }) => kind === 'send-proof');
    expect(acknowledgements(keepsToItself)).toEqual([1, 2]);
  });
});
