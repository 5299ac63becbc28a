import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { participantId } from '../../../src/kernel/ids.js';
import {
  call,
  commit,
  type Ending,
  type InitiatorApplication,
  type ProcedureCall,
  type ProcedureSteps,
  procedureOf,
  rollback,
} from '../../../src/service/initiator/procedures.js';
import { type Json, jsonText, payloadBytesMax, resultBytesMax } from '../../../src/service/json.js';
import { reasonLengthMax, type ServiceCall } from '../../../src/service/messages.js';
import { Legs } from '../../../src/transaction/initiator/calls.js';
import type { CallAnswer } from '../../../src/transaction/initiator/messages.js';
import { nextStep } from '../../../src/transaction/initiator/steps.js';

const warrant = { kind: 'request', bytes: new Uint8Array(), of: 'alice' } as const;

type Run = InitiatorApplication['procedures'][string];

/** The procedure as the core of an initiator has it. */
function core(run: Run, payload: Json = null, callsMax?: number) {
  const application = { name: 'travel', procedures: { run }, ...(callsMax && { callsMax }) };
  const asked = { application: 'travel', procedure: 'run', payload: jsonText(payload, 1e6) };
  const procedure = procedureOf(application, { ...asked, permits: [] }, 'alice');
  if (procedure === undefined) throw new Error('no such procedure');
  return procedure;
}

/** What the core does next, where the procedure has called so far and was answered so. */
function step(
  run: Run,
  answers: readonly CallAnswer[] = [],
  payload: Json = null,
  callsMax?: number,
) {
  const procedure = core(run, payload, callsMax);
  const legs = new Legs<ProcedureCall>();
  for (const answer of answers) {
    const next = nextStep(procedure, legs, undefined);
    if (legs.answers !== undefined && next?.kind === 'call') legs.add(next.legs, warrant);
    legs.answered(answers.indexOf(answer), answer);
  }
  return nextStep(procedure, legs, undefined);
}

const done = (result: Json): CallAnswer => ({ kind: 'done', result: JSON.stringify(result) });
/** Steps that the type does not allow, as a module in JavaScript may make them. */
const odd = (steps: () => unknown) => steps as unknown as Run;
const failed = { kind: 'rollback', reason: 'ProcedureFailed' };

describe('a procedure', () => {
  it('comes to the same step from the same answers, however often it is asked', () => {
    const answer = fc.oneof(
      fc.jsonValue().map((value) => done(value as Json)),
      fc.constant<CallAnswer>({ kind: 'done' }),
      fc.constant<CallAnswer>({ kind: 'refused', reason: 'Full' }),
    );
    const run: Run = function* ({ payload, client }) {
      let sum = Number(payload);
      for (let round = 0; round < 4; round += 1) {
        const answers = yield Array.from({ length: 1 + (sum % 3) }, (_, at) =>
          call('hotel', 'reserve', [client, round, at, sum]),
        );
        sum += answers.length + JSON.stringify(answers).length;
      }
      return commit(sum);
    };
    fc.assert(
      fc.property(fc.nat(99), fc.array(answer, { maxLength: 12 }), (payload, answers) => {
        const procedure = core(run, payload, 64);
        const first = procedure.next(answers);
        expect(procedure.next(answers)).toEqual(first);
        expect(core(run, payload, 64).next(structuredClone(answers))).toEqual(first);
        // What came before does not depend on what came after.
        for (let some = 0; some < answers.length; some += 1) procedure.next(answers.slice(0, some));
        expect(procedure.next(answers)).toEqual(first);
      }),
    );
  });

  it('cannot change what it received: neither the request nor the answers of the others', () => {
    const run: Run = function* (request) {
      const changed = request as unknown as { payload: { nights: number }; client: string };
      const { nights } = changed.payload;
      changed.payload.nights += 1;
      changed.client = 'mallory';
      const answers = yield [call('hotel', 'reserve', nights), call('train', 'reserve', nights)];
      for (const answer of answers)
        Object.assign(answer, { kind: 'done', reason: 'changed', result: 9 });
      return rollback('Why');
    };
    const procedure = core(run, { nights: 2 });
    const refused: CallAnswer = { kind: 'refused', reason: 'Full' };
    const answers = [refused, done(1)];
    expect(procedure.next([])).toMatchObject({ legs: [{ payload: '2' }, { payload: '2' }] });
    procedure.next(answers);
    expect(procedure.next([])).toMatchObject({ legs: [{ payload: '2' }, { payload: '2' }] });
    expect(answers).toEqual([{ kind: 'refused', reason: 'Full' }, done(1)]);
  });

  it('receives the answers of each step in the order of its calls, and an empty result as null', () => {
    const run: Run = function* () {
      const [a] = yield [call('hotel', 'a', 1)];
      const [b, c] = yield [call('hotel', 'b', 2), call('hotel', 'c', 3)];
      return commit([
        a?.kind === 'done' && a.result,
        b?.kind === 'done' && b.result,
        c?.kind ?? '',
      ]);
    };
    expect(step(run, [done('x'), { kind: 'done' }, done('z')])).toEqual({
      kind: 'commit',
      result: '["x",null,"done"]',
    });
    // An answer to a step that is not complete is not given to it yet.
    expect(core(run).next([done('x'), done('y')])).toMatchObject({ kind: 'call' });
  });

  it('does not commit with what is no ending: nothing, an answer, an error', () => {
    const endings: unknown[] = [
      undefined,
      null,
      'commit',
      { kind: 'done', result: 1 },
      { kind: 'refused', reason: 'Full' },
      { kind: 'Commit', result: 1 },
      { kind: 'abort', result: 1 },
      new Error('no'),
      Promise.resolve(commit(1)),
    ];
    for (const ending of endings) {
      const run = odd(function* () {
        yield [call('hotel', 'reserve', 1)];
        return ending;
      });
      expect(step(run, [done(1)])).toEqual(failed);
    }
  });

  it('fails where it yields nothing, or what is no call, whatever a client has put into it', () => {
    const good = call('hotel', 'reserve', 1);
    const yielded: unknown[] = [
      undefined,
      [],
      good,
      'hotel',
      { length: 1 },
      [undefined],
      [{}],
      [{ ...good, participant: '../hotel' }],
      [{ ...good, participant: ['hotel', 'x'] }],
      [{ ...good, participant: 'a'.repeat(64) }],
      [{ ...good, operation: '' }],
      [{ ...good, operation: 'a b' }],
      [{ ...good, payload: { nights: 2 } }],
      [{ ...good, payload: '{' }],
      [{ ...good, payload: '"é"' }],
      [{ ...good, payload: jsonText('a'.repeat(payloadBytesMax), 1e6) }],
      [good, undefined],
    ];
    for (const bad of yielded) {
      const run = odd(function* () {
        yield bad;
        return commit(1);
      });
      expect(step(run), JSON.stringify(bad)?.slice(0, 80)).toEqual(failed);
    }
    expect(() => call('', 'reserve', 1)).toThrow(RangeError);
    expect(() => call('hotel', 'a b', 1)).toThrow(RangeError);
    expect(() => call('hotel', 'reserve', 'a'.repeat(payloadBytesMax))).toThrow(RangeError);
  });

  it('sends nothing of a call but what a call has', () => {
    const run = odd(function* () {
      const more = {
        ...call('hotel', 'reserve', 1),
        kind: 'posting',
        side: 'debit',
        account: 'alice',
      };
      yield [more];
      return commit(1);
    });
    expect(step(run)).toEqual({
      kind: 'call',
      legs: [
        { kind: 'call', participant: participantId('hotel'), operation: 'reserve', payload: '1' },
      ],
    });
  });

  it('fails where it throws: before it calls, between calls, and at its end', () => {
    const throwing = (at: number): Run =>
      function* (): ProcedureSteps {
        if (at === 0) throw new Error('a defect');
        yield [call('hotel', 'reserve', 1)];
        if (at === 1) throw 'a text';
        yield [call('hotel', 'reserve', 2)];
        throw undefined;
      };
    expect(step(throwing(0))).toEqual(failed);
    expect(step(throwing(1), [done(1)])).toEqual(failed);
    expect(step(throwing(2), [done(1), done(2)])).toEqual(failed);
    expect(step(odd(() => 7))).toEqual(failed);
    expect(step(odd(() => ({ next: () => ({ done: false }) })))).toEqual(failed);
  });

  it('fails where it calls too often: at once, or step by step without an end', () => {
    const many = (calls: number): Run =>
      function* () {
        yield Array.from({ length: calls }, () => call('hotel', 'reserve', 1));
        return commit();
      };
    expect(step(many(8))).toMatchObject({ kind: 'call' });
    expect(step(many(9))).toEqual(failed);
    expect(step(many(9), [], null, 9)).toMatchObject({ kind: 'call' });
    const endless: Run = function* (): ProcedureSteps {
      for (;;) yield [call('hotel', 'reserve', 1)];
    };
    const answers = (count: number) => Array.from({ length: count }, (_, at) => done(at));
    expect(step(endless, answers(7))).toMatchObject({ kind: 'call' });
    expect(step(endless, answers(8))).toEqual(failed);
  });

  it('fails where its result is none, or too long; a reason is cut', () => {
    const ending = (end: Ending): Run =>
      function* () {
        yield [call('hotel', 'reserve', 1)];
        return end;
      };
    const longest = 'a'.repeat(resultBytesMax - 2);
    expect(step(ending(commit(longest)), [done(1)])).toMatchObject({ kind: 'commit' });
    expect(step(ending(commit(`${longest}a`)), [done(1)])).toEqual(failed);
    const none = { kind: 'commit', result: undefined } as unknown as Ending;
    expect(step(ending(none), [done(1)])).toEqual(failed);
    const why = rollback('b'.repeat(1e6));
    expect(step(ending(why), [done(1)])).toEqual({
      kind: 'rollback',
      reason: 'b'.repeat(reasonLengthMax),
    });
    const error = rollback(new Error('no') as unknown as string);
    expect(step(ending(error), [done(1)])).toEqual({ kind: 'rollback', reason: 'Error: no' });
  });

  it('says what it throws, and when it makes too many calls', () => {
    const failures = (run: Run): unknown[] => {
      const seen: unknown[] = [];
      const application = { name: 'travel', procedures: { run }, callsMax: 1 };
      const asked = { application: 'travel', procedure: 'run', payload: '1', permits: [] };
      const procedure = procedureOf(application, asked, 'alice', (error) => seen.push(error));
      expect(() => procedure?.next([])).toThrow();
      return seen;
    };
    const thrown = new Error('a defect');
    expect(
      // biome-ignore lint/correctness/useYield: it throws before
      failures(function* () {
        throw thrown;
      }),
    ).toEqual([thrown]);
    const calls = [call('hotel', 'a', 1), call('hotel', 'b', 1)];
    const [error] = failures(function* () {
      yield calls;
      return commit();
    });
    expect(error).toMatchObject({ message: 'it makes 2 calls, and callsMax is 1' });
  });

  it('is only what the application itself has, not what every object has', () => {
    const application: InitiatorApplication = { name: 'travel', procedures: {} };
    for (const procedure of ['toString', 'constructor', 'hasOwnProperty', 'book']) {
      const run = { application: 'travel', procedure, payload: '1', permits: [] };
      expect(procedureOf(application, run, 'alice')).toBeUndefined();
    }
  });

  it('receives a payload with a key __proto__ as it was sent', () => {
    const seen: Json[] = [];
    const run: Run = function* ({ payload }): ProcedureSteps {
      seen.push(payload);
      yield [call('hotel', 'reserve', payload)];
      return commit();
    };
    const application = { name: 'travel', procedures: { run } };
    const payload = '{"__proto__":{"isAdmin":true}}';
    const asked = {
      application: 'travel',
      procedure: 'run',
      payload,
      permits: [] as ServiceCall[],
    };
    procedureOf(application, asked, 'alice')?.next([]);
    expect((seen[0] as { isAdmin?: boolean }).isAdmin).toBeUndefined();
    expect(JSON.stringify(seen[0])).toBe(payload);
  });
});
