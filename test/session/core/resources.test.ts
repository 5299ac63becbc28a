import { describe, expect, it } from 'vitest';
import { WireError } from '../../../src/kernel/codec/bytes.js';
import { replicaId } from '../../../src/kernel/ids.js';
import type { Application, State } from '../../../src/session/core/application.js';
import { called } from '../../../src/session/core/machine/lanes.js';
import { SessionMachine } from '../../../src/session/core/machine/machine.js';
import { ApplicationFault } from '../../../src/session/core/machine/resources.js';
import { StateTable } from '../../../src/session/core/machine/state-table.js';
import { orderingRequest } from '../../../src/session/request.js';
import type { SessionRun } from '../../../src/session/types.js';
import { done } from '../../support/session-answers.js';
import { sessionParties } from '../../support/session-owner.js';
import { SessionRig } from '../../support/session-rig.js';

const parties = sessionParties();

/** Reads its payload as JSON and writes it again, as many do. */
const echo: Application = {
  name: 'words',
  simulate: (state, call) => echo.apply(state, call) as never,
  apply: (state, { payload }) => {
    const text = JSON.stringify(JSON.parse(payload));
    state.set('last', text);
    return done(text);
  },
  interferes: () => true,
};

function deeper(frames: number, run: () => void): void {
  if (frames > 0) deeper(frames - 1, run);
  else run();
}

function outcomeOf(run: SessionRun, frames: number) {
  const { id: cluster, resilience } = parties.cluster;
  const machine = new SessionMachine({ cluster, resilience, applications: [echo] });
  const request = orderingRequest({ kind: 'run', run, submitter: replicaId(0), attempt: 0 });
  deeper(frames, () => machine.apply(1, [request]));
  return machine
    .takeEvents()
    .flatMap((event) => (event.kind === 'outcomes' ? event.outcomes : []))
    .map(({ result }) => result);
}

const made = (call: (state: State) => void) =>
  called(new StateTable(), '', (state) => {
    call(state);
    return done('');
  }).result;

describe('an application’s resources', () => {
  it('do not decide what becomes of a call: it comes to the same at any depth of the stack', () => {
    for (const nesting of [10, 64, 65, 1000, 2000, 4000, 8000]) {
      const run = parties
        .owner('alice')
        .begin('words')
        .call('['.repeat(nesting) + ']'.repeat(nesting));
      const results = [0, 25, 500, 3000].map((frames) => outcomeOf(run, frames));
      expect(new Set(results.map((one) => JSON.stringify(one))).size).toBe(1);
      expect(results[0]?.[0]?.kind).toBe(nesting <= 64 ? 'done' : 'rejected');
    }
  });

  it('that run out are no outcome, and what its own code throws is one', () => {
    const endless = (): number => 1 + endless();
    expect(() => made(() => void endless())).toThrow(ApplicationFault);
    expect(() => made(() => void 'x'.repeat(2 ** 30))).toThrow(ApplicationFault);
    expect(() => made(() => void new Array(-1))).toThrow(ApplicationFault);
    const thrown = (error: unknown) =>
      made(() => {
        throw error;
      });
    expect(() => thrown('a text')).toThrow(ApplicationFault);
    expect(thrown(new Error('sold out'))).toEqual({ kind: 'rejected', reason: 'sold out' });
    expect(thrown(new TypeError('words'))).toEqual({ kind: 'rejected', reason: 'not understood' });
    expect(thrown(new WireError('x'))).toMatchObject({ kind: 'rejected' });
  });

  it('are limited, also for a call that catches the error', () => {
    const tooMuch = { kind: 'rejected', reason: 'the call touches too much of the state' };
    const many = (state: State) => {
      for (let count = 0; count < 10_001; count += 1) state.get('a');
    };
    expect(made(many)).toEqual(tooMuch);
    const large = (state: State) => {
      for (let count = 0; count < 5; count += 1) state.set(`${count}`, 'x'.repeat(250_000));
    };
    expect(made(large)).toEqual(tooMuch);
    const caught = (state: State) => {
      try {
        many(state);
      } catch {
        state.delete('a');
      }
    };
    expect(
      made((state) => {
        try {
          caught(state);
        } catch {}
      }),
    ).toEqual(tooMuch);
  });

  it('end the replica that runs out of them, before it says anything, and the others go on', () => {
    const rig = new SessionRig();
    const session = rig.parties.owner('alice').begin('words');
    const application = rig.application(3);
    const apply = application.apply.bind(application);
    application.apply = (state, call) => {
      if (call.payload === 'put a 1') throw new RangeError('Maximum call stack size exceeded');
      return apply(state, call);
    };
    let said = 0;
    const input = rig.input.bind(rig);
    rig.input = (replica, one) => {
      try {
        input(replica, one);
      } catch (error) {
        expect(error).toBeInstanceOf(ApplicationFault);
        expect(replica).toBe(3);
        rig.crash(3);
      }
    };
    rig.onStep = (replica, outputs) => {
      if (replica === 3) said += outputs.filter(({ kind }) => kind.endsWith('-session')).length;
    };
    rig.run(0, session.call('put a 1'), true);
    rig.runUntil(() => rig.isFinal(session.id, 1, [0, 1, 2]));
    rig.runUntil(() => !rig.alive.includes(3));
    expect(said).toBe(0);
    expect(rig.status(0, session.id, 1)).toMatchObject({ kind: 'committed', result: done('ok') });
  });

  it('that run out in a simulation: the replica promises nothing, and hands nothing in', () => {
    const rig = new SessionRig();
    const session = rig.parties.owner('alice').begin('words');
    const application = rig.application(0);
    application.simulate = (_state, { payload }) => {
      if (payload === 'get a') throw new RangeError('Maximum call stack size exceeded');
      return done('ok');
    };
    const answer = rig.run(0, session.call('put a 1', 'get a'), true);
    expect(answer).toMatchObject({ kind: 'refused', refusal: { code: 'unavailable' } });
    expect(rig.core(0).metrics.open).toBe(0);
  });
});
