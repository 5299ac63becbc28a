import type { StoredRecord, StoreWrite } from '../../../src/kernel/core.js';
import { headKey, StoreLedger } from '../../../src/kernel/store/ledger.js';
import type { MarkContent } from '../../../src/kernel/store/mark.js';
import { inspect } from '../../../src/kernel/store/store.js';
import type { Random } from './random.js';

/** What a disk can do to what is stored on it. */
export const damageKinds = [
  'flipped-bit',
  'lost-record',
  'old-record',
  'swapped-records',
  'lost-batch',
  'lost-all',
] as const;
export type DamageKind = (typeof damageKinds)[number];

/** What a store holds on disk, in the production format: sealed records, the head, and the mark beside them. */
export class StoredRecords {
  readonly #stored = new Map<string, Uint8Array>();
  readonly #ledger: StoreLedger;
  #mark: MarkContent;
  /** What the last batch replaced; null where there was nothing. */
  #before = new Map<string, Uint8Array | null>();

  constructor(id: string, records: readonly StoredRecord[]) {
    this.#ledger = StoreLedger.empty(id);
    this.#mark = { id, sequence: 0 };
    this.write([]);
    if (records.length > 0) this.write(records);
  }

  write(writes: readonly StoreWrite[]): void {
    this.#before = new Map();
    for (const { key, value } of this.#ledger.seal(writes)) {
      if (!this.#before.has(key)) this.#before.set(key, this.#stored.get(key) ?? null);
      this.#put(key, value);
    }
    this.#mark = { id: this.#ledger.id, sequence: this.#ledger.sequence };
  }

  /** As a node reads them when it starts; undefined where it refuses to. */
  read(): StoredRecord[] | undefined {
    const stored = [...this.#stored].map(([key, value]) => ({ key, value }));
    const inspected = inspect(stored, this.#mark);
    return inspected.kind === 'sound' ? inspected.records : undefined;
  }

  /** Makes the disk lie. Returns false where there is nothing yet to damage in this way. */
  damage(kind: DamageKind, random: Random): boolean {
    const keys = [...this.#stored.keys()].filter((key) => key !== headKey).sort();
    const [key, other] = random.sample(keys, 2);
    switch (kind) {
      case 'flipped-bit':
        return this.#flip(random.pick([...keys, headKey]), random);
      case 'lost-record':
        return key !== undefined && this.#stored.delete(key);
      case 'old-record': {
        const changed = [...this.#before].filter(
          ([one, value]) => one !== headKey && !isSame(value, this.#stored.get(one) ?? null),
        );
        for (const [one, value] of changed) this.#put(one, value);
        return changed.length > 0;
      }
      case 'swapped-records':
        return key !== undefined && other !== undefined && this.#swap(key, other);
      case 'lost-batch':
        for (const [one, value] of this.#before) this.#put(one, value);
        return true;
      case 'lost-all':
        this.#stored.clear();
        return true;
    }
  }

  #flip(key: string, random: Random): boolean {
    const bytes = Uint8Array.from(this.#stored.get(key) ?? []);
    const at = random.int(bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random.int(8));
    this.#stored.set(key, bytes);
    return true;
  }

  #swap(key: string, other: string): boolean {
    const [one, another] = [this.#stored.get(key), this.#stored.get(other)];
    this.#put(key, another ?? null);
    this.#put(other, one ?? null);
    return true;
  }

  #put(key: string, value: Uint8Array | null): void {
    if (value === null) this.#stored.delete(key);
    else this.#stored.set(key, value);
  }
}

function isSame(one: Uint8Array | null, other: Uint8Array | null): boolean {
  return one === null || other === null ? one === other : Buffer.compare(one, other) === 0;
}
