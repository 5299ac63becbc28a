import { beforeEach, describe, expect, it } from 'vitest';
import { Gateway } from '../../src/gateway/core/gateway.js';
import { LeftParticipants } from '../../src/gateway/core/left-participants.js';
import type { ActivityKey, CompletionKey, EnlistmentKey } from '../../src/gateway/core/messages.js';
import { PlainParticipant } from '../../src/gateway/core/plain-participant.js';
import { clientId, digest, enlistmentId, transactionId } from '../../src/kernel/ids.js';
import type { CallId } from '../../src/transaction/participant/messages.js';
import { activity, completion, GatewayRig, options, tid } from './support/gateway-rig.js';

let rig: GatewayRig;
beforeEach(() => {
  rig = new GatewayRig();
});

const received = (key: EnlistmentKey) => rig.plain.get(key)?.received;

describe('an activity', () => {
  it('commits', () => {
    rig.begin();
    const [a, b] = [rig.register('durable', {}), rig.register('durable', {})];
    rig.complete('commit');
    rig.settle();
    expect([rig.outcome, rig.told]).toEqual(['committed', ['committed']]);
    expect([received(a), received(b)]).toEqual([
      ['Prepare', 'Commit'],
      ['Prepare', 'Commit'],
    ]);
  });

  it('asks for the commit only once volatile participants have voted', () => {
    rig.begin();
    const v = rig.register('volatile', { Prepare: 'nothing' });
    const d = rig.register('durable', {});
    rig.complete('commit');
    rig.run();
    expect([received(v), received(d)]).toEqual([['Prepare'], []]);
    const late = rig.register('durable', {});
    rig.notify(v, 'readOnly');
    rig.settle();
    expect([received(v), received(d), received(late)]).toEqual([
      ['Prepare'],
      ['Prepare', 'Commit'],
      ['Prepare', 'Commit'],
    ]);
  });

  it('asks for the commit only once all calls are answered', () => {
    rig.begin();
    const call = rig.invoke();
    rig.complete('commit');
    rig.settle();
    expect([rig.outcome, rig.made]).toEqual(['committed', ['reserve']]);
    expect(rig.answers.get(call)).toEqual({ kind: 'done', result: 'null' });
  });

  it('is rolled back where a call fails after its client asked for the commit', () => {
    rig.begin();
    rig.callAnswer = undefined;
    rig.invoke();
    rig.complete('commit');
    rig.settle();
    expect([rig.outcome, rig.told]).toEqual(['aborted', ['aborted']]);
  });

  it('answers a volatile vote after its Rollback by a fault, and sends nothing more', () => {
    rig.begin();
    const v = rig.register('volatile', { Rollback: 'nothing' });
    rig.register('durable', { Prepare: 'aborted' });
    rig.complete('commit');
    rig.run();
    const call = rig.notify(v, 'prepared');
    rig.settle();
    expect(rig.answers.get(call)).toEqual({ kind: 'fault', fault: 'UnknownTransaction' });
    expect([received(v), rig.told]).toEqual([['Prepare', 'Rollback'], ['aborted']]);
  });

  it('takes no participant once the initiators are asked', () => {
    rig.begin();
    rig.register('durable', { Prepare: 'nothing' });
    rig.complete('commit');
    rig.run();
    const known = rig.answers.size;
    rig.register('durable', {});
    expect([...rig.answers.values()].slice(known)).toContainEqual({
      kind: 'refused',
      reason: 'too-late',
    });
  });

  it('is rolled back by a participant that gives up before it is asked', () => {
    rig.begin();
    const [a, b] = [rig.register('durable', {}), rig.register('durable', {})];
    rig.notify(a, 'aborted');
    rig.settle();
    expect([rig.outcome, received(b)]).toEqual(['aborted', ['Rollback']]);
    expect(rig.told, 'nobody has asked yet').toEqual([]);
    rig.complete('commit');
    rig.settle();
    expect(rig.told).toEqual(['aborted']);
  });

  it('is rolled back when its time is over, and keeps nothing for ever', () => {
    rig.begin();
    const a = rig.register('durable', { Rollback: 'nothing' });
    rig.settle(2_000_000);
    expect(rig.outcome).toBe('aborted');
    expect(received(a)?.length).toBe(1 + options.limits.repetitions - 1);
    expect([...rig.store.keys()]).toEqual([]);
  });

  it('is told to its client though a participant does not answer', () => {
    rig.begin();
    const a = rig.register('durable', { Commit: 'nothing' });
    rig.complete('commit');
    rig.settle();
    expect(rig.told).toEqual(['committed']);
    expect(received(a)?.length, 'a vote binds both sides').toBeGreaterThan(8);
  });
});

describe('an activity whose commit the initiators have forgotten', () => {
  const lost = { kind: 'lost', activity } as const;

  it('is forgotten without an outcome where nothing tells it, and its place is free', () => {
    const gateway = new Gateway({ ...options, limits: { ...options.limits, activities: 1 } });
    const request = { client: clientId('gw-client/1'), timestamp: 1 };
    const create = (key: string) => {
      const created = { activity: key as ActivityKey, completion, request, expiresMs: 30_000 };
      return gateway.handle({ kind: 'create', call: 1 as CallId, ...created });
    };
    const complete = () =>
      gateway.handle({
        kind: 'complete',
        ...{ call: 2 as CallId, key: completion, event: 'commit', messageId: 'urn:1' },
      });
    create(activity);
    gateway.handle({ kind: 'begun', activity, tid });
    expect(complete()).toContainEqual(expect.objectContaining({ kind: 'finish' }));
    const outputs = gateway.handle(lost);
    expect(outputs).toContainEqual(expect.objectContaining({ event: 'outcome-lost' }));
    expect(outputs).toContainEqual({ kind: 'persist', key: `activity/${activity}`, value: null });
    expect(complete()).toMatchObject([{ answer: { fault: 'UnknownTransaction' } }]);
    expect(create('R-2')).toContainEqual(expect.objectContaining({ kind: 'begin' }));
  });

  it('is aborted where a durable participant has not voted', () => {
    rig.begin();
    const a = rig.register('durable', { Prepare: 'nothing' });
    rig.complete('commit');
    rig.run();
    const outputs = rig.core.handle(lost);
    expect(outputs.filter(({ kind }) => kind === 'send')).toMatchObject([
      { key: a, message: 'Rollback' },
    ]);
  });

  it('waits for what is proved to a durable participant in doubt', () => {
    rig.begin();
    const a = rig.register('durable', {});
    const b = rig.register('durable', { Prepare: 'nothing' });
    rig.complete('commit');
    rig.run();
    expect(rig.core.handle(lost)).toMatchObject([{ event: 'outcome-lost' }]);
    rig.notify(b, 'prepared');
    rig.settle();
    expect([rig.told, received(a), received(b)]).toEqual([
      ['committed'],
      ['Prepare', 'Commit'],
      ['Prepare', 'Commit'],
    ]);
  });
});

describe('open activities', () => {
  const request = { client: clientId('gw-client/1'), timestamp: 1 };
  const limits = { ...options.limits, activities: 3, activitiesOfPeer: 2 };

  it('are refused to a peer that has its share, and to none that has not', () => {
    const gateway = new Gateway({ ...options, limits });
    const create = (key: string) =>
      gateway.handle({
        kind: 'create',
        ...{ call: 1 as CallId, activity: key as ActivityKey, request, expiresMs: 30_000 },
        completion: `C-${key}` as CompletionKey,
      })[0];
    const busy = { kind: 'answer', answer: { kind: 'refused', reason: 'busy' } };
    // Those that do not sign have one share.
    expect([create('R-1'), create('R-2')]).toMatchObject([
      { kind: 'persist' },
      { kind: 'persist' },
    ]);
    expect(create('R-3')).toMatchObject(busy);
    expect(create('R-4.alice')).toMatchObject({ kind: 'persist' });
    expect(create('R-5.alice'), 'all are taken').toMatchObject(busy);
  });
});

describe('a durable participant', () => {
  it('is sent no outcome before it is proved, although the initiators say it', () => {
    rig.begin();
    const a = rig.register('durable', {});
    rig.register('durable', { Prepare: 'nothing' });
    rig.complete('commit');
    rig.run();
    expect(received(a)).toEqual(['Prepare']);
    const outputs = rig.core.handle({ kind: 'completed', activity, outcome: 'aborted' });
    expect(outputs.filter((output) => output.kind === 'send' && output.key === a)).toEqual([]);
  });

  it('is not sent a Rollback when the time is over but the commit is asked for', () => {
    rig.begin();
    const a = rig.register('durable', { Prepare: 'nothing' });
    rig.complete('commit');
    rig.run();
    const outputs = rig.core.handle({ kind: 'timer', name: `expires/${activity}` });
    expect([outputs, received(a)]).toEqual([[], ['Prepare']]);
  });

  it('has settled what the cluster rolls back once it has answered, and not before', () => {
    rig.begin();
    const a = rig.register('durable', { Rollback: 'nothing' });
    const ref = { tid, enlistment: enlistmentId('gw.0') };
    const call = rig.ask({ kind: 'roll-back', ref });
    rig.run();
    expect([rig.outcome, received(a)]).toEqual(['aborted', ['Rollback']]);
    expect(rig.answers.has(call)).toBe(false);
    rig.notify(a, 'aborted');
    rig.run();
    expect(rig.answers.get(call)).toEqual({ kind: 'settled' });
  });

  it('that is not known gets no answer to Prepared', () => {
    const call = rig.notify('D-unknown' as EnlistmentKey, 'prepared');
    rig.run();
    expect(rig.answers.get(call)).toEqual({ kind: 'accepted' });
    const other = rig.notify('V-unknown' as EnlistmentKey, 'prepared');
    rig.run();
    expect(rig.answers.get(other)).toEqual({ kind: 'fault', fault: 'UnknownTransaction' });
  });

  describe('whose vote was lost, and that comes back once its activity is forgotten', () => {
    let lost: EnlistmentKey;
    beforeEach(() => {
      rig.begin();
      lost = rig.register('durable', { Prepare: 'nothing', Rollback: 'nothing' });
      rig.complete('commit');
      rig.settle(3_000_000);
      expect([rig.told, [...rig.store.keys()]]).toEqual([['aborted'], [`enlistment/${lost}`]]);
      expect(received(lost)?.slice(-1)).toEqual(['Rollback']);
    });
    const rollbacks = () => received(lost)?.filter((message) => message === 'Rollback').length ?? 0;

    it.each([false, true])(
      'is sent a Rollback until it has aborted; after a restart: %j',
      (restarts) => {
        if (restarts) rig.crash();
        const before = rollbacks();
        for (const more of [1, 2]) {
          rig.notify(lost, 'prepared');
          rig.run();
          expect(rollbacks()).toBe(before + more);
        }
        rig.notify(lost, 'aborted');
        rig.run();
        expect([...rig.store.keys()], 'nothing is kept of it').toEqual([]);
        rig.notify(lost, 'prepared');
        rig.run();
        expect(rollbacks()).toBe(before + 2);
      },
    );
  });

  it('that is one too many of those that are given up goes, the oldest first', () => {
    const left = new LeftParticipants(options);
    const endpoint = { address: 'http://a', parameters: [], version: '1.1' } as const;
    const made = ['D-1', 'D-2', 'D-3'].map((key) =>
      PlainParticipant.restored(options, {
        ...{ key: key as EnlistmentKey, activity, endpoint, digest: digest('0'.repeat(64)) },
        ...{ hasPrepared: false, outcome: 'aborted', end: 'given-up' },
      }),
    );
    const outputs = left.keep(made);
    expect(outputs.filter(({ kind }) => kind === 'persist')).toEqual([
      { kind: 'persist', key: 'enlistment/D-1', value: null },
    ]);
    expect(left.notified('D-1' as EnlistmentKey, 'prepared')).toBeUndefined();
    expect(left.notified('D-2' as EnlistmentKey, 'prepared')?.outputs).toMatchObject([
      { kind: 'send', message: 'Rollback', to: endpoint },
    ]);
  });

  it('that has committed is sent no Rollback, however late it asks again', () => {
    rig.begin();
    const a = rig.register('durable', {});
    rig.complete('commit');
    rig.settle(3_000_000);
    expect([...rig.store.keys()]).toEqual([]);
    rig.notify(a, 'prepared');
    rig.settle();
    expect(received(a)).toEqual(['Prepare', 'Commit']);
  });

  it('has its vote and its outcome on disk before they leave', () => {
    rig.begin();
    const a = rig.register('durable', { Commit: 'nothing' });
    rig.complete('commit');
    rig.run();
    const record = JSON.parse(new TextDecoder().decode(rig.store.get(`enlistment/${a}`)));
    expect(record).toMatchObject({ hasPrepared: true, outcome: 'committed' });
  });

  it('may not be enlisted twice, nor in another transaction', () => {
    rig.begin();
    rig.register('durable', {});
    const id = digest('2'.padStart(64, '0'));
    const ref = { tid, enlistment: enlistmentId('gw.other') };
    const again = rig.ask({ kind: 'enlist', digest: id, ref });
    const other = { ...ref, tid: transactionId('00000000-0000-4000-8000-000000000002') };
    const elsewhere = rig.ask({ kind: 'enlist', digest: id, ref: other });
    rig.run();
    expect(rig.answers.get(again)).toEqual({ kind: 'refused', reason: 'too-late' });
    expect(rig.answers.get(elsewhere)).toEqual({ kind: 'refused', reason: 'unknown' });
  });
});

describe.each([
  ['commit', 0],
  ['commit', 1],
  ['rollback', 0],
] as const)('a crash while a call is made before a %s, with %i durable', (decision, durables) => {
  const run = (crashAfter: number) => {
    const it = new GatewayRig();
    it.crashAfter = crashAfter;
    it.begin();
    for (let each = 0; each < durables; each += 1) it.register('durable', {});
    const invoked = it.invoke();
    const call = it.complete(decision);
    it.settle();
    return { it, invoked, isAccepted: it.hasClient && it.answers.get(call)?.kind === 'accepted' };
  };
  const { it: whole } = run(Number.POSITIVE_INFINITY);
  const steps = Array.from({ length: whole.outputs }, (_, index) => index);

  it.each(steps)('after output %i: the call is neither left out nor made twice', (step) => {
    const { it: crashed, invoked, isAccepted } = run(step);
    expect(crashed.made.length).toBeLessThan(2);
    if (crashed.outcome === 'committed') {
      expect(crashed.made).toEqual(['reserve']);
      expect(crashed.answers.get(invoked)).toEqual({ kind: 'done', result: 'null' });
    }
    for (const outcome of crashed.told) expect(outcome).toBe(crashed.outcome);
    if (isAccepted) expect(crashed.told.length).toBeGreaterThan(0);
  });
});

describe.each([
  ['commit', {}, {}],
  ['rollback', {}, {}],
  ['commit', { Prepare: 'aborted' }, {}],
  ['commit', { Prepare: 'readOnly' }, {}],
  ['commit', { Prepare: 'nothing' }, {}],
  ['commit', {}, { Prepare: 'aborted' }],
] as const)('a crash at each step of a %s, with %j and %j', (decision, durable, volatile) => {
  const run = (crashAfter: number) => {
    const it = new GatewayRig();
    it.crashAfter = crashAfter;
    it.begin();
    it.register('durable', {});
    it.register('durable', durable);
    it.register('volatile', volatile);
    const call = it.complete(decision);
    it.settle();
    return { it, isAccepted: it.hasClient && it.answers.get(call)?.kind === 'accepted' };
  };
  const { it: whole } = run(Number.POSITIVE_INFINITY);
  const steps = Array.from({ length: whole.outputs }, (_, index) => index);

  it.each(steps)('after output %i', (step) => {
    const { it: crashed, isAccepted } = run(step);
    const durables = [...crashed.plain].filter(([key]) => key.startsWith('D'));
    for (const [key, { received: got, isInDoubt, hasEnded, call }] of durables) {
      const isRegistered = crashed.answers.get(call)?.kind === 'registered';
      if (isRegistered) expect(hasEnded, `${key} has its outcome`).toBe(true);
      expect(isInDoubt, `${key} is in doubt`).toBe(false);
      if (crashed.outcome !== 'committed') expect(got, key).not.toContain('Commit');
      if (crashed.outcome === 'committed') expect(got, key).not.toContain('Rollback');
    }
    for (const outcome of crashed.told) expect(outcome).toBe(crashed.outcome);
    if (isAccepted) expect(crashed.told.length).toBeGreaterThan(0);
  });
});
