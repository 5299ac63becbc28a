import { describe, expect, it } from 'vitest';
import type { PostingCall } from '../../src/banking/soap.js';
import {
  clientId,
  type ReplicaId,
  sessionsClient,
  sessionsPrincipal,
} from '../../src/kernel/ids.js';
import type {
  ActivationFault,
  ClientRequest,
  RequestId,
} from '../../src/transaction/initiator/messages.js';
import {
  activatedByProof,
  activatedPlainly,
  digestNumber,
  notifiedByProof,
  notifiedPlainly,
  of,
  postings,
  Rig,
  replicas,
  request,
  slotOf,
  smallLimits,
  tid,
  tidNumber,
  timing,
} from './initiator-rig.js';

const committed = { kind: 'outcome', transactionId: tid, outcome: 'committed' };
const aborted = (reason: string) => ({
  kind: 'outcome',
  transactionId: tid,
  outcome: 'aborted',
  reason,
});

describe('activation', () => {
  it('asks the primary alone, then after a while everybody silent, less and less often', () => {
    const rig = new Rig();
    expect(of(rig.give(request), 'send-activation').map(({ to }) => to)).toEqual([replicas(0)]);
    expect(rig.timers.get(`${request.digest}/resend`)).toBe(timing.resendAfterMs);

    expect(of(rig.timeOut('resend'), 'send-activation')[0]?.to).toEqual(replicas(0, 1, 2, 3));
    rig.give(activatedPlainly(2, tid));
    expect(of(rig.timeOut('resend'), 'send-activation')[0]?.to).toEqual(replicas(0, 1, 3));
    for (let round = 0; round < 10; round += 1) rig.timeOut('resend');
    expect(rig.timers.get(`${request.digest}/resend`)).toBe(timing.resendAfterMs * 10);
  });

  it('asks everybody at once when the primary cannot be reached, and only once for that', () => {
    const rig = new Rig();
    rig.give(request);
    const failed = {
      kind: 'activation-failed',
      replica: replicas(0)[0] ?? 0,
      request: request.digest,
    };
    const first = rig.give(failed as Parameters<Rig['give']>[0]);
    expect(of(first, 'send-activation')[0]?.to).toEqual(replicas(0, 1, 2, 3));
    expect(rig.give(failed as Parameters<Rig['give']>[0])).toEqual([]);
  });

  const refusedBy = (replica: ReplicaId, fault: ActivationFault) =>
    ({ kind: 'activation-refused', replica, request: request.digest, fault }) as const;

  it('is too old when a quorum has forgotten it, and not because fewer say so', () => {
    const rig = new Rig();
    rig.give(request);
    const answers = replicas(0, 0, 1, 2).map((replica) =>
      of(rig.give(refusedBy(replica, 'TooOld')), 'answer'),
    );
    expect(answers).toMatchObject([[], [], [], [{ reply: { kind: 'refusal', code: 'stale' } }]]);
  });

  it('conflicts when f + 1 have decided another request for its timestamp', () => {
    const rig = new Rig();
    rig.give(request);
    const answers = replicas(0, 0, 1).map((replica) =>
      of(rig.give(refusedBy(replica, 'TimestampTaken')), 'answer'),
    );
    expect(answers).toMatchObject([[], [], [{ reply: { kind: 'refusal', code: 'conflict' } }]]);
  });

  it('conflicts when a proof shows another request of its client and timestamp', () => {
    const rig = new Rig();
    rig.give(request);
    const slotRequest = slotOf(request);
    const other = { inView: 0, by: 0, slotRequest, content: digestNumber(78) };
    const [answer] = of(rig.give(activatedByProof(other)), 'answer');
    expect(answer?.reply).toEqual({ kind: 'refusal', code: 'conflict' });
  });

  it('goes on where others still know a request that some have forgotten', () => {
    const rig = new Rig();
    rig.give(request);
    for (const replica of replicas(0, 1)) {
      rig.give(refusedBy(replica, 'TooOld'));
    }
    rig.give(activatedPlainly(2, tid));
    expect(of(rig.give(activatedPlainly(3, tid)), 'invoke-leg')).toHaveLength(2);
  });

  it('is too old, too, when a quorum has forgotten it before the outcome came', () => {
    const rig = new Rig();
    rig.commit();
    const asked = [1, 2, 3].map(() => of(rig.timeOut('resend'), 'send-activation').length);
    expect(asked).toEqual([0, 0, 1]);
    for (const replica of replicas(0, 1)) rig.give(refusedBy(replica, 'TooOld'));
    const [again] = of(rig.timeOut('resend'), 'send-activation');
    expect(again?.to).toEqual(replicas(2, 3));
    const [second, third] = replicas(2, 3) as [ReplicaId, ReplicaId];
    rig.give(refusedBy(second, 'TimestampTaken'));
    expect(rig.answers()).toEqual([]);
    rig.give(refusedBy(third, 'TooOld'));
    expect(rig.answers()).toEqual([{ kind: 'refusal', code: 'stale' }]);
  });

  it('states the request as the client signed it, with the lifetime of the cluster', () => {
    const [sent] = of(new Rig().give(request), 'send-activation');
    expect(sent?.statement.statement).toEqual({
      kind: 'activation',
      client: request.client,
      timestamp: request.timestamp,
      request: request.digest,
      expiresMs: timing.defaultExpiresMs,
      initiator: 0,
    });
  });

  it('invokes all legs at once on one proof', () => {
    const rig = new Rig();
    rig.give(request);
    const calls = of(rig.activateByProof(), 'invoke-leg');
    expect(calls.map(({ call }) => call)).toEqual(postings.legs);
    expect(calls.every((call) => call.tid === tid && call.call.currency === 'EUR')).toBe(true);
  });

  it('ignores a proof of somebody else’s activation', () => {
    const rig = new Rig();
    rig.give(request);
    expect(rig.activateByProof(0, 0, digestNumber(77))).toEqual([]);
  });

  it('needs f + 1 replicas where there is no proof', () => {
    const rig = new Rig();
    rig.give(request);
    expect(rig.give(activatedPlainly(0, tidNumber(6)))).toEqual([]);
    expect(rig.give(activatedPlainly(0, tidNumber(6)))).toEqual([]);
    expect(rig.give(activatedPlainly(1, tid))).toEqual([]);
    expect(of(rig.give(activatedPlainly(2, tid)), 'invoke-leg')[0]?.tid).toBe(tid);
  });

  it('asks the primary of the latest view that a proof told of', () => {
    const rig = new Rig();
    rig.give(request);
    rig.activateByProof(6);
    rig.activateByProof(1);
    const next = { ...request, client: clientId('bob'), digest: digestNumber(2) };
    expect(of(rig.give(next), 'send-activation')[0]?.to).toEqual(replicas(2));
  });

  it('gives an order of sessions up for the next one of its lane, and nothing else', () => {
    const rig = new Rig();
    const order = (lane: number, timestamp: number): ClientRequest<PostingCall> => ({
      ...request,
      requestId: (10 * lane + timestamp) as RequestId,
      client: sessionsClient(lane),
      timestamp,
      digest: digestNumber(10 * lane + timestamp),
    });
    rig.give(order(1, 1));
    rig.give(order(2, 1));
    const outputs = rig.give(order(1, 2));
    expect(of(outputs, 'answer')).toEqual([
      { kind: 'answer', requestId: 11, reply: { kind: 'refusal', code: 'stale' } },
    ]);
    const waited = [...rig.timers.keys()].map((name) => name.split('/')[0]);
    expect(new Set(waited)).toEqual(new Set([digestNumber(21), digestNumber(12)]));

    rig.give(request);
    rig.give({ ...request, timestamp: request.timestamp + 1, digest: digestNumber(2) });
    expect(rig.timers.has(`${request.digest}/deadline`)).toBe(true);
  });

  it('gives up after the lifetime, and starts anew when asked again', () => {
    const rig = new Rig();
    rig.give(request);
    expect(rig.timers.get(`${request.digest}/deadline`)).toBe(timing.defaultExpiresMs);
    rig.timeOut('deadline');
    expect(rig.answers()).toEqual([{ kind: 'refusal', code: 'not-activated' }]);
    expect(rig.timers.size).toBe(0);
    expect(of(rig.give(request), 'send-activation')).toHaveLength(1);
  });
});

describe('legs', () => {
  it('commits when all are done', () => {
    const rig = new Rig();
    rig.give(request);
    rig.activateByProof();
    expect(rig.leg(1, { kind: 'done' })).toEqual([]);
    expect(rig.leg(1, { kind: 'done' })).toEqual([]);
    const [sent] = of(rig.leg(0, { kind: 'done' }), 'send-completion');
    expect(sent?.to).toEqual(replicas(0));
    expect(sent?.statement.statement).toEqual({
      kind: 'completion',
      tid,
      decision: 'commit',
      initiator: 0,
    });
  });

  it('tells the primary first, then everybody silent', () => {
    const rig = new Rig();
    rig.give(request);
    rig.activateByProof(3);
    rig.leg(0, { kind: 'done' });
    expect(of(rig.leg(1, { kind: 'done' }), 'send-completion')[0]?.to).toEqual(replicas(3));
    expect(of(rig.timeOut('resend'), 'send-completion')[0]?.to).toEqual(replicas(0, 1, 2, 3));
  });

  it('tells everybody silent at once where the primary cannot be reached', () => {
    const rig = new Rig();
    rig.give(request);
    rig.activateByProof(3);
    rig.leg(0, { kind: 'done' });
    rig.leg(1, { kind: 'done' });
    const failed = { kind: 'completion-failed', tid } as const;
    expect(of(rig.give(failed), 'send-completion')[0]?.to).toEqual(replicas(0, 1, 2, 3));
    expect(rig.give(failed), 'once').toEqual([]);
  });

  it('rolls back at the first refusal and answers with its reason', () => {
    const rig = new Rig();
    rig.give(request);
    rig.activateByProof();
    const sent = of(
      rig.leg(0, { kind: 'refused', reason: 'InsufficientFunds' }),
      'send-completion',
    );
    expect(sent[0]?.statement.statement.decision).toBe('rollback');
    expect(rig.leg(1, { kind: 'done' })).toEqual([]);
    rig.give(notifiedByProof(3, 'abort'));
    expect(rig.answers()).toEqual([aborted('InsufficientFunds')]);
  });

  it('tells no abort where a bank has used the request in another transaction', () => {
    const rig = new Rig();
    rig.give(request);
    rig.activateByProof();
    rig.leg(0, { kind: 'refused', reason: 'RequestUsed' });
    rig.give(notifiedByProof(3, 'abort'));
    expect(rig.answers()).toEqual([{ kind: 'refusal', code: 'stale' }]);
  });

  it('tries an unreachable participant again, a bounded number of times', () => {
    const rig = new Rig();
    rig.give(request);
    rig.activateByProof();
    rig.leg(0, { kind: 'done' });
    for (let retry = 0; retry < 3; retry += 1) {
      expect(rig.leg(1, { kind: 'unreachable' })).toHaveLength(1);
      expect(of(rig.timeOut('leg-1'), 'invoke-leg')).toMatchObject([{ leg: 1, tid }]);
    }
    const sent = of(rig.leg(1, { kind: 'unreachable' }), 'send-completion');
    expect(sent[0]?.statement.statement.decision).toBe('rollback');
    rig.give(notifiedByProof(0, 'abort'));
    expect(rig.answers()).toEqual([aborted('ParticipantUnreachable: bank-b')]);
  });

  it('rolls back when a participant takes too long', () => {
    const rig = new Rig();
    rig.give(request);
    rig.activateByProof();
    expect(rig.timers.get(`${request.digest}/deadline`)).toBe(timing.voteTimeoutMs);
    const sent = of(rig.timeOut('deadline'), 'send-completion');
    expect(sent[0]?.statement.statement.decision).toBe('rollback');
    rig.give(notifiedByProof(0, 'abort'));
    expect(rig.answers()).toEqual([aborted('ParticipantTimeout: bank-a')]);
  });

  it('rolls back what is known to be impossible, and asks no participant', () => {
    const rig = new Rig();
    const operation = { ...postings, refusal: 'MixedCurrencies' };
    rig.give({ ...request, operation });
    const outputs = rig.activateByProof();
    expect(of(outputs, 'invoke-leg')).toEqual([]);
    expect(of(outputs, 'send-completion')[0]?.statement.statement.decision).toBe('rollback');
    rig.give(notifiedByProof(0, 'abort'));
    expect(rig.answers()).toEqual([aborted('MixedCurrencies')]);
    expect(rig.timers.size).toBe(0);
  });

  it('commits at once what has no legs', () => {
    const rig = new Rig();
    rig.give({ ...request, operation: { kind: 'plan', legs: [] } });
    const outputs = rig.activateByProof();
    expect(of(outputs, 'send-completion')[0]?.statement.statement.decision).toBe('commit');
    expect(of(rig.timeOut('resend'), 'send-completion')).toHaveLength(1);
    rig.give(notifiedByProof(0, 'commit'));
    expect(rig.answers()).toEqual([committed]);
    expect(rig.timers.size).toBe(0);
  });

  it('never takes back a Commit', () => {
    const rig = new Rig();
    rig.commit();
    rig.leg(1, { kind: 'refused', reason: 'InsufficientFunds' });
    rig.timeOut('resend');
    const decisions = of(rig.outputs, 'send-completion').map(
      ({ statement }) => statement.statement.decision,
    );
    expect(decisions).toEqual(['commit', 'commit']);
  });
});

describe('outcome', () => {
  it('is believed with one certificate', () => {
    const rig = new Rig();
    rig.commit();
    rig.give(notifiedByProof(3, 'commit'));
    expect(rig.answers()).toEqual([committed]);
    expect(rig.timers.size).toBe(0);
  });

  it('is not believed with a certificate of another transaction', () => {
    const rig = new Rig();
    rig.commit();
    rig.give(notifiedByProof(3, 'commit', tidNumber(8)));
    expect(rig.answers()).toEqual([]);
  });

  it('is believed when f + 1 replicas say it, and not before', () => {
    const rig = new Rig();
    rig.commit();
    rig.give(notifiedPlainly(0, 'commit'));
    rig.give(notifiedPlainly(0, 'commit'));
    rig.give(notifiedPlainly(3, 'abort'));
    expect(rig.answers()).toEqual([]);
    rig.give(notifiedPlainly(1, 'commit'));
    expect(rig.answers()).toEqual([committed]);
  });

  it('is asked for again from the silent ones, until it is known', () => {
    const rig = new Rig();
    rig.commit();
    rig.give(notifiedPlainly(1, 'commit'));
    expect(of(rig.timeOut('resend'), 'send-completion')[0]?.to).toEqual(replicas(0, 2, 3));
    rig.give(notifiedPlainly(2, 'commit'));
    expect(rig.timers.size).toBe(0);
  });

  it('may come before the legs are done', () => {
    const rig = new Rig();
    rig.give(request);
    rig.activateByProof();
    rig.leg(0, { kind: 'unreachable' });
    rig.give(notifiedByProof(2, 'abort'));
    expect(rig.answers()).toEqual([aborted('AbortedByCoordinator')]);
    expect(rig.timers.size).toBe(0);
    expect(rig.leg(1, { kind: 'done' })).toEqual([]);
  });

  it('is owned to be unknown when nobody tells it', () => {
    const rig = new Rig();
    rig.commit();
    rig.timeOut('deadline');
    expect(rig.answers()).toEqual([{ kind: 'refusal', code: 'outcome-unknown' }]);
    expect(rig.timers.size).toBe(0);
  });
});

describe('client requests', () => {
  const again = (
    requestId: number,
    change: Partial<ClientRequest<PostingCall>> = {},
  ): ClientRequest<PostingCall> => ({
    ...request,
    requestId: requestId as RequestId,
    ...change,
  });

  it('with the last timestamp wait for the same answer, or get the logged one', () => {
    const rig = new Rig();
    rig.commit();
    expect(rig.give(again(2))).toEqual([]);
    const ended = rig.give(notifiedByProof(0, 'commit'));
    expect(of(ended, 'answer').map(({ requestId }) => requestId)).toEqual([1, 2]);
    expect(rig.give(again(3))).toEqual([{ kind: 'answer', requestId: 3, reply: committed }]);
  });

  it('with a lower timestamp are refused', () => {
    const rig = new Rig();
    rig.give(request);
    expect(rig.give(again(2, { timestamp: 999, digest: digestNumber(2) }))).toEqual([
      { kind: 'answer', requestId: 2, reply: { kind: 'refusal', code: 'stale' } },
    ]);
  });

  it('that reuse a timestamp for something else are refused', () => {
    const rig = new Rig();
    rig.give(request);
    expect(rig.give(again(2, { digest: digestNumber(2) }))).toEqual([
      { kind: 'answer', requestId: 2, reply: { kind: 'refusal', code: 'conflict' } },
    ]);
  });

  it('of different lanes do not stand in each other’s way', () => {
    const rig = new Rig();
    rig.give(request);
    const other = again(2, { client: clientId('alice/1'), timestamp: 1, digest: digestNumber(2) });
    expect(of(rig.give(other), 'send-activation')).toHaveLength(1);
  });

  it('are refused as busy when too many are open, and accepted later with the same timestamp', () => {
    const rig = new Rig({
      limits: { ...smallLimits, transactions: 1 },
    });
    rig.commit();
    const other = again(2, { client: clientId('bob'), digest: digestNumber(2) });
    expect(rig.give(other)).toEqual([
      { kind: 'answer', requestId: 2, reply: { kind: 'refusal', code: 'busy' } },
    ]);
    rig.give(notifiedByProof(0, 'commit'));
    expect(of(rig.give(other), 'send-activation')).toHaveLength(1);
  });

  it('are refused as busy when too many of one client are open, whatever its lanes', () => {
    const rig = new Rig({
      limits: { ...smallLimits, transactionsOfOneClient: 2 },
    });
    const ofLane = (lane: number, client: string) =>
      rig.give(again(lane, { client: clientId(client), digest: digestNumber(lane) }));
    ofLane(1, 'bob/1');
    ofLane(2, 'bob/2');
    expect(of(ofLane(3, 'bob/3'), 'answer')).toMatchObject([{ reply: { code: 'busy' } }]);
    expect(of(ofLane(4, 'carol/1'), 'send-activation')).toHaveLength(1);
  });

  describe('of one client', () => {
    const legs = postings.legs.length;
    /** Room for four transactions of the rig's operation. */
    const opened = () => new Rig({ limits: { ...smallLimits, sharedLegs: 4 * legs } });
    const ask = (rig: Rig, id: number, client: string) =>
      rig.give(again(id, { client: clientId(client), digest: digestNumber(id) }));
    const takes = (rig: Rig, id: number, client: string) =>
      of(ask(rig, id, client), 'send-activation').length === 1;

    it('have all the room while it is alone', () => {
      const rig = opened();
      for (let id = 1; id <= 9; id += 1) expect(takes(rig, id, `bob/${id}`)).toBe(true);
    });

    it('have an even part of it once others have any, and the others their own', () => {
      const rig = opened();
      for (let id = 1; id <= 3; id += 1) expect(takes(rig, id, `bob/${id}`)).toBe(true);
      expect(takes(rig, 4, 'carol/1')).toBe(true);
      expect(takes(rig, 5, 'bob/5')).toBe(false);
      expect(takes(rig, 6, 'carol/2')).toBe(true);
      expect(takes(rig, 7, 'carol/3')).toBe(false);
      expect(takes(rig, 8, 'dave/1')).toBe(true);
    });

    it.each(['front', sessionsPrincipal])('are not held up where it asks for many: %s', (name) => {
      const rig = opened();
      expect(takes(rig, 1, 'carol/1')).toBe(true);
      for (let id = 2; id <= 9; id += 1) expect(takes(rig, id, `${name}/${id}`)).toBe(true);
    });
  });

  it('that wait longest for the same one are sent away when there are too many', () => {
    const rig = new Rig({
      limits: { ...smallLimits, transactions: 1, waiters: 2 },
    });
    rig.give(request);
    rig.give(again(2));
    expect(of(rig.give(again(3)), 'answer')).toMatchObject([
      { requestId: request.requestId, reply: { code: 'outcome-unknown' } },
    ]);
  });

  it('of one client with many lanes push out its own, and no other client’s', () => {
    const rig = new Rig({
      limits: { ...smallLimits, clients: 3 },
    });
    rig.commit();
    rig.give(notifiedByProof(0, 'commit'));
    for (const lane of [1, 2, 3, 4, 5]) {
      const client = clientId(`mallory/${lane}`);
      rig.give(again(lane + 1, { client, digest: digestNumber(lane + 1) }));
    }
    const outputs = rig.give(again(9));
    expect(of(outputs, 'send-activation')).toEqual([]);
    expect(of(outputs, 'answer')).toMatchObject([{ reply: { kind: 'outcome' } }]);
  });

  it('of the longest unheard client are forgotten when there are too many clients', () => {
    const rig = new Rig({
      limits: { ...smallLimits, clients: 2 },
    });
    rig.commit();
    rig.give(notifiedByProof(0, 'commit'));
    rig.give(again(2, { client: clientId('bob'), digest: digestNumber(2) }));
    rig.give(again(3, { client: clientId('carol'), digest: digestNumber(3) }));
    expect(of(rig.give(again(4)), 'send-activation')).toHaveLength(1);
  });
});
