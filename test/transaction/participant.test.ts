import { describe, expect, it } from 'vitest';
import { attempt, digest, enlistmentId, replicaId, view } from '../../src/kernel/ids.js';
import {
  acknowledgements,
  applicationRecord,
  applicationWrite,
  certificateOf,
  completionOf,
  invitationBy,
  only,
  otherTid,
  preparedKey,
  Rig,
  ref,
  results,
  voteOf,
  votes,
} from './participant-rig.js';

const all = [0, 1, 2, 3];
const otherDigest = digest('b'.repeat(64));
const otherEnlistment = enlistmentId('D-2');
const otherRef = { ...ref, enlistment: otherEnlistment };

describe('an application request', () => {
  it('is believed when f + 1 initiators ask for the same, not before', () => {
    const rig = new Rig();
    expect(only(rig.invite(0), 'register')).toEqual([]);
    expect(only(rig.invite(0), 'register'), 'one initiator twice').toEqual([]);
    const [register] = only(rig.invite(1), 'register');
    expect(register?.to, 'a quorum').toEqual([0, 1, 2]);
    expect(register?.statement.statement).toEqual({
      kind: 'registration',
      ...ref,
      participant: 'bank-a',
      protocol: 'durable',
      address: 'http://bank-a.test/participant',
      invitations: [invitationBy(0), invitationBy(1)],
    });
  });

  it('is executed once a quorum has acknowledged the registration, and answered to all', () => {
    const rig = new Rig();
    rig.invite(0);
    rig.invite(1);
    rig.invite(2);
    expect(only(rig.acknowledge(0, 1, 1), 'execute')).toEqual([]);
    const outputs = rig.acknowledge(2);
    expect(only(outputs, 'execute')).toEqual([
      { kind: 'execute', ref, operation: 'debit alice 5' },
    ]);
    expect(results(outputs)).toEqual([
      [1, 'done'],
      [2, 'done'],
      [3, 'done'],
    ]);
  });

  it('is executed once: repeated and late ones get the same answer', () => {
    const rig = new Rig().activate();
    expect(results(rig.invite(2))).toEqual([[3, 'done']]);
    expect(results(rig.invite(0))).toEqual([[4, 'done']]);
    rig.hear('rollback', [0, 1]);
    expect(results(rig.invite(1)), 'after the end').toEqual([[5, 'done']]);
    expect(only(rig.outputs, 'execute')).toHaveLength(1);
  });

  it('of a conflicting initiator is refused when the transaction moves on', () => {
    const rig = new Rig();
    rig.invite(2, { digest: otherDigest, operation: 'debit alice 500' });
    rig.activate();
    const outputs = rig.hear('prepare', [0, 1]);
    expect(results(outputs)).toEqual([[1, 'Unmatched']]);
    expect(only(rig.outputs, 'execute')).toHaveLength(1);
    expect(rig.timers.has(`invitation/${ref.tid}/${otherDigest}`)).toBe(false);
  });

  it('that nobody else makes is refused when its time has run out', () => {
    const rig = new Rig();
    rig.invite(2);
    expect(results(rig.runOut(`invitation/${ref.tid}/${'a'.repeat(64)}`))).toEqual([
      [1, 'Unmatched'],
    ]);
    rig.invite(0);
    expect(only(rig.outputs, 'register'), 'the first is forgotten').toEqual([]);
  });

  it('may be one of several in a transaction', () => {
    const rig = new Rig().activate();
    rig.invite(0, { digest: otherDigest, enlistment: otherEnlistment });
    const outputs = rig.invite(1, { digest: otherDigest, enlistment: otherEnlistment });
    expect(only(outputs, 'register')).toHaveLength(1);
  });

  it('is refused as an early vote to abort where the application refuses', () => {
    const rig = new Rig({ execute: { kind: 'refused', reason: 'InsufficientFunds' } });
    rig.invite(0);
    rig.invite(1);
    const outputs = rig.acknowledge(1, 2, 3);
    expect(results(outputs).map(([, result]) => result)).toEqual([
      'InsufficientFunds',
      'InsufficientFunds',
    ]);
    expect(votes(outputs)).toEqual([['aborted', all]]);
    expect(votes(rig.hear('prepare', [3])), 'to whoever asks later').toEqual([['aborted', [3]]]);
  });
});

/** Where the registration of a further operation goes. */
function nextRegistration(rig: Rig, name: string) {
  const other = { digest: digest(name.repeat(64)), enlistment: enlistmentId(`D-${name}`) };
  rig.invite(0, other);
  return only(rig.invite(1, other), 'register')[0]?.to;
}

describe('registration', () => {
  it('is sent again, ever more slowly, to the replicas that keep silent', () => {
    const rig = new Rig();
    rig.invite(0);
    rig.invite(1);
    rig.acknowledge(0, 3);
    const timer = `register/${ref.tid}/D-1`;
    expect(rig.timers.get(timer)).toBe(100);
    expect(only(rig.runOut(timer), 'register').map(({ to }) => to)).toEqual([[1, 2]]);
    expect(rig.timers.get(timer)).toBe(150);
    rig.acknowledge(1);
    expect(rig.timers.has(timer)).toBe(false);
  });

  it('goes to all at once where one of the first cannot be reached', () => {
    const rig = new Rig();
    rig.invite(0);
    rig.invite(1);
    const failed = { kind: 'registration-failed', replica: replicaId(1), ref } as const;
    expect(only(rig.give(failed), 'register').map(({ to }) => to)).toEqual([all]);
    expect(rig.give(failed), 'once').toEqual([]);
    expect(nextRegistration(rig, 'b')).toEqual([0, 2, 3]);
  });

  it('goes last to those that kept it waiting, until they are heard again', () => {
    const rig = new Rig();
    rig.invite(0);
    rig.invite(1);
    rig.acknowledge(0, 2);
    rig.runOut(`register/${ref.tid}/D-1`);
    rig.acknowledge(3);
    expect(nextRegistration(rig, 'b')).toEqual([0, 2, 3]);
    rig.hear('prepare', [1]);
    expect(nextRegistration(rig, 'c')).toEqual([0, 1, 2]);
  });

  it('goes first to the primary of the last certificate', () => {
    const rig = new Rig();
    const inView7 = { ballot: { view: view(7), attempt: attempt(0) } };
    rig.hear('commit', [3], certificateOf('commit', otherTid, inView7));
    expect(nextRegistration(rig, 'b')).toEqual([3, 0, 1]);
  });

  it('is given up when a quorum is impossible in a repeated round', () => {
    const rig = new Rig();
    rig.invite(0);
    rig.invite(1);
    const refuse = (replica: number) =>
      rig.give({ kind: 'registration-refused', replica: replicaId(replica), ref });
    const ignorant = all.flatMap(refuse);
    expect(results(ignorant), 'they may not know the transaction yet').toEqual([]);
    const again = rig.runOut(`register/${ref.tid}/D-1`);
    expect(only(again, 'register')).toMatchObject([{ to: all }]);
    expect(results(refuse(0))).toEqual([]);
    const outputs = refuse(1);
    expect(results(outputs).map(([, result]) => result)).toEqual([
      'CannotRegister',
      'CannotRegister',
    ]);
    expect(votes(outputs), 'for those that did register').toEqual([['aborted', all]]);
    expect(rig.acknowledge(1, 2, 3)).toEqual([]);
  });

  it('is given up when the transaction has expired', () => {
    const rig = new Rig();
    rig.invite(0);
    rig.invite(1, { expiresMs: 20_000 });
    expect(rig.timers.get(`expires/${ref.tid}/D-1`), 'the longest that was named').toBe(20_000);
    const outputs = rig.runOut(`expires/${ref.tid}/D-1`);
    expect(results(outputs)).toHaveLength(2);
    expect(rig.timers.size).toBe(0);
  });
});

describe('two-phase commit', () => {
  it('acts on f + 1 matching notifications and not on one alone', () => {
    const rig = new Rig().activate();
    expect(rig.hear('prepare', [3, 3, 3])).toEqual([]);
    expect(votes(rig.hear('prepare', [0]))).toEqual([['prepared', [3, 0]]]);
    expect(rig.hear('commit', [2, 2])).toEqual([]);
    expect(acknowledgements(rig.hear('commit', [1]))).toEqual([['commit', [2, 1]]]);
  });

  it('does not let one Byzantine coordinator commit what the others roll back', () => {
    const rig = new Rig().prepare();
    expect(rig.hear('commit', [3])).toEqual([]);
    const outputs = rig.hear('rollback', [0, 1]);
    expect(only(outputs, 'roll-back')).toHaveLength(1);
    expect(rig.hear('commit', [3]).map(({ kind }) => kind)).toEqual(['log']);
    expect(only(rig.outputs, 'commit')).toEqual([]);
  });

  it('acts on one message that proves the outcome', () => {
    const rig = new Rig().prepare();
    const outputs = rig.hear('commit', [2], certificateOf('commit'));
    expect(only(outputs, 'commit')).toHaveLength(1);
    const aborting = new Rig().prepare();
    expect(only(aborting.hear('rollback', [2], certificateOf('abort')), 'roll-back')).toHaveLength(
      1,
    );
  });

  it('acts on one Prepare that shows what f + 1 initiators asked for', () => {
    const asked = completionOf('commit');
    const rig = new Rig().activate();
    expect(votes(rig.hear('prepare', [2], undefined, asked))).toEqual([['prepared', [2]]]);
  });

  it.each([
    ['another transaction', completionOf('commit', otherTid)],
    ['a rollback', completionOf('rollback')],
  ])('does not act on one Prepare that shows that %s was asked for', (_, asked) => {
    expect(new Rig().activate().hear('prepare', [2], undefined, asked)).toEqual([]);
  });

  it.each([
    ['another outcome', certificateOf('abort')],
    ['another transaction', certificateOf('commit', otherTid)],
    ['another phase', certificateOf('commit', ref.tid, { phase: 'prepare' })],
  ])('does not act on one message that proves %s', (_, certificate) => {
    expect(new Rig().prepare().hear('commit', [2], certificate)).toEqual([]);
  });

  it('has the prepared record on disk before the vote leaves', () => {
    const rig = new Rig().activate();
    const outputs = rig.hear('prepare', [0, 1]).map(({ kind }) => kind);
    expect(outputs).toContain('persist');
    expect(outputs.indexOf('persist')).toBeLessThan(outputs.indexOf('send-vote'));
  });

  it('puts what the application writes with its vote next to the record, where there is one', () => {
    const voted = (vote: 'prepared' | 'readOnly', protocol: 'durable' | 'volatile') => {
      const rig = new Rig({ vote: undefined }).activate({ protocol });
      rig.hear('prepare', [0, 1]);
      rig.give({
        ...{ kind: 'voted', ref, writes: [applicationWrite] },
        vote: vote === 'prepared' ? { vote, record: applicationRecord } : { vote },
      });
      return only(rig.outputs, 'persist').map(({ key }) => key);
    };
    expect(voted('prepared', 'durable')).toEqual([applicationWrite.key, preparedKey]);
    expect(voted('readOnly', 'durable')).toEqual([]);
    expect(voted('prepared', 'volatile')).toEqual([]);
  });

  it('puts the application’s writes and the end of the record next to each other', () => {
    const rig = new Rig().prepare();
    const before = rig.outputs.length;
    rig.hear('commit', [0, 1]);
    const outputs = rig.outputs.slice(before).filter(({ kind }) => kind !== 'commit');
    expect(outputs.filter(({ kind }) => !kind.endsWith('-timer')).slice(0, 3)).toEqual([
      { kind: 'persist', ...applicationWrite },
      { kind: 'persist', key: preparedKey, value: null },
      expect.objectContaining({ kind: 'send-acknowledgement', to: [0, 1] }),
    ]);
    expect(rig.timers.size).toBe(0);
  });

  it('answers repeated messages: Prepared to Prepare, Committed to Commit', () => {
    const rig = new Rig().prepare();
    expect(votes(rig.hear('prepare', [3]))).toEqual([['prepared', [3]]]);
    rig.hear('commit', [0, 1]);
    expect(acknowledgements(rig.hear('commit', [3]))).toEqual([['commit', [3]]]);
    expect(votes(rig.hear('prepare', [3])), 'never against its own vote').toEqual([
      ['prepared', [3]],
    ]);
  });

  it('votes read-only and is out, unasked too', () => {
    const asked = new Rig({ vote: { vote: 'readOnly' } }).activate();
    expect(votes(asked.hear('prepare', [0, 1]))).toEqual([['readOnly', all]]);
    expect(votes(asked.hear('prepare', [3]))).toEqual([['readOnly', [3]]]);
    const unasked = new Rig().activate();
    expect(votes(unasked.give({ kind: 'voted', ref, vote: { vote: 'readOnly' } }))).toEqual([
      ['readOnly', all],
    ]);
  });

  it('takes one answer of the application', () => {
    const rig = new Rig().activate();
    const again = { kind: 'refused', reason: 'InsufficientFunds' } as const;
    expect(rig.give({ kind: 'executed', ref, result: again })).toEqual([]);
    rig.hear('prepare', [0, 1]);
    expect(rig.give({ kind: 'voted', ref, vote: { vote: 'aborted' } })).toEqual([]);
    expect(rig.give({ kind: 'settled', ref, writes: [] })).toEqual([]);
  });

  it('waits for the application before it prepares', () => {
    const rig = new Rig({ execute: undefined }).activate();
    expect(only(rig.hear('prepare', [0, 1]), 'prepare')).toEqual([]);
    const outputs = rig.give({ kind: 'executed', ref, result: { kind: 'done' } });
    expect(votes(outputs)).toEqual([['prepared', [0, 1]]]);
  });

  it('says Aborted only after the application has rolled back', () => {
    const rig = new Rig({ settles: false }).prepare();
    expect(only(rig.hear('rollback', [0, 1]), 'send-acknowledgement')).toEqual([]);
    expect(rig.disk.has(preparedKey)).toBe(true);
    expect(rig.hear('rollback', [2])).toEqual([]);
    const outputs = rig.give({ kind: 'settled', ref, writes: [] });
    expect(acknowledgements(outputs)).toEqual([['abort', [0, 1, 2]]]);
    expect(rig.disk.has(preparedKey)).toBe(false);
  });

  it('rolls back and faults on a commit that it never prepared for', () => {
    const rig = new Rig().activate();
    const outputs = rig.hear('commit', [0, 1]);
    expect(only(outputs, 'send-fault')).toMatchObject([{ to: [0, 1], fault: 'InvalidState' }]);
    expect(only(outputs, 'roll-back')).toHaveLength(1);
    expect(only(outputs, 'commit')).toEqual([]);
  });

  it('rolls back when the transaction expires, unless it has prepared', () => {
    const rig = new Rig().activate();
    expect(votes(rig.runOut(`expires/${ref.tid}/D-1`))).toEqual([['aborted', all]]);
    const prepared = new Rig().prepare();
    expect(prepared.runOut(`expires/${ref.tid}/D-1`)).toEqual([]);
    expect(prepared.disk.has(preparedKey)).toBe(true);
  });

  it.each(['prepare', 'commit', 'rollback'] as const)(
    'signs nothing on a bare %s for an enlistment that it does not remember',
    (message) => {
      const outputs = new Rig().hear(message, all);
      expect([...votes(outputs), ...acknowledgements(outputs)]).toEqual([]);
    },
  );

  it.each([
    ['commit', 'commit'],
    ['rollback', 'abort'],
  ] as const)(
    'acknowledges a proved %s that it does not remember, to who proves it',
    (message, outcome) => {
      const shown = (...certificate: Parameters<typeof certificateOf>) =>
        acknowledgements(
          new Rig().hear(
            message,
            [2],
            certificateOf(...certificate),
            undefined,
            voteOf('prepared'),
          ),
        );
      expect(shown(outcome)).toEqual([[outcome, [2]]]);
      expect(shown(outcome === 'commit' ? 'abort' : 'commit')).toEqual([]);
      expect(shown(outcome, otherTid)).toEqual([]);
    },
  );

  it('acknowledges no commit, proved or not, while it is still registering', () => {
    const rig = new Rig();
    rig.invite(0);
    rig.invite(1);
    const certificate = certificateOf('commit');
    const outputs = rig.hear('commit', all, certificate, undefined, voteOf('prepared', otherRef));
    expect(acknowledgements(outputs)).toEqual([]);
    expect(acknowledgements(rig.hear('commit', all, certificate))).toEqual([]);
  });

  it('keeps no record for a volatile enlistment, and stops asking some day', () => {
    const rig = new Rig().activate({ protocol: 'volatile' });
    rig.hear('prepare', [0, 1]);
    expect(rig.disk.size).toBe(0);
    for (let asked = 0; rig.timers.has(`doubt/${ref.tid}/D-1`); asked++) {
      expect(asked).toBeLessThan(100);
      rig.runOut(`doubt/${ref.tid}/D-1`);
    }
    expect(only(rig.outputs, 'roll-back')).toHaveLength(1);
    expect(rig.timers.size).toBe(0);
  });

  it.each([
    ['commit', 'commit'],
    ['rollback', 'abort'],
  ] as const)(
    'volatile, and no longer asking: acknowledges a %s once it is proved',
    (message, outcome) => {
      const rig = new Rig().activate({ protocol: 'volatile' });
      rig.hear('prepare', [0, 1]);
      while (rig.timers.has(`doubt/${ref.tid}/D-1`)) rig.runOut(`doubt/${ref.tid}/D-1`);
      expect(only(rig.outputs, 'roll-back')).toHaveLength(1);
      expect(acknowledgements(rig.hear(message, all))).toEqual([]);
      expect(votes(rig.hear('prepare', all))).toEqual([]);
      const outputs = rig.hear(message, all, certificateOf(outcome), undefined, voteOf('prepared'));
      expect(acknowledgements(outputs)).toEqual(all.map((to) => [outcome, [to]]));
      rig.invite(2);
      rig.invite(3);
      expect(only(rig.outputs, 'execute'), 'the operation is not done again').toHaveLength(1);
    },
  );
});

describe('a restart', () => {
  it('in doubt: recovers the work and repeats Prepared, ever more slowly, until the outcome', () => {
    const rig = new Rig().prepare();
    const outputs = rig.restart();
    expect(only(outputs, 'recover')).toMatchObject([{ ref, record: Uint8Array.of(1, 2, 3) }]);
    const timer = `doubt/${ref.tid}/D-1`;
    expect(votes(rig.runOut(timer))).toEqual([['prepared', all]]);
    const delays = [1, 2, 3, 4, 5, 6, 7, 8].map(() => {
      const delayMs = rig.timers.get(timer) ?? 0;
      rig.runOut(timer);
      return Math.round(delayMs);
    });
    expect(delays).toEqual([100, 150, 225, 338, 506, 759, 1000, 1000]);
    expect(only(rig.hear('commit', [0, 1]), 'send-acknowledgement')).toHaveLength(1);
    expect(rig.disk).toEqual(new Map([[applicationWrite.key, applicationWrite.value]]));
    expect(rig.timers.size).toBe(0);
  });

  it('between the application’s commit and its writes: commits again', () => {
    const rig = new Rig({ settles: false }).prepare();
    rig.hear('commit', [0, 1]);
    rig.restart();
    expect(only(rig.hear('commit', [2, 3]), 'commit')).toHaveLength(1);
  });

  it('before the vote: it may have voted for all it knows, and says nothing', () => {
    const rig = new Rig().activate();
    rig.restart();
    expect(votes(rig.hear('prepare', all))).toEqual([]);
  });

  it('after the end: signs no other vote than it signed, and one acknowledgement', () => {
    for (const outcome of ['commit', 'abort'] as const) {
      const message = outcome === 'commit' ? 'commit' : 'rollback';
      const rig = new Rig().prepare();
      rig.hear(message, [2], certificateOf(outcome));
      rig.restart();
      expect(votes(rig.hear('prepare', all))).toEqual([]);
      const said = ['rollback', 'commit'] as const;
      const acknowledged = said.flatMap((one) => acknowledgements(rig.hear(one, all)));
      expect(acknowledged, 'without a proof').toEqual([]);
      const proved = said.flatMap((one) =>
        acknowledgements(rig.hear(one, [3], certificateOf(outcome), undefined, voteOf('prepared'))),
      );
      expect(proved).toEqual([[outcome, [3]]]);
    }
  });

  it('after a vote to abort: acknowledges no commit, though one is certified without it', () => {
    const rig = new Rig({ execute: { kind: 'refused', reason: 'InsufficientFunds' } }).activate();
    expect(votes(rig.outputs)).toEqual([['aborted', all]]);
    rig.restart();
    const elsewhere = voteOf('prepared', otherRef);
    const before = voteOf('prepared', { ...ref, tid: otherTid });
    const shown = [undefined, voteOf('aborted'), voteOf('readOnly'), elsewhere, before];
    for (const vote of shown) {
      const heard = rig.hear('commit', all, certificateOf('commit'), undefined, vote);
      expect(acknowledgements(heard)).toEqual([]);
    }
  });

  it('in doubt: the vote stands, whoever asks', () => {
    const rig = new Rig().prepare();
    rig.restart();
    expect(votes(rig.hear('prepare', [0, 1])).map(([vote]) => vote)).not.toContain('aborted');
  });

  it('answers an application request that it has prepared', () => {
    const rig = new Rig().prepare();
    rig.restart();
    expect(results(rig.invite(0))).toEqual([[3, 'done']]);
  });

  it('stops at a damaged record', () => {
    const rig = new Rig().prepare();
    rig.disk.set(preparedKey, Uint8Array.of(1));
    expect(() => rig.restart()).toThrow(RangeError);
  });
});

describe('bounds', () => {
  const number = (n: number) => ({
    digest: digest(n.toString(16).padStart(64, '0')),
    enlistment: enlistmentId(`D-${n}`),
  });

  it('on one initiator’s unmatched requests', () => {
    const rig = new Rig();
    for (let n = 1; n <= 3; n++) expect(results(rig.invite(2, number(n)))).toEqual([]);
    expect(results(rig.invite(2, number(4)))).toEqual([[4, 'Busy']]);
    rig.invite(0, number(1));
    expect(results(rig.invite(2, number(5))), 'a match makes room').toEqual([]);
    expect(results(rig.invite(0, number(6))), 'others have room of their own').toEqual([]);
  });

  it('on one initiator’s calls for the same: the last one is answered', () => {
    const rig = new Rig();
    rig.invite(2);
    expect(results(rig.invite(2))).toEqual([[1, 'Superseded']]);
    rig.invite(0);
    expect(results(rig.invite(0))).toEqual([[3, 'Superseded']]);
    expect(results(rig.acknowledge(0, 1, 2))).toEqual([
      [2, 'done'],
      [4, 'done'],
    ]);
  });

  it('on open enlistments', () => {
    const rig = new Rig();
    for (let n = 1; n <= 3; n++) {
      rig.invite(0, number(n));
      rig.invite(1, number(n));
    }
    rig.invite(0, number(4));
    expect(results(rig.invite(1, number(4))).map(([, result]) => result)).toEqual(['Busy', 'Busy']);
  });

  it('on ended enlistments that are remembered', () => {
    const rig = new Rig({}, { finished: 1 });
    for (let n = 1; n <= 2; n++) {
      rig.activate(number(n));
      rig.runOut(`expires/${ref.tid}/D-${n}`);
    }
    expect(results(rig.invite(0, number(2)))).toHaveLength(1);
    expect(results(rig.invite(0, number(1)))).toEqual([]);
  });
});
