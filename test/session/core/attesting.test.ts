import { describe, expect, it } from 'vitest';
import { digestOfText } from '../../../src/kernel/digest.js';
import { verifyStateProof } from '../../../src/session/check-proof.js';
import { signSession } from '../../../src/session/proof.js';
import { type EngineKind, SessionRig } from '../../support/session-rig.js';

const question = { kind: 'prove', application: 'words', key: 'a' } as const;

function withValue(n = 4, f = 1, engine: EngineKind = 'pbft'): SessionRig {
  const rig = new SessionRig({ engine, n, f });
  const session = rig.parties.owner('alice').begin('words');
  rig.run(0, session.call('put a 1'), true);
  rig.runUntil(() => rig.isFinal(session.id, 1));
  return rig;
}

describe('a value of the state', () => {
  it('is proved by f + 1 replicas, for all who ask', () => {
    const rig = withValue();
    const replies = [rig.askLater(0, question), rig.askLater(0, question)];
    rig.runUntil(() => replies.every((reply) => rig.answerTo(0, reply)));
    for (const reply of replies) {
      const answer = rig.answerTo(0, reply);
      const proof = answer?.kind === 'proved' ? answer.proof : null;
      expect(proof).toMatchObject({ application: 'words', key: 'a', value: '1' });
      expect(proof && verifyStateProof(rig.parties.keyring, proof).ok).toBe(true);
    }
  });

  it('is proved at once by a replica that needs no other', () => {
    const rig = withValue(1, 0, 'antipaxos');
    expect(rig.ask(0, question)).toMatchObject({ kind: 'proved', proof: { value: '1' } });
  });

  it('is not proved where there is none, or no such application', () => {
    const rig = withValue();
    expect(rig.ask(0, { ...question, key: 'b' })).toMatchObject({ kind: 'proved', proof: null });
    expect(rig.ask(0, { ...question, application: 'other' })).toMatchObject({
      refusal: { code: 'unknown-application' },
    });
  });

  it('is not proved by those who say something else, and whoever waits is told', () => {
    const rig = withValue();
    const lie = signSession(rig.parties.replicaSign(3), rig.parties.cluster.id, {
      kind: 'attestation',
      subject: { kind: 'state', application: 'words', key: 'a' },
      value: digestOfText('2'),
      position: 1,
    });
    rig.tamper = (from) => (from === 3 ? [{ kind: 'attestation', attestation: lie }] : []);
    const reply = rig.askLater(0, question);
    rig.transmit(3, 0, { kind: 'attestation', attestation: lie });
    rig.runUntil(() => rig.answerTo(0, reply) !== undefined);
    expect(rig.answerTo(0, reply)).toMatchObject({ refusal: { code: 'busy' } });
  });

  it('is asked for again where it has changed meanwhile', () => {
    const rig = withValue();
    const session = rig.parties.owner('bob').begin('words');
    rig.tamper = (_from, _to, message) => (message.kind === 'attestation' ? [] : [message]);
    const reply = rig.askLater(0, question);
    rig.run(0, session.call('put a 2'), true);
    rig.runUntil(() => rig.core(0).valueOf('words', 'a') === '2');
    rig.tamper = (_from, _to, message) => [message];
    rig.runUntil(() => rig.answerTo(0, reply) !== undefined);
    expect(rig.answerTo(0, reply)).toMatchObject({ proof: { value: '2' } });
  });

  it('has a bounded number of callers waiting for it', () => {
    const rig = withValue();
    rig.tamper = () => [];
    for (let caller = 1; caller <= 256; caller += 1) rig.askLater(0, question);
    expect(rig.outputs[0]?.some(({ kind }) => kind === 'refused')).toBe(false);
    expect(rig.ask(0, question)).toMatchObject({ refusal: { code: 'busy' } });
  });
});
