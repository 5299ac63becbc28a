import type { Batch, Dependencies } from '../../types.js';
import type { StateMachine } from '../engine.js';
import { union } from './deciding.js';
import type { EzbftState, InstanceEntry } from './state.js';

/** The application's judgement of requests. */
type Judge = Pick<StateMachine, 'interferes' | 'keysOf'>;

/**
 * Which batches must be executed in one order everywhere (Arun and others §III). One client's requests always
 * interfere, so that what is executed once is the same everywhere; and a barrier, which has none, interferes with all.
 */
export class Interference {
  readonly #judge: Judge;
  /** Clients of a batch, and what it touches where the application says that; forgotten with the batch. */
  readonly #touched = new WeakMap<Batch, ReadonlySet<string>>();

  constructor(judge: Judge) {
    this.#judge = judge;
  }

  between(a: Batch, b: Batch): boolean {
    if (a.length === 0 || b.length === 0) return true;
    if (meet(this.#touchedBy(a), this.#touchedBy(b))) return true;
    if (this.#judge.keysOf) return false;
    return a.some((one) => b.some((other) => this.#judge.interferes(one, other)));
  }

  #touchedBy(batch: Batch): ReadonlySet<string> {
    const known = this.#touched.get(batch);
    if (known) return known;
    const touched = new Set<string>();
    for (const request of batch) {
      touched.add(`client ${request.client}`);
      for (const key of this.#judge.keysOf?.(request) ?? []) touched.add(`key ${key}`);
    }
    this.#touched.set(batch, touched);
    return touched;
  }
}

function meet(some: ReadonlySet<string>, others: ReadonlySet<string>): boolean {
  const [few, many] = some.size < others.size ? [some, others] : [others, some];
  for (const one of few) if (many.has(one)) return true;
  return false;
}

/** What this replica knows of that a batch must be ordered with: in each space up to the last of it. */
export function interferingWith(
  state: EzbftState,
  interference: Interference,
  batch: Batch,
  claimed: Dependencies,
): Dependencies {
  const known = state.spaces.map((space, index) => {
    const least = Math.max(claimed[index] ?? 0, state.covered[index] ?? 0);
    const found = [...space.keys()]
      .filter((place) => place > least)
      .sort((a, b) => b - a)
      .find((place) => isNamed(state, interference, space.get(place), batch));
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
  interference: Interference,
  entry: InstanceEntry | undefined,
  batch: Batch,
): boolean {
  if (!entry) return false;
  const { decision, orders } = entry;
  if (decision && batch.length === 0) return true;
  const value = state.said(entry)?.statement.value;
  const named = value ? orders.get(value.digest)?.batch : undefined;
  const decided = decision?.value ? decision.batch : undefined;
  return [named, decided].some((one) => one !== undefined && interference.between(one, batch));
}
