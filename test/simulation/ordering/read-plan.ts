import { z } from 'zod';
import { type OrderingLie, orderingLies } from './byzantine/library.js';
import { type OrderingFault, orderingFaults } from './fault-kinds.js';
import { momentous, type OrderingPlan } from './plan.js';

const whole = z.number().int().min(0);

const moment = z.strictObject({ kind: z.enum(momentous), count: whole });

const planForm = z.strictObject({
  scenario: z.literal('ordering'),
  seed: whole,
  engine: z.enum(['antipaxos', 'pbft']),
  n: whole.min(4).max(22),
  f: whole.min(1).max(7),
  requests: whole.max(1000),
  chaosMs: whole.max(3_600_000),
  faults: z.partialRecord(z.enum(orderingFaults), z.number().gt(0).max(1)),
  liars: z.array(
    z.strictObject({
      replica: whole,
      behaviours: z
        .array(z.enum(Object.keys(orderingLies) as [OrderingLie, ...OrderingLie[]]))
        .min(1),
      during: z.tuple([moment, moment]).optional(),
    }),
  ),
  twins: z.array(whole),
  exclusion: z.enum(['S1', 'S2', 'S3']),
  pipelineDepth: whole.min(1).max(100),
  checkpointInterval: whole.min(1).max(128),
  batchDelayMs: whole.max(1000),
  batchRequestsMax: whole.min(1).max(4096),
  stateBytes: whole.max(4_000_000),
  measuring: z
    .strictObject({ requests: whole.min(1).max(10_000), delayMaxMs: z.number().gt(0).max(1000) })
    .nullable(),
  stepsMax: whole.min(1),
});

/** Reads a plan from JSON, as the shrinker prints it. Throws `ZodError` or `SyntaxError`. */
export function readOrderingPlan(json: string): OrderingPlan {
  const { faults, liars, ...plan } = planForm.parse(JSON.parse(json));
  const on = Object.entries(faults).filter(
    (entry): entry is [OrderingFault, number] => entry[1] !== undefined,
  );
  return {
    ...plan,
    faults: Object.fromEntries(on),
    liars: liars.map(({ during, ...liar }) => (during ? { ...liar, during } : liar)),
  };
}
