import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Notification } from '../../src/transaction/participant/messages.js';
import { certificateOf, only, preparedKey, Rig, ref } from './participant-rig.js';

type Step =
  | { readonly kind: 'hear'; readonly message: Notification; readonly replica: number }
  | { readonly kind: 'proof'; readonly message: 'commit' | 'rollback'; readonly replica: number }
  | { readonly kind: 'invite'; readonly initiator: number }
  | { readonly kind: 'acknowledge'; readonly replica: number }
  | { readonly kind: 'timer'; readonly which: number }
  | { readonly kind: 'settle' }
  | { readonly kind: 'restart' };

const message = fc.constantFrom<Notification>('prepare', 'commit', 'rollback');
const outcome = fc.constantFrom('commit' as const, 'rollback' as const);
const replica = fc.nat(3);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('hear' as const), message, replica }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('proof' as const), message: outcome, replica }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('invite' as const), initiator: fc.nat(2) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('acknowledge' as const), replica }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('timer' as const), which: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'settle' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'restart' as const }) },
);

/** Any order, loss and repetition of messages is some list of steps. */
function take(rig: Rig, it: Step): void {
  switch (it.kind) {
    case 'hear':
      rig.hear(it.message, [it.replica]);
      return;
    case 'proof':
      rig.hear(
        it.message,
        [it.replica],
        certificateOf(it.message === 'commit' ? 'commit' : 'abort'),
      );
      return;
    case 'invite':
      rig.invite(it.initiator);
      return;
    case 'acknowledge':
      rig.acknowledge(it.replica);
      return;
    case 'timer': {
      const names = [...rig.timers.keys()];
      const name = names[it.which % names.length];
      if (name !== undefined) rig.runOut(name);
      return;
    }
    case 'settle':
      rig.give({ kind: 'settled', ref, writes: [] });
      return;
    case 'restart':
      rig.restart();
  }
}

const runs = { numRuns: 1000 };

describe('whatever is sent, lost, repeated and reordered', () => {
  it('commits only what f + 1 coordinators said or one proved, and never with a rollback', () => {
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.boolean(),
        fc.array(step, { maxLength: 60 }),
        (ready, settles, steps) => {
          const rig = new Rig({ settles });
          if (ready) rig.prepare();
          for (const it of steps) take(rig, it);
          const said = new Set(
            steps.flatMap((it) =>
              it.kind === 'hear' && it.message === 'commit' ? [it.replica] : [],
            ),
          );
          const proved = steps.some((it) => it.kind === 'proof' && it.message === 'commit');
          if (!proved && said.size < 2) expect(only(rig.outputs, 'commit')).toEqual([]);
          if (ready && settles && !steps.some(({ kind }) => kind === 'invite')) {
            const ends = new Set(
              [...only(rig.outputs, 'commit'), ...only(rig.outputs, 'roll-back')].map(
                ({ kind }) => kind,
              ),
            );
            expect(ends.size).toBeLessThan(2);
          }
        },
      ),
      runs,
    );
  });

  it('stays in doubt without an outcome, and votes prepared to every replica only with a record', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const rig = new Rig().prepare();
        const liars = steps.filter(
          (it) => it.kind !== 'proof' && !(it.kind === 'hear' && it.replica !== 3),
        );
        for (const it of liars) take(rig, it);
        expect(rig.disk.has(preparedKey)).toBe(true);
        expect(only(rig.outputs, 'commit')).toEqual([]);
        expect(only(rig.outputs, 'roll-back')).toEqual([]);
      }),
      runs,
    );
  });
});
