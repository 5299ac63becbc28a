import type { Resilience } from '../../../src/kernel/ids.js';
import { NUMBERS_REMEMBERED } from '../../../src/ordering/core/client-table.js';
import type { OrderingRequest } from '../../../src/ordering/types.js';
import { excesses, type Load } from '../kit/loads.js';
import type { Violation } from '../kit/violation.js';
import type { OrderingPlan } from './plan.js';
import type { DecidedRecord } from './records.js';
import { type Entry, keyOf, type OrderingWitness } from './witness.js';

/** Antipaxos §3, of each cycle that any correct replica has decided. */
export function checkCycles(
  { decided, proposed }: OrderingWitness,
  { n, f }: Resilience,
  isCorrect: (replica: number) => boolean,
): readonly Violation[] {
  const found: Violation[] = [];
  const fault = (checker: string, what: string) => found.push({ checker, what });
  for (const [cycle, records] of decided) {
    const vectors = new Set([...records.values()].map(({ vector }) => vector.join(' ')));
    if (vectors.size > 1) fault('agreement', `cycle ${cycle} was decided in ${vectors.size} ways`);
    for (const { vector, reports } of records.values()) {
      const nulls = vector.filter((digest) => digest === null).length;
      if (vector.length !== n) fault('agreement', `${vector.length} values in cycle ${cycle}`);
      if (nulls > f) fault('at-most-f-nulls', `${nulls} values are missing from cycle ${cycle}`);
      vector.forEach((digest, replica) => {
        if (digest === null || !isCorrect(replica)) return;
        if (proposed.get(`${replica} ${cycle}`) === digest) return;
        fault('validity', `${replica} did not propose what cycle ${cycle} decided`);
      });
      if (reports && reports.length !== n - nulls) {
        fault('fast-path', `cycle ${cycle} by ${reports.length} reports of ${n - nulls} values`);
      }
    }
  }
  return found;
}

/** Which requests machines were told of. What is far below a client's highest number counts as told. */
class Told {
  readonly #keys = new Set<string>();
  readonly #highest = new Map<string, number>();

  /** Whether the request is new; from now on it is not. */
  add(request: OrderingRequest): boolean {
    const { client, number } = request;
    const key = keyOf(request);
    const highest = this.#highest.get(client) ?? 0;
    if (this.#keys.has(key) || number <= highest - NUMBERS_REMEMBERED) return false;
    this.#keys.add(key);
    this.#highest.set(client, Math.max(highest, number));
    return true;
  }
}

/** That the machines were told what the decided values say: all of it, in order, once. */
export function checkDelivery(
  { decided, values }: Pick<OrderingWitness, 'decided' | 'values'>,
  log: readonly Entry[],
): readonly Violation[] {
  const told = new Told();
  let index = 0;
  for (let cycle = 1; ; cycle += 1) {
    const record: DecidedRecord | undefined = decided.get(cycle)?.values().next().value;
    if (!record) return [];
    for (const digest of record.vector) {
      for (const request of (digest && values.get(digest)?.batch) || []) {
        if (!told.add(request)) continue;
        const key = keyOf(request);
        const entry = log[index];
        // Nobody has got so far yet.
        if (!entry) return [];
        if (entry.key !== key || entry.position !== cycle) {
          const what = `${entry.key} at ${entry.position} where cycle ${cycle} has ${key}`;
          return [{ checker: 'delivery', what }];
        }
        index += 1;
      }
    }
  }
}

/** Records of one place in the log of PBFT: votes, certificates, and a batch for each of a few views. */
const RECORDS_OF_A_PLACE = 8;
const RECORDS_BESIDES = 32;

/** Whether a correct replica holds no more than its log and the number of processes explain. */
export function checkLoad(plan: OrderingPlan, loads: readonly Load[]): readonly Violation[] {
  const { n, checkpointInterval, pipelineDepth } = plan;
  if (plan.engine === 'ezbft') return checkInstanceLoad(plan, loads);
  const window = 2 * checkpointInterval + 2 * pipelineDepth;
  // A value of each process, and any that its reports name besides; what was said; the decision.
  const ofCycles = window * (n * n + 3);
  const ofPlaces = 2 * 64 * RECORDS_OF_A_PLACE + 2 * checkpointInterval * RECORDS_OF_A_PLACE;
  const recordsMax = ofCycles + ofPlaces + RECORDS_BESIDES;
  const timersMax = 2 * window + 2 * 8;
  return excesses(loads, { timers: timersMax, records: recordsMax });
}

/** The same of ezBFT: what was said and decided of the instances in reach, and the Decision Module's log. */
function checkInstanceLoad(plan: OrderingPlan, loads: readonly Load[]): readonly Violation[] {
  const { n, checkpointInterval } = plan;
  const ofInstances = 2 * n * (3 * checkpointInterval + 4);
  const ofPlaces = 2 * checkpointInterval * RECORDS_OF_A_PLACE;
  return excesses(loads, { timers: 16, records: ofInstances + ofPlaces + RECORDS_BESIDES });
}
