import { z } from 'zod';
import { type OrderingLie, orderingLies } from '../ordering/byzantine/library.js';
import { type OrderingFault, orderingFaults } from '../ordering/fault-kinds.js';
import { type SessionLie, sessionLies } from './byzantine/library.js';
import type { SessionsPlan } from './plan.js';

const whole = z.number().int().min(0);
const namesOf = <Name extends string>(lies: Record<Name, unknown>) =>
  z.enum(Object.keys(lies) as [Name, ...Name[]]);

const planForm = z.strictObject({
  scenario: z.literal('sessions'),
  seed: whole,
  engine: z.enum(['antipaxos', 'pbft']),
  n: whole.min(4).max(22),
  f: whole.min(1).max(7),
  clients: whole.min(1).max(20),
  sessionsPerClient: whole.min(1).max(20),
  operationsPerSession: whole.min(1).max(60),
  keys: whole.min(1).max(1000),
  chaosMs: whole.max(3_600_000),
  faults: z.partialRecord(z.enum(orderingFaults), z.number().gt(0).max(1)),
  liars: z.array(
    z.strictObject({
      replica: whole,
      behaviours: z.array(namesOf<SessionLie>(sessionLies)).min(1),
      ordering: z.array(namesOf<OrderingLie>(orderingLies)),
    }),
  ),
  exclusion: z.enum(['S1', 'S2', 'S3']),
  pipelineDepth: whole.min(1).max(100),
  checkpointInterval: whole.min(1).max(128),
  commitAfterMs: whole.min(1).max(60_000),
  takeoverAfterMs: whole.min(1).max(60_000),
  promisePositions: whole.min(1).max(1_000_000),
  stepsMax: whole.min(1),
});

/** Reads a plan from JSON, as the shrinker prints it. Throws `ZodError` or `SyntaxError`. */
export function readSessionsPlan(json: string): SessionsPlan {
  const { faults, ...plan } = planForm.parse(JSON.parse(json));
  const on = Object.entries(faults).filter(
    (entry): entry is [OrderingFault, number] => entry[1] !== undefined,
  );
  return { ...plan, faults: Object.fromEntries(on) };
}
