import { z } from 'zod';
import { commonForm, faultsOf, namesIn, whole } from '../kit/plan-form.js';
import { allLies } from './byzantine/library.js';
import { orderingFaults } from './fault-kinds.js';
import { momentous, type OrderingPlan } from './plan.js';

/** Of plans whose replicas run an ordering engine. */
export const replicaForm = {
  ...commonForm,
  engine: z.enum(['antipaxos', 'ezbft', 'fab', 'pbft']),
  faults: faultsOf(orderingFaults),
  exclusion: z.enum(['S1', 'S2', 'S3']),
  pipelineDepth: whole.min(1).max(100),
  checkpointInterval: whole.min(1).max(128),
};

const moment = z.strictObject({ kind: z.enum(momentous), count: whole });

const planForm = z.strictObject({
  scenario: z.literal('ordering'),
  ...replicaForm,
  requests: whole.max(1000),
  liars: z.array(
    z.strictObject({
      replica: whole,
      behaviours: namesIn(allLies).min(1),
      during: z.tuple([moment, moment]).optional(),
    }),
  ),
  twins: z.array(whole),
  decisionsBy: z.enum(['pbft', 'fab']),
  batchDelayMs: whole.max(1000),
  batchRequestsMax: whole.min(1).max(4096),
  stateBytes: whole.max(4_000_000),
  measuring: z
    .strictObject({ requests: whole.min(1).max(10_000), delayMaxMs: z.number().gt(0).max(1000) })
    .nullable(),
});

/** Reads a plan from JSON, as the shrinker prints it. Throws `ZodError` or `SyntaxError`. */
export function readOrderingPlan(json: string): OrderingPlan {
  const { liars, ...plan } = planForm.parse(JSON.parse(json));
  return {
    ...plan,
    liars: liars.map(({ during, ...liar }) => (during ? { ...liar, during } : liar)),
  };
}
