import { hash } from 'node:crypto';
import type { StoredRecord, StoreWrite } from '../core.js';
import { failed, ok, type Result } from '../ids.js';

/** What is wrong in a store, and in which record; the head's key stands for the store as a whole. */
export interface Damage {
  readonly key: string;
  readonly what: string;
}

/** The record that counts the others. It sorts before every other key. */
export const headKey = '\u0000head';

const idBytes = 16;
const checksumBytes = 16;
/** Id, sequence, count of records, sum of checksums. */
const headBytes = idBytes + 8 + 8 + checksumBytes;

/**
 * The checks of one store, apart from any disk. A stored value is `checksum, value`: 16 bytes of SHA-256
 * over the store's id, the key and the value. So a record that was moved to another key, or comes from
 * another store, does not verify. A disk that lies is no forger, but shorter sums than these could
 * cancel out in the head: it holds the number of batches, the number of records and the sum of all
 * checksums, and is written with each batch. So a record that is missing, old or came back is found.
 *
 * Not found here: a whole store as it once was. For that the sequence is kept outside, too.
 */
export class Ledger {
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
  static empty(id: string): Ledger {
    return new Ledger(id, 0, 0n, new Map());
  }

  /** Reads and checks all that is in a store. */
  static read(stored: readonly StoredRecord[]): Result<ReadStore, readonly Damage[]> {
    const head = stored.find(({ key }) => key === headKey);
    if (head === undefined) return failed([{ key: headKey, what: 'the head is missing' }]);
    const { id, sequence, count, sum } = readHead(head.value) ?? {};
    if (id === undefined || sequence === undefined) {
      return failed([{ key: headKey, what: 'the head does not have its checksum' }]);
    }
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
    if (damages.length > 0) return failed(damages);
    return ok({ ledger: new Ledger(id, sequence, found, checksums), records });
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
    const head = Buffer.alloc(headBytes);
    head.write(this.id, 'hex');
    head.writeBigUInt64BE(BigInt(this.#sequence), idBytes);
    head.writeBigUInt64BE(BigInt(this.#checksums.size), idBytes + 8);
    writeSum(head, this.#sum, idBytes + 16);
    return framed(checksumOf(this.id, headKey, head), head);
  }
}

/** What a store holds, and the checks to go on with. */
export interface ReadStore {
  readonly ledger: Ledger;
  readonly records: StoredRecord[];
}

function readHead(stored: Uint8Array) {
  if (stored.length !== checksumBytes + headBytes) return undefined;
  const head = Buffer.from(stored).subarray(checksumBytes);
  const id = head.toString('hex', 0, idBytes);
  if (checksumIn(stored) !== checksumOf(id, headKey, head)) return undefined;
  return {
    id,
    sequence: Number(head.readBigUInt64BE(idBytes)),
    count: Number(head.readBigUInt64BE(idBytes + 8)),
    sum: checksumIn(head.subarray(idBytes + 16)),
  };
}

/** The first 16 bytes of SHA-256, as a number. */
function checksumOf(id: string, key: string, value: Uint8Array): bigint {
  const name = Buffer.from(`${id}${key}`);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(name.length);
  const digest = hash('sha256', Buffer.concat([length, name, value]), 'hex');
  return BigInt(`0x${digest.slice(0, 2 * checksumBytes)}`);
}

function checksumIn(framed: Uint8Array): bigint | undefined {
  if (framed.length < checksumBytes) return undefined;
  return BigInt(`0x${Buffer.from(framed.subarray(0, checksumBytes)).toString('hex')}`);
}

function framed(checksum: bigint, value: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(checksumBytes + value.length);
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
