import type { Violation } from '../kit/violation.js';
import type { ReplicaPlan } from './replica-plan.js';
import type { ReplicaWorld } from './replica-world.js';

type AnyWorld<Message, Core> = ReplicaWorld<ReplicaPlan, Message, Core>;

const QUIET_MS = 60_000;

/** Liars fall silent, and after a while there is nothing to do, and nothing is sent. */
export function checkRest<Message, Core>(
  world: AnyWorld<Message, Core>,
  settlingMs: number,
): readonly Violation[] {
  const { engine, plan, witness } = world;
  const run = (durationMs: number): void => {
    engine.run({ untilMs: engine.nowMs + durationMs, stepsMax: engine.steps + plan.stepsMax });
  };
  world.silenceLiars();
  run(settlingMs);
  const { sent } = witness;
  run(QUIET_MS);
  if (witness.sent === sent) return [];
  const what = `${witness.sent - sent} messages in ${QUIET_MS} ms without anything to do`;
  return [{ checker: 'quiet', what }];
}

/** Replicas that have lost their disk and do not take part again. */
export function notBack<Message, Core>({ lost }: AnyWorld<Message, Core>): readonly Violation[] {
  return lost.map((address) => ({
    checker: 'lost-comes-back',
    what: `${address} does not take part again`,
  }));
}

export function countPlan<Message, Core>({ coverage, plan }: AnyWorld<Message, Core>): void {
  coverage.count(`runs of ${plan.engine}`);
  coverage.count(`runs with n = ${plan.n}`);
}
