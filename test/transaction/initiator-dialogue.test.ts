import { describe, expect, it } from 'vitest';
import type { Decision } from '../../src/agreement/statements.js';
import type { PostingCall } from '../../src/banking/soap.js';
import type { TransactionId } from '../../src/kernel/ids.js';
import { clientId } from '../../src/kernel/ids.js';
import type { RequestId, Warrant } from '../../src/transaction/initiator/messages.js';
import {
  digestNumber,
  notifiedByProof,
  of,
  postings,
  Rig,
  request,
  smallLimits,
  tid,
  tidNumber,
  timing,
} from './initiator-rig.js';

const [debit, credit] = postings.legs as [PostingCall, PostingCall];
const done = { kind: 'done', result: 'made' } as const;
const begin = { ...request, operation: { kind: 'dialogue', callsMax: 2 } } as const;
const warrant: Warrant = { kind: 'request', bytes: new Uint8Array([7]), of: 'alice' };

/** A rig whose dialogue has begun. */
function begun(): Rig {
  const rig = new Rig({ limits: { ...smallLimits, waiters: 2 } });
  rig.give(begin);
  rig.activateByProof();
  return rig;
}

function says(
  instruction: Parameters<typeof callsFor>[0] | { decision: Decision },
  over: { requestId?: number; tid?: TransactionId; client?: string } = {},
) {
  return {
    kind: 'instructed',
    requestId: (over.requestId ?? 9) as RequestId,
    client: clientId(over.client ?? 'alice/0'),
    request: request.digest,
    tid: over.tid ?? tid,
    instruction:
      'decision' in instruction
        ? { kind: 'complete' as const, decision: instruction.decision }
        : callsFor(instruction),
  } as const;
}

function callsFor({ number, call }: { number: number; call: PostingCall }) {
  return { kind: 'call', number, call, text: JSON.stringify(call), warrant } as const;
}

const replies = (rig: Rig) => rig.answers();

describe('a dialogue', () => {
  it('has begun once it is activated, for each that waits and for each that asks again', () => {
    const rig = begun();
    expect(replies(rig)).toEqual([{ kind: 'begun', transactionId: tid }]);
    rig.give({ ...begin, requestId: 2 as RequestId });
    expect(replies(rig)).toHaveLength(2);
    expect(rig.timers.get(`${request.digest}/deadline`)).toBe(timing.defaultExpiresMs);
  });

  it('makes the calls as they come, each with the message that asks for it', () => {
    const rig = begun();
    const [sent] = of(rig.give(says({ number: 0, call: debit })), 'invoke-leg');
    expect(sent).toMatchObject({ leg: 0, call: debit, warrant });
    rig.leg(0, done);
    expect(replies(rig).at(-1)).toEqual({ kind: 'called', answer: done });
    expect(of(rig.give(says({ number: 1, call: credit })), 'invoke-leg')).toHaveLength(1);
  });

  it('makes a call once, and answers it again alike', () => {
    const rig = begun();
    rig.give(says({ number: 0, call: debit }));
    expect(of(rig.give(says({ number: 0, call: debit })), 'invoke-leg')).toEqual([]);
    rig.leg(0, done);
    rig.give(says({ number: 0, call: debit }));
    const answered = replies(rig).filter(({ kind }) => kind === 'called');
    expect(answered).toEqual(Array(3).fill({ kind: 'called', answer: done }));
  });

  it('refuses another call of the same number, one too early, and one too many', () => {
    const rig = begun();
    const outOfPlace = { kind: 'refusal', code: 'out-of-place' };
    rig.give(says({ number: 1, call: debit }));
    expect(replies(rig).at(-1)).toEqual(outOfPlace);
    rig.give(says({ number: 0, call: debit }));
    rig.give(says({ number: 0, call: credit }));
    expect(replies(rig).at(-1)).toEqual(outOfPlace);
    rig.leg(0, done);
    rig.give(says({ number: 1, call: credit }));
    rig.leg(1, done);
    rig.give(says({ number: 2, call: debit }));
    expect(replies(rig).at(-1)).toEqual(outOfPlace);
  });

  it('is its client’s alone, and of its transaction', () => {
    const unknown = { kind: 'refusal', code: 'unknown-dialogue' };
    for (const over of [{ client: 'mallory/0' }, { tid: tidNumber(2) }]) {
      const rig = begun();
      expect(of(rig.give(says({ number: 0, call: debit }, over)), 'invoke-leg')).toEqual([]);
      expect(replies(rig).at(-1)).toEqual(unknown);
      expect(of(rig.give(says({ decision: 'commit' }, over)), 'send-completion')).toEqual([]);
      expect(replies(rig).at(-1)).toEqual(unknown);
    }
    const early = new Rig();
    early.give(begin);
    early.give(says({ number: 0, call: debit }));
    expect(replies(early)).toEqual([unknown]);
    const none = new Rig();
    none.give(says({ decision: 'commit' }));
    expect(replies(none)).toEqual([unknown]);
  });

  it('commits once all calls are answered, and answers with the outcome, also later', () => {
    const rig = begun();
    rig.give(says({ number: 0, call: debit }));
    expect(of(rig.give(says({ decision: 'commit' })), 'send-completion')).toEqual([]);
    const [sent] = of(rig.leg(0, done), 'send-completion');
    expect(sent?.statement.statement.decision).toBe('commit');
    expect(of(rig.give(says({ decision: 'rollback' })), 'send-completion')).toEqual([]);
    rig.give(notifiedByProof(0, 'commit'));
    const committed = { kind: 'outcome', transactionId: tid, outcome: 'committed' };
    expect(replies(rig).slice(-2)).toEqual([committed, committed]);
    rig.give(says({ decision: 'commit' }));
    expect(replies(rig).at(-1)).toEqual(committed);
  });

  it('rolls back at once, with the reason of a refusal if there is one', () => {
    const rig = begun();
    rig.give(says({ number: 0, call: debit }));
    rig.leg(0, { kind: 'refused', reason: 'Full' });
    expect(of(rig.give(says({ number: 1, call: credit })), 'invoke-leg'), 'no more').toEqual([]);
    const [sent] = of(rig.give(says({ decision: 'rollback' })), 'send-completion');
    expect(sent?.statement.statement.decision).toBe('rollback');
    rig.give(notifiedByProof(0, 'abort'));
    expect(replies(rig)).toContainEqual({
      kind: 'outcome',
      transactionId: tid,
      outcome: 'aborted',
      reason: 'Full',
    });
  });

  it('answers a call that waits when the transaction ends', () => {
    const rig = begun();
    rig.give(says({ number: 0, call: debit }));
    rig.give(notifiedByProof(0, 'abort'));
    const reply = { kind: 'called', answer: { kind: 'refused', reason: 'Aborted' } };
    expect(replies(rig)).toContainEqual(reply);
  });

  it('makes a call only once the one before it is answered', () => {
    const rig = begun();
    rig.give(says({ number: 0, call: debit }));
    expect(of(rig.give(says({ number: 1, call: credit })), 'invoke-leg')).toEqual([]);
    expect(replies(rig).at(-1)).toEqual({ kind: 'refusal', code: 'out-of-place' });
    rig.leg(0, done);
    expect(of(rig.give(says({ number: 1, call: credit })), 'invoke-leg')).toHaveLength(1);
  });

  it('is rolled back where its client does not go on in time', () => {
    const rig = begun();
    const [sent] = of(rig.timeOut('deadline'), 'send-completion');
    expect(sent?.statement.statement.decision).toBe('rollback');
    rig.give(notifiedByProof(0, 'abort'));
    rig.give(says({ decision: 'commit' }));
    expect(replies(rig).at(-1)).toMatchObject({ outcome: 'aborted', reason: 'ClientTimeout' });
  });

  it('counts as one call among the clients that share an initiator', () => {
    const limits = { ...smallLimits, sharedLegs: 8, transactions: 40, transactionsOfOneClient: 40 };
    const rig = new Rig({ limits });
    const ask = (id: number, client: string) =>
      rig.give({
        ...begin,
        requestId: id as RequestId,
        client: clientId(client),
        digest: digestNumber(id),
      });
    ask(100, 'bob/0');
    const open = [1, 2, 3, 4, 5].map((id) => of(ask(id, `alice/${id}`), 'send-activation').length);
    expect(open, 'half of the shared calls').toEqual([1, 1, 1, 1, 0]);
  });

  it('keeps a bounded number waiting', () => {
    const rig = begun();
    for (const requestId of [11, 12, 13]) {
      rig.give(says({ number: 0, call: debit }, { requestId }));
    }
    expect(replies(rig).at(-1)).toEqual({ kind: 'refusal', code: 'outcome-unknown' });
  });
});

describe('an initiator that has signed a decision, and gave up waiting for the outcome', () => {
  const decisions = (rig: Rig) =>
    of(rig.outputs, 'send-completion').map(({ statement }) => statement.statement.decision);

  /** The request ends here without an outcome, and its client begins it again. */
  const again = (rig: Rig, asked: typeof begin | typeof request) => {
    rig.timeOut('deadline');
    expect(rig.answers().at(-1)).toEqual({ kind: 'refusal', code: 'outcome-unknown' });
    rig.give(asked);
    rig.activateByProof();
  };
  const waiting = (rig: Rig) => rig.give({ ...begin, requestId: 3 as RequestId });

  it('signs no commit of a dialogue after a rollback', () => {
    const rig = begun();
    rig.timeOut('deadline');
    rig.give(says({ decision: 'commit' }));
    for (let times = 0; times < 2; times += 1) {
      again(rig, begin);
      rig.give(says({ number: 0, call: debit }));
      rig.leg(0, done);
      rig.give(says({ decision: 'commit' }));
    }
    expect(new Set(decisions(rig))).toEqual(new Set(['rollback']));
    expect(decisions(rig)).toHaveLength(3);
    waiting(rig);
    rig.give(notifiedByProof(0, 'abort'));
    expect(replies(rig).at(-1)).toMatchObject({ kind: 'outcome', outcome: 'aborted' });
  });

  it('signs no rollback of a dialogue after a commit, asked for or late', () => {
    const rig = begun();
    rig.give(says({ decision: 'commit' }));
    rig.give({ ...begin, requestId: 2 as RequestId });
    rig.give(says({ decision: 'commit' }));
    again(rig, begin);
    rig.timeOut('deadline');
    rig.give(says({ decision: 'rollback' }));
    again(rig, begin);
    rig.give(says({ decision: 'rollback' }));
    expect(decisions(rig)).toEqual(['commit', 'commit', 'commit']);
  });

  it('signs no rollback of a plan after a commit', () => {
    const rig = new Rig();
    rig.commit();
    again(rig, request);
    rig.leg(0, { kind: 'refused', reason: 'Full' });
    expect(decisions(rig)).toEqual(['commit', 'commit']);
  });

  it('signs no commit of a plan after a rollback', () => {
    const rig = new Rig();
    rig.give(request);
    rig.activateByProof();
    rig.timeOut('deadline');
    again(rig, request);
    rig.leg(0, { kind: 'done' });
    rig.leg(1, { kind: 'done' });
    expect(decisions(rig)).toEqual(['rollback', 'rollback']);
  });
});
