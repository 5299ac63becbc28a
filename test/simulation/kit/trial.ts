import type { Chaos } from '../faults/chaos.js';
import type { Violation } from './violation.js';
import type { Narrator, World, WorldPlan } from './world.js';

/** What came of a run. */
export interface Report<Plan = unknown> {
  readonly plan: Plan;
  readonly violations: readonly Violation[];
  readonly coverage: readonly (readonly [string, number])[];
  /** The same for the same plan and code; another for another course of events. */
  readonly fingerprint: number;
  readonly steps: number;
}

export interface RunOptions {
  readonly narrate?: Narrator;
  /** Stops after so many events and checks only what must hold at any moment. */
  readonly steps?: number;
}

/** What one kind of world is tried by. */
export interface Trial {
  /** The faults have ended just now. */
  readonly onCalm?: () => void;
  /** Whether all has finished that must. */
  readonly isFinished: () => boolean;
  /** What must hold once all has finished. The run may go on for that. */
  readonly settle: () => readonly Violation[];
  /** What has not finished in time. */
  readonly unfinished: () => readonly Violation[];
  /** What must hold at any moment, besides that no correct node fails. */
  readonly always: () => readonly Violation[];
  /** Adds to the coverage what is known at the end only. */
  readonly count: () => void;
}

/** All must have finished so long after the faults have ended. */
export const LIVENESS_MS = 300_000;

/** Faults first, then a time without, then the checkers. */
export function runTrial<Plan extends WorldPlan, Message>(
  world: World<Plan, Message>,
  chaos: Chaos<Message>,
  trial: Trial,
  steps: number | undefined,
): Report<Plan> {
  const { plan, engine, coverage } = world;
  const stepsMax = steps ?? plan.stepsMax;
  engine.run({ untilMs: plan.chaosMs, stepsMax });
  chaos.end();
  trial.onCalm?.();
  const untilMs = plan.chaosMs + LIVENESS_MS;
  const finished = engine.run({ untilMs, stepsMax, done: trial.isFinished });
  const whole = finished ? trial.settle : trial.unfinished;
  const atTheEnd = steps === undefined ? whole() : [];
  const violations = [...failuresIn(world), ...trial.always(), ...atTheEnd];
  trial.count();
  coverage.count('events', engine.steps);
  const { fingerprint } = engine;
  return { plan, violations, coverage: coverage.entries, fingerprint, steps: engine.steps };
}

/** Where the run was ended by its number of events. */
export function outOfSteps<Plan extends WorldPlan, Message>(
  { engine, plan }: World<Plan, Message>,
  checker: string,
): readonly Violation[] {
  if (engine.steps < plan.stepsMax) return [];
  return [{ checker, what: `${plan.stepsMax} events were not enough` }];
}

function failuresIn<Plan extends WorldPlan, Message>({
  failures,
}: World<Plan, Message>): readonly Violation[] {
  return failures.map(({ address, error }) => ({
    checker: 'no-failures',
    what: `${address}: ${error instanceof Error ? error.message : String(error)}`,
  }));
}
