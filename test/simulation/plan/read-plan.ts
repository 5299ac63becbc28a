import { z } from 'zod';
import { agreementNames } from '../../../src/kernel/cluster.js';
import { behaviourMakers } from '../byzantine/library.js';
import { transactionFaults } from '../faults/fault-kinds.js';
import { commonForm, faultsOf, namesIn, whole } from '../kit/plan-form.js';
import type { Plan } from './plan.js';

const address = z.string().max(20);

const planForm = z.strictObject({
  ...commonForm,
  banks: whole.min(1).max(8),
  clients: whole.min(1).max(20),
  ordersPerClient: whole.min(1).max(100),
  faults: faultsOf(transactionFaults),
  liars: z.array(z.strictObject({ address, behaviours: namesIn(behaviourMakers).min(1) })),
  twins: z.array(address),
  retainedTransactions: whole.max(100_000),
  agreement: z.enum(agreementNames).default('three-phase'),
});

/** Reads a plan from JSON, as the shrinker prints it. Throws `ZodError` or `SyntaxError`. */
export function readPlan(json: string): Plan {
  return planForm.parse(JSON.parse(json));
}
