import { createHash, hash } from 'node:crypto';
import type { StoredRecord, StoreWrite } from '../core.js';
import { failed, ok, type Result } from '../ids.js';

/** What is wrong in a store, and in which record; the head's key stands for the store as a whole. */
export interface Damage {
  readonly key: string;
  readonly what: string;
}

/** The record that counts the others. It sorts before every other key. */
export const headKey = '\u0000head';

/** Why nothing can be said about the records of a store. */
export type Unreadable =
  | { readonly kind: 'damaged'; readonly damages: readonly Damage[] }
  | { readonly kind: 'newer'; readonly format: number };

/** The format that this version writes. It reads all formats up to it. */
export const storeFormat = 2;

const formatBytes = 2;
const idBytes = 16;
const checksumBytes = 16;
/** Id, sequence, count of records, sum of checksums: all of format 1, which has no number. */
const countsBytes = idBytes + 8 + 8 + checksumBytes;

/**
 * The checks of one store, apart from any disk. A stored value is `checksum, value`: 16 bytes of SHA-256
 * over the store's id, the key and the value. So a record that was moved to another key, or comes from
 * another store, does not verify. A disk that lies is no forger, but shorter sums than these could
 * cancel out in the head: it holds the number of batches, the number of records and the sum of all
 * checksums, and is written with each batch. So a record that is missing, old or came back is found.
 *
 * Not found here: a whole store as it once was. For that the sequence is kept outside, too.
 *
 * A head begins with the number of its format, then the store's id. Later formats do so, too, and have the same
 * checksum, so that a head of theirs is known from a damaged one. The first batch that is written to a store of
 * an older format brings it to the present one.
 */
export class StoreLedger {
  readonly #checksums: Map<string, bigint>;
  #sequence: number;
  #sum: bigint;

  private constructor(
    /** 16 random bytes in hexadecimal digits. */
    readonly id: string,
    sequence: number,
    sum: bigint,
    checksums: Map<string, bigint>,
  ) {
    this.#sequence = sequence;
    this.#sum = sum;
    this.#checksums = checksums;
  }

  /** Of a new store. */
  static empty(id: string): StoreLedger {
    return new StoreLedger(id, 0, 0n, new Map());
  }

  /** Reads and checks all that is in a store. */
  static read(stored: readonly StoredRecord[]): Result<ReadStore, Unreadable> {
    const head = headIn(stored);
    if (!head.ok) return head;
    const { id, sequence, count, sum } = head.value;
    const checksums = new Map<string, bigint>();
    const records: StoredRecord[] = [];
    const damages: Damage[] = [];
    let found = 0n;
    for (const { key, value: framed } of stored) {
      if (key === headKey) continue;
      const value = framed.subarray(checksumBytes);
      const checksum = checksumOf(id, key, value);
      if (checksumIn(framed) !== checksum) {
        damages.push({ key, what: 'the record does not have its checksum' });
        continue;
      }
      checksums.set(key, checksum);
      found = plus(found, checksum);
      records.push({ key, value });
    }
    if (damages.length === 0 && (count !== checksums.size || sum !== found)) {
      const what = `${checksums.size} records where the head counts ${count}, or old ones among them`;
      damages.push({ key: headKey, what });
    }
    if (damages.length > 0) return failed({ kind: 'damaged', damages });
    return ok({ ledger: new StoreLedger(id, sequence, found, checksums), records });
  }

  /** The format of what is stored; `undefined` where the head cannot be read. */
  static formatOf(stored: readonly StoredRecord[]): number | undefined {
    const head = headIn(stored);
    return head.ok ? head.value.format : undefined;
  }

  /** The number of batches that were written. */
  get sequence(): number {
    return this.#sequence;
  }

  /** The batch as it is stored, head included. Each one sealed must be written, in this order. */
  seal(writes: readonly StoreWrite[]): StoreWrite[] {
    const sealed = writes.map(({ key, value }) => {
      if (key === headKey) throw new RangeError('the key of the head is not free');
      const checksum = value && checksumOf(this.id, key, value);
      this.#sum = plus(this.#sum, (checksum ?? 0n) - (this.#checksums.get(key) ?? 0n));
      if (value === null || checksum === null) {
        this.#checksums.delete(key);
        return { key, value: null };
      }
      this.#checksums.set(key, checksum);
      return { key, value: framed(checksum, value) };
    });
    this.#sequence += 1;
    return [...sealed, { key: headKey, value: this.#head() }];
  }

  /** A stored value that is read again. It must be what was written last under this key. */
  open(key: string, framed: Uint8Array): Result<Uint8Array, Damage> {
    const value = framed.subarray(checksumBytes);
    const checksum = checksumOf(this.id, key, value);
    return checksumIn(framed) === checksum && this.#checksums.get(key) === checksum
      ? ok(value)
      : failed({ key, what: 'the record is not the one that was written' });
  }

  has(key: string): boolean {
    return this.#checksums.has(key);
  }

  #head(): Uint8Array {
    const head = Buffer.alloc(formatBytes + countsBytes);
    head.writeUInt16BE(storeFormat);
    const counts = head.subarray(formatBytes);
    counts.write(this.id, 'hex');
    counts.writeBigUInt64BE(BigInt(this.#sequence), idBytes);
    counts.writeBigUInt64BE(BigInt(this.#checksums.size), idBytes + 8);
    writeSum(counts, this.#sum, idBytes + 16);
    return framed(checksumOf(this.id, headKey, head), head);
  }
}

/** What a store holds, and the checks to go on with. */
export interface ReadStore {
  readonly ledger: StoreLedger;
  readonly records: StoredRecord[];
}

interface Head {
  readonly format: number;
  readonly id: string;
  readonly sequence: number;
  readonly count: number;
  readonly sum: bigint | undefined;
}

function headIn(stored: readonly StoredRecord[]): Result<Head, Unreadable> {
  const head = stored.find(({ key }) => key === headKey);
  return head === undefined ? badHead('the head is missing') : readHead(head.value);
}

function badHead(what: string): Result<never, Unreadable> {
  return failed({ kind: 'damaged', damages: [{ key: headKey, what }] });
}

function readHead(stored: Uint8Array): Result<Head, Unreadable> {
  const head = Buffer.from(stored).subarray(checksumBytes);
  const isFirst = head.length === countsBytes;
  const counts = isFirst ? head : head.subarray(formatBytes);
  const id = counts.toString('hex', 0, idBytes);
  const isSound = checksumIn(stored) === checksumOf(id, headKey, head);
  if (!isSound || counts.length < idBytes) return badHead('the head does not have its checksum');
  const format = isFirst ? 1 : head.readUInt16BE();
  if (format > storeFormat) return failed({ kind: 'newer', format });
  if (counts.length !== countsBytes) return badHead('the head does not have its length');
  return ok({
    format,
    id,
    sequence: Number(counts.readBigUInt64BE(idBytes)),
    count: Number(counts.readBigUInt64BE(idBytes + 8)),
    sum: checksumIn(counts.subarray(idBytes + 16)),
  });
}

/** Up to so many bytes it is cheaper to copy a value than to hash it in parts. */
const copiedUpTo = 4096;

/** The first 16 bytes of SHA-256, as a number. */
function checksumOf(id: string, key: string, value: Uint8Array): bigint {
  const name = Buffer.from(`${id}${key}`);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(name.length);
  const digest =
    value.length > copiedUpTo
      ? createHash('sha256').update(length).update(name).update(value).digest('hex')
      : hash('sha256', Buffer.concat([length, name, value]), 'hex');
  return BigInt(`0x${digest.slice(0, 2 * checksumBytes)}`);
}

function checksumIn(framed: Uint8Array): bigint | undefined {
  if (framed.length < checksumBytes) return undefined;
  return BigInt(`0x${Buffer.from(framed.subarray(0, checksumBytes)).toString('hex')}`);
}

function framed(checksum: bigint, value: Uint8Array): Uint8Array {
  const bytes = Buffer.allocUnsafe(checksumBytes + value.length);
  writeSum(bytes, checksum, 0);
  bytes.set(value, checksumBytes);
  return bytes;
}

function writeSum(bytes: Buffer, sum: bigint, at: number): void {
  bytes.write(sum.toString(16).padStart(2 * checksumBytes, '0'), at, 'hex');
}

function plus(left: bigint, right: bigint): bigint {
  return BigInt.asUintN(8 * checksumBytes, left + right);
}
