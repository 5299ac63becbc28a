import type { StoredRecord } from '../../../src/kernel/core.js';
import type { Engine } from './engine.js';
import type { Random } from './random.js';
import { type DamageKind, StoredRecords } from './stored-records.js';

export interface DiskWrite {
  readonly key: string;
  readonly value: Uint8Array | null;
}

export interface DiskOptions {
  readonly engine: Engine;
  readonly random: Random;
  /** Told what became of a write that was under way at a crash. */
  readonly onCrashedWrite: (fate: 'lost' | 'torn' | 'unacknowledged') => void;
  /** Sees each write once it is on the disk. */
  readonly onWritten: (writes: readonly DiskWrite[]) => void;
  /** What is on it before its process starts for the first time. */
  readonly records: readonly StoredRecord[];
}

/**
 * The disk under a store whose writes are atomic, and the store on it in the production format. What was
 * under way at a crash is lost, torn (the log ends in half a batch, which the database drops), or there in
 * full though nobody was told. What was written can be damaged; the store then does not open.
 */
export class Disk {
  /** How long a sync takes, drawn between half and twice this. */
  syncMs = 0.5;
  readonly #options: DiskOptions;
  readonly #records = new Map<string, Uint8Array>();
  readonly #ids: Random;
  #stored: StoredRecords;
  #interruption: (() => void) | undefined;
  #underWay: { readonly writes: readonly DiskWrite[] } | undefined;

  constructor(options: DiskOptions) {
    this.#options = options;
    this.#ids = options.random.fork('store ids');
    this.#stored = new StoredRecords(this.#newId(), options.records);
    this.open();
  }

  get recordCount(): number {
    return this.#records.size;
  }

  /** Reads all that is stored, as a node does when it starts. Returns false where it is damaged. */
  open(): boolean {
    const records = this.#stored.read();
    if (records === undefined) return false;
    this.#records.clear();
    for (const { key, value } of records) this.#records.set(key, value);
    return true;
  }

  /** Damages what is stored. Returns false where there is nothing yet to damage in this way. */
  damage(kind: DamageKind): boolean {
    return this.#stored.damage(kind, this.#options.random);
  }

  /** In the order of their keys. */
  load(): StoredRecord[] {
    return [...this.#records]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => ({ key, value }));
  }

  read(key: string): Uint8Array | undefined {
    return this.#records.get(key);
  }

  /** One at a time; `done` is called unless a crash comes first. */
  write(writes: readonly DiskWrite[], done: () => void): void {
    const write = { writes };
    this.#underWay = write;
    const { engine, random } = this.#options;
    const interrupt = this.#interruption;
    this.#interruption = undefined;
    if (interrupt) engine.after(this.syncMs * random.between(0, 0.5), interrupt);
    engine.after(this.syncMs * random.between(0.5, 2), () => {
      if (this.#underWay !== write) return;
      this.#underWay = undefined;
      this.#apply(writes);
      done();
    });
  }

  /** Something is to happen in the midst of the next write. */
  interruptNextWrite(interrupt: () => void): void {
    this.#interruption = interrupt;
  }

  crash(): void {
    const write = this.#underWay;
    this.#underWay = undefined;
    if (write === undefined) return;
    const { random, onCrashedWrite } = this.#options;
    const fate = random.pick(['lost', 'torn', 'unacknowledged'] as const);
    if (fate === 'unacknowledged') this.#apply(write.writes);
    onCrashedWrite(fate);
  }

  /** The disk is replaced by an empty one. */
  wipe(): void {
    this.#records.clear();
    this.#stored = new StoredRecords(this.#newId(), []);
  }

  #newId(): string {
    return Array.from({ length: 32 }, () => this.#ids.int(16).toString(16)).join('');
  }

  /** The disk is replaced by one that holds this. */
  replace(records: readonly StoredRecord[]): void {
    this.wipe();
    for (const { key, value } of records) this.#records.set(key, value);
  }

  #apply(writes: readonly DiskWrite[]): void {
    this.#stored.write(writes);
    for (const { key, value } of writes) {
      if (value === null) this.#records.delete(key);
      else this.#records.set(key, value);
    }
    this.#options.onWritten(writes);
  }
}
