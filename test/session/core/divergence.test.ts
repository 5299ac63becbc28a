import { describe, expect, it } from 'vitest';
import type { OrderingMessage } from '../../../src/ordering/types.js';
import type { CallResult } from '../../../src/session/types.js';
import { done } from '../../support/session-answers.js';
import { SessionRig } from '../../support/session-rig.js';

/** A replica whose application once wrote something else than at the others. */
function diverging(engine: 'antipaxos' | 'fab' | 'pbft') {
  const rig = new SessionRig({ engine, checkpointInterval: 4 });
  const application = rig.application(3);
  const apply = application.apply.bind(application);
  let isWrong = true;
  application.simulate = (state, call) => apply(state, call) as CallResult;
  application.apply = (state, call) => {
    const result = apply(state, call);
    if (call.payload === 'add n 1' && isWrong) {
      isWrong = false;
      state.set('n', '100');
      return done('100');
    }
    return result;
  };
  const logs: { event: string; data: object }[] = [];
  const seen = { asked: 0, sent: 0 };
  rig.onStep = (replica, outputs) => {
    for (const output of outputs) {
      if (output.kind === 'log' && replica === 3) logs.push(output);
      if (output.kind.endsWith('-ordering')) seen.sent += 1;
    }
  };
  return { rig, logs, seen, session: rig.parties.owner('alice').begin('words') };
}

describe.each(['antipaxos', 'fab', 'pbft'] as const)(
  'a replica that diverges, with %s',
  (engine) => {
    it('is found and named, takes the state of the others, and goes on with them', () => {
      const { rig, logs, session } = diverging(engine);
      let step = 0;
      while (rig.core(3).metrics.divergence.times === 0 && step < 40) {
        step += 1;
        rig.run(0, session.call('add n 1'), true);
        rig.runUntil(() => rig.isFinal(session.id, step, [0, 1, 2]));
        rig.runFor(100);
      }
      const events = logs.map(({ event }) => event);
      expect(events.filter((event) => event === 'state-diverged')).toHaveLength(1);
      const replaced = logs.find(({ event }) => event === 'state-replaced');
      expect(replaced?.data).toMatchObject({ differences: ['key words/n', 'history'] });
      expect(rig.core(3).metrics.divergence).toEqual({
        times: 1,
        last: ['key words/n', 'history'],
      });
      for (let more = 0; more < 6; more += 1) {
        step += 1;
        rig.run(3, session.call('add n 1'), true);
        rig.runUntil(() => rig.isFinal(session.id, step));
      }
      for (const replica of rig.alive) {
        expect(rig.core(replica).valueOf('words', 'n')).toBe(`${step}`);
        expect(rig.status(replica, session.id, step)).toMatchObject({ result: done(`${step}`) });
      }
      // What it had come to meanwhile is right, too.
      for (let one = 1; one <= step; one += 1) {
        rig.runUntil(() => rig.isFinal(session.id, one, [3]));
        expect(rig.status(3, session.id, one)).toMatchObject({ result: done(`${one}`) });
      }
      expect(rig.core(3).metrics.divergence.times).toBe(1);
      expect(rig.refused).toEqual([]);
    });

    it('costs the others little while it cannot be mended: nothing storms', () => {
      const { rig, seen, session } = diverging(engine);
      const isState = ({ kind }: OrderingMessage) => kind === 'state' || kind === 'chunk';
      rig.tamperOrdering = (_from, to, message) => {
        if (message.kind === 'fetch-chunk') seen.asked += 1;
        return to === 3 && isState(message) ? [] : [message];
      };
      for (let step = 1; step <= 12; step += 1) {
        rig.run(0, session.call('add n 1'), true);
        rig.runUntil(() => rig.isFinal(session.id, step, [0, 1, 2]));
      }
      const before = { ...seen };
      rig.runFor(20_000);
      expect(seen.asked).toBeGreaterThan(before.asked);
      expect(seen.asked - before.asked).toBeLessThan(40);
      // One reminder a second of each, and what it is answered with.
      expect(seen.sent - before.sent).toBeLessThan(1500);
      rig.tamperOrdering = (_from, _to, message) => [message];
      rig.runUntil(() => rig.core(3).metrics.divergence.times === 1);
      rig.runUntil(() => rig.core(3).valueOf('words', 'n') === '12');
    });
  },
);
