import { z } from 'zod';
import { behaviourMakers, type LiarName } from '../byzantine/library.js';
import { type TransactionFault, transactionFaults } from '../faults/fault-kinds.js';
import type { Plan } from './plan.js';

const whole = z.number().int().min(0);

const planForm = z.strictObject({
  seed: whole,
  n: whole.min(4).max(22),
  f: whole.min(1).max(7),
  banks: whole.min(1).max(8),
  clients: whole.min(1).max(20),
  ordersPerClient: whole.min(1).max(100),
  chaosMs: whole.max(3_600_000),
  faults: z.partialRecord(z.enum(transactionFaults), z.number().gt(0).max(1)),
  liars: z.array(
    z.strictObject({
      address: z.string().max(20),
      behaviours: z.array(z.enum(Object.keys(behaviourMakers) as [LiarName, ...LiarName[]])).min(1),
    }),
  ),
  twins: z.array(z.string().max(20)),
  retainedTransactions: whole.max(100_000),
  stepsMax: whole.min(1),
});

/** Reads a plan from JSON, as the shrinker prints it. Throws `ZodError` or `SyntaxError`. */
export function readPlan(json: string): Plan {
  const { faults, ...plan } = planForm.parse(JSON.parse(json));
  const on = Object.entries(faults).filter(
    (entry): entry is [TransactionFault, number] => entry[1] !== undefined,
  );
  return { ...plan, faults: Object.fromEntries(on) };
}
