import { describe, expect, it } from 'vitest';
import type { SessionOutput } from '../../src/session/core/outbox.js';
import { SessionReplica } from '../../src/session/core/session-replica.js';
import { digestOfResult, signSession } from '../../src/session/proof.js';
import { type SessionLie, sessionLies } from './sessions/byzantine/library.js';
import { drawSessionsPlan } from './sessions/draw-plan.js';
import type { SessionsPlan } from './sessions/plan.js';
import { readSessionsPlan } from './sessions/read-plan.js';
import { simulateSessions } from './sessions/simulate.js';
import type { SessionCoreFactory } from './sessions/world.js';

describe('sessions in the simulator', () => {
  it.each([1, 2, 5, 9, 12, 16, 27, 65])('violate nothing with seed %i', (seed) => {
    expect(simulateSessions(drawSessionsPlan(seed)).violations).toEqual([]);
  });

  it('violate nothing on PBFT', () => {
    expect(simulateSessions(drawSessionsPlan(4, 'pbft')).violations).toEqual([]);
  });

  it('go the same way again, from their seed and from the printed plan', () => {
    const plan = drawSessionsPlan(3);
    const { fingerprint, steps } = simulateSessions(plan);
    const again = simulateSessions(readSessionsPlan(JSON.stringify(plan)));
    expect(again).toMatchObject({ fingerprint, steps });
    expect(simulateSessions(drawSessionsPlan(5)).fingerprint).not.toBe(fingerprint);
  });
});

describe('plans of the sessions scenario', () => {
  const plans = Array.from({ length: 200 }, (_, seed) => drawSessionsPlan(seed));

  it.each(Object.keys(sessionLies) as SessionLie[])('have %s in some of 200 seeds', (name) => {
    const has = ({ liars }: SessionsPlan) =>
      liars.some(({ behaviours }) => behaviours.includes(name));
    expect(plans.filter(has).length).toBeGreaterThanOrEqual(5);
  });

  it('have never more liars than are tolerated', () => {
    for (const { liars, f } of plans) expect(liars.length).toBeLessThanOrEqual(f);
  });
});

describe('the checkers of sessions', () => {
  const calm: SessionsPlan = {
    ...drawSessionsPlan(1, 'antipaxos'),
    ...{ n: 4, f: 1, clients: 5, sessionsPerClient: 1, operationsPerSession: 3, keys: 2 },
    ...{ chaosMs: 2000, faults: {}, liars: [], promisePositions: 20, stepsMax: 20_000 },
  };

  /** Replica 2, with another core. */
  const isCaught = (checker: string, core: SessionCoreFactory): boolean =>
    simulateSessions(calm, {
      core: (options) => (options.self === 2 ? core(options) : new SessionReplica(options)),
    }).violations.some((one) => one.checker === checker);

  it('find nothing wrong with the production core', () => {
    expect(simulateSessions(calm).violations).toEqual([]);
  });

  it('find an application that computes something else', () => {
    const wrong: SessionCoreFactory = (options) =>
      new SessionReplica({
        ...options,
        applications: options.applications.map((one) => ({
          name: one.name,
          simulate: (state, call) => one.simulate(state, call),
          interferes: () => true,
          apply: (state, call) => {
            const result = one.apply(state, call);
            return result.kind === 'done' ? { kind: 'done', result: 'nothing' } : result;
          },
        })),
      });
    expect(isCaught('same-order', wrong)).toBe(true);
  });

  it('find a replica that promises two things', () => {
    const forked: SessionCoreFactory = (options) => {
      const core = new SessionReplica(options);
      const result = digestOfResult({ kind: 'done', result: 'something else' });
      const fork = (output: SessionOutput): SessionOutput => {
        if (output.kind !== 'send-session' || output.message.kind !== 'run') return output;
        const { message } = output;
        const receipts = message.receipts.map(({ statement }) =>
          signSession(options.sign, options.cluster, { ...statement, result }),
        );
        return { ...output, message: { ...message, receipts } };
      };
      return {
        get metrics() {
          return core.metrics;
        },
        restore: (records) => core.restore(records).map(fork),
        handle: (input) => core.handle(input).map(fork),
      };
    };
    expect(isCaught('one-promise', forked)).toBe(true);
  });

  it('find a replica that never answers', () => {
    const silent: SessionCoreFactory = (options) => {
      const core = new SessionReplica(options);
      const isLoud = ({ kind }: SessionOutput): boolean => kind !== 'answer';
      return {
        get metrics() {
          return core.metrics;
        },
        restore: (records) => core.restore(records).filter(isLoud),
        handle: (input) => core.handle(input).filter(isLoud),
      };
    };
    expect(isCaught('final-everywhere', silent)).toBe(true);
  });
});
