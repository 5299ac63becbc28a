import type { StoredRecord } from '../../core/effects.js';
import { type Damage, headKey, Ledger, type ReadStore } from './ledger.js';
import type { MarkContent } from './mark.js';

export type Inspected =
  /** Nothing has been written yet. */
  | { readonly kind: 'new' }
  | ({ readonly kind: 'sound' } & ReadStore)
  | { readonly kind: 'damaged'; readonly damages: readonly Damage[] };

/** Compares all that is stored with what the head in it and the mark beside it say. */
export function inspect(
  stored: readonly StoredRecord[],
  mark: MarkContent | 'missing' | 'damaged',
): Inspected {
  if (stored.length === 0 && mark === 'missing') return { kind: 'new' };
  const read = Ledger.read(stored);
  if (!read.ok) return { kind: 'damaged', damages: read.error };
  const what = disagreement(read.value.ledger, mark);
  if (what !== undefined) return { kind: 'damaged', damages: [{ key: headKey, what }] };
  return { kind: 'sound', ...read.value };
}

function disagreement(
  { id, sequence }: Ledger,
  mark: MarkContent | 'missing' | 'damaged',
): string | undefined {
  if (mark === 'damaged') return 'the mark beside the store cannot be read';
  // A process may end between the first batch and the mark.
  if (mark === 'missing') return sequence > 1 ? 'the mark beside the store is missing' : undefined;
  if (mark.id !== id) return 'the mark beside the store is of another store';
  const lost = mark.sequence - sequence;
  return lost > 0 ? `the newest ${lost} batches are missing, or it is an older copy` : undefined;
}
