import { z } from 'zod';
import { namesIn, whole } from '../kit/plan-form.js';
import { orderingLies } from '../ordering/byzantine/library.js';
import { replicaForm } from '../ordering/read-plan.js';
import { sessionLies } from './byzantine/library.js';
import type { SessionsPlan } from './plan.js';

const planForm = z.strictObject({
  scenario: z.literal('sessions'),
  ...replicaForm,
  clients: whole.min(1).max(20),
  sessionsPerClient: whole.min(1).max(20),
  operationsPerSession: whole.min(1).max(60),
  keys: whole.min(1).max(1000),
  liars: z.array(
    z.strictObject({
      replica: whole,
      behaviours: namesIn(sessionLies).min(1),
      ordering: namesIn(orderingLies),
    }),
  ),
  commitAfterMs: whole.min(1).max(60_000),
  takeoverAfterMs: whole.min(1).max(60_000),
  promisePositions: whole.min(1).max(1_000_000),
});

/** Reads a plan from JSON, as the shrinker prints it. Throws `ZodError` or `SyntaxError`. */
export function readSessionsPlan(json: string): SessionsPlan {
  return planForm.parse(JSON.parse(json));
}
