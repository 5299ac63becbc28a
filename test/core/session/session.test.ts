import { describe, expect, it } from 'vitest';
import type { SessionEvent } from '../../../src/core/session/messages.js';
import { verifyOutcomeProof } from '../../../src/crypto/session/verify-proof.js';
import type { SessionId } from '../../../src/vocabulary/session.js';
import { type AnswerOutput, type EngineKind, SessionRig } from '../../support/session-rig.js';

const engines: EngineKind[] = ['antipaxos', 'pbft'];

function resultsOf(answer: AnswerOutput | undefined): unknown[] {
  return answer?.kind === 'answer' ? answer.statuses.map(({ status }) => status.result) : [];
}

const done = (result: string) => ({ kind: 'done', result });

function events(rig: SessionRig, replica: number, session: SessionId): SessionEvent[] {
  return (rig.outputs[replica] ?? []).flatMap((output) =>
    output.kind === 'event' && output.session === session ? [output.event] : [],
  );
}

describe.each(engines)('a session ordered by %s', (engine) => {
  it('is answered in the same step, reads its own writes, is witnessed, and then final', () => {
    const rig = new SessionRig({ engine });
    const session = rig.parties.owner('alice').begin('words');
    const first = rig.run(0, session.call('put a 1'));
    expect(resultsOf(first)).toEqual([done('ok')]);
    expect(resultsOf(rig.run(0, session.call('get a', 'add a 2')))).toEqual([done('1'), done('3')]);
    rig.runUntil(() => rig.status(0, session.id, 3)?.kind === 'witnessed');
    rig.runUntil(() => rig.isFinal(session.id, 3));
    for (const replica of rig.alive) {
      const status = rig.status(replica, session.id, 3);
      expect(status).toMatchObject({ kind: 'committed', result: done('3') });
      const proof = status && 'proof' in status ? status.proof : undefined;
      expect(proof && verifyOutcomeProof(rig.parties.keyring, proof).ok).toBe(true);
      expect(rig.core(replica).valueOf('words', 'a')).toBe('3');
    }
    const kinds = events(rig, 0, session.id).map((event) =>
      event.kind === 'operation' ? `${event.sequence} ${event.status.kind}` : event.kind,
    );
    expect(kinds.filter((kind) => kind.startsWith('3'))).toEqual([
      '3 provisional',
      '3 witnessed',
      '3 committed',
    ]);
    expect(rig.refused).toEqual([]);
  });
});
