import type { Batch, Dependencies, OrderingRequest } from '../../types.js';
import { union } from './deciding.js';
import type { EzbftState, InstanceEntry } from './state.js';

/** The application's judgement of two requests. */
export type Interferes = (a: OrderingRequest, b: OrderingRequest) => boolean;

/**
 * Whether two batches must be executed in one order everywhere (Arun and others §III). One client's requests always
 * interfere, so that what is executed once is the same everywhere; and a barrier, which has none, interferes with all.
 */
export function interfere(interferes: Interferes, a: Batch, b: Batch): boolean {
  if (a.length === 0 || b.length === 0) return true;
  const clients = new Set(a.map(({ client }) => client));
  return (
    b.some(({ client }) => clients.has(client)) ||
    a.some((one) => b.some((other) => interferes(one, other)))
  );
}

/** What this replica knows of that a batch must be ordered with: in each space up to the last of it. */
export function interferingWith(
  state: EzbftState,
  interferes: Interferes,
  batch: Batch,
  claimed: Dependencies,
): Dependencies {
  const known = state.spaces.map((space, index) => {
    const least = Math.max(claimed[index] ?? 0, state.covered[index] ?? 0);
    const found = [...space.keys()]
      .filter((place) => place > least)
      .sort((a, b) => b - a)
      .find((place) => isNamed(state, interferes, space.get(place), batch));
    return found ?? least;
  });
  return union(known, claimed);
}

/**
 * Whether a batch is executed after an instance, for all that is known here: for the batch that this replica named a
 * value of, or for the one that was decided. A barrier comes after no-ops, too, so that a checkpoint covers them.
 */
function isNamed(
  state: EzbftState,
  interferes: Interferes,
  entry: InstanceEntry | undefined,
  batch: Batch,
): boolean {
  if (!entry) return false;
  const { decision, orders } = entry;
  if (decision && batch.length === 0) return true;
  const value = state.said(entry)?.statement.value;
  const named = value ? orders.get(value.digest)?.batch : undefined;
  const decided = decision?.value ? decision.batch : undefined;
  return [named, decided].some((one) => one !== undefined && interfere(interferes, one, batch));
}
