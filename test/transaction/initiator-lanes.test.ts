import { describe, expect, it } from 'vitest';
import type { PostingCall } from '../../src/banking/soap.js';
import { replicaId } from '../../src/kernel/ids.js';
import type { ClientRequest, RequestId } from '../../src/transaction/initiator/messages.js';
import { digestNumber, notifiedByProof, of, Rig, request, slotOf } from './initiator-rig.js';

const later: ClientRequest<PostingCall> = {
  ...request,
  requestId: 2 as RequestId,
  timestamp: request.timestamp + 1,
  digest: digestNumber(2),
};

const busy = { kind: 'refusal', code: 'busy' };

/** Digests of the requests whose activations were sent. */
function activations(outputs: ReturnType<Rig['give']>) {
  return of(outputs, 'send-activation').map((output) => output.request);
}

/** The later request of the lane, given again. It is refused for now; returns what else is put out. */
function refused(rig: Rig): ReturnType<Rig['give']> {
  const outputs = rig.give(later);
  expect(of(outputs, 'answer')).toEqual([{ kind: 'answer', requestId: 2, reply: busy }]);
  expect(activations(outputs)).not.toContain(later.digest);
  return outputs;
}

function isTaken(rig: Rig): boolean {
  return activations(rig.give(later)).includes(later.digest);
}

function tooOld(rig: Rig): void {
  for (const replica of [0, 1, 2]) {
    const from = { replica: replicaId(replica), request: request.digest };
    rig.give({ kind: 'activation-refused', ...from, fault: 'TooOld' });
  }
}

describe('a later request of the same client id', () => {
  it('is refused for now while the earlier one is open, and taken once that has its outcome', () => {
    const rig = new Rig();
    rig.give(request);
    expect(refused(rig)).toHaveLength(1);
    rig.activateByProof();
    refused(rig);
    for (const leg of [0, 1]) rig.leg(leg, { kind: 'done' });
    refused(rig);
    rig.give(notifiedByProof(0, 'commit'));
    expect(isTaken(rig)).toBe(true);
  });

  it('has the earlier one rolled back, where that was not activated in time', () => {
    const rig = new Rig();
    rig.give(request);
    rig.timeOut('deadline');
    expect(activations(refused(rig))).toEqual([request.digest]);
    const [completion] = of(rig.activateByProof(), 'send-completion');
    expect(completion?.statement.statement.decision).toBe('rollback');
    expect(refused(rig)).toHaveLength(1);
    rig.give(notifiedByProof(0, 'abort'));
    expect(isTaken(rig)).toBe(true);
  });

  it('has the earlier one decided as it was asked for, where its outcome was not known in time', () => {
    const rig = new Rig();
    rig.commit();
    rig.timeOut('deadline');
    refused(rig);
    const [completion] = of(rig.activateByProof(), 'send-completion');
    expect(completion?.statement.statement.decision).toBe('commit');
    rig.give(notifiedByProof(0, 'commit'));
    expect(isTaken(rig)).toBe(true);
  });

  it('is taken where a quorum calls the earlier one too old', () => {
    const rig = new Rig();
    rig.give(request);
    tooOld(rig);
    expect(isTaken(rig)).toBe(true);
  });

  it('is taken where the earlier one comes to nothing, as its timestamp is another request’s', () => {
    const rig = new Rig();
    rig.give(request);
    for (const replica of [0, 1]) {
      const from = { replica: replicaId(replica), request: request.digest };
      rig.give({ kind: 'activation-refused', ...from, fault: 'TimestampTaken' });
    }
    expect(isTaken(rig)).toBe(true);
  });

  it('takes no more than the one place that the earlier one has', () => {
    const rig = new Rig();
    rig.give(request);
    rig.timeOut('deadline');
    refused(rig);
    expect(refused(rig)).toHaveLength(1);
    rig.timeOut('deadline');
    expect(activations(refused(rig))).toEqual([request.digest]);
    // Whoever asks for the earlier one meanwhile is told how it ends.
    rig.give({ ...request, requestId: 3 as RequestId });
    rig.activateByProof(0, 0, slotOf(request));
    const told = of(rig.give(notifiedByProof(0, 'abort')), 'answer');
    expect(told).toMatchObject([
      { requestId: 3, reply: { outcome: 'aborted', reason: 'Superseded' } },
    ]);
  });
});
