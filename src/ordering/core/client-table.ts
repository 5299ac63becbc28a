import { type Reader, readAll, Writer } from '../../kernel/codec/bytes.js';
import { limits } from '../../kernel/codec/limits.js';
import { sha256 } from '../../kernel/digest.js';
import { type ClientId, type ClusterId, clientId, type Digest } from '../../kernel/ids.js';
import { digestOfManifest } from '../check-message.js';
import { orderingLimits, readManifest, writeManifest } from '../fields.js';
import { readShared, writeShared } from '../statement-codec.js';
import type { Batch, CheckpointCertificate, OrderingRequest, SnapshotManifest } from '../types.js';

/** How far a client's numbers may overtake each other. What is older counts as executed. */
export const NUMBERS_REMEMBERED = 256;
/** Clients in one generation; there are two. */
const GENERATION_MAX = 2048;

/** Numbers of one client that were executed: all so far below the highest that are remembered. */
interface ClientState {
  highest: number;
  /** Of the numbers that are remembered below the highest, those that were executed; often there are none. */
  lower: NumberWindow | undefined;
}

/**
 * Which requests have been executed (Castro and Liskov §4.1). Part of every checkpoint. Clients are kept
 * in two generations: when the recent one is full it becomes the older one, and those that have been
 * silent for all of it are forgotten, the same at every replica.
 */
export class ClientTable {
  readonly #generationMax: number;
  #recent = new Map<ClientId, ClientState>();
  #older = new Map<ClientId, ClientState>();

  /** A client is forgotten once so many others were executed after it. */
  constructor(generationMax: number = GENERATION_MAX) {
    this.#generationMax = generationMax;
  }

  has({ client, number }: Pick<OrderingRequest, 'client' | 'number'>): boolean {
    return isExecuted(this.#recent.get(client) ?? this.#older.get(client), number);
  }

  /** The requests that are new, which from now on are not. */
  execute(batch: Batch): Batch {
    let fresh: OrderingRequest[] | undefined;
    for (const [index, request] of batch.entries()) {
      // As a rule all are, and the batch is what it was.
      if (!this.#execute(request)) fresh ??= batch.slice(0, index);
      else fresh?.push(request);
    }
    return fresh ?? batch;
  }

  write(writer: Writer): void {
    for (const generation of [this.#older, this.#recent]) {
      writer.u16(generation.size);
      for (const [client, { highest, lower }] of generation) {
        writer.text(client, limits.nameBytes);
        writer.u64(highest);
        writer.flag(lower !== undefined);
        lower?.write(writer);
      }
    }
  }

  /** Puts what `write` wrote in place of what is known. */
  read(reader: Reader): void {
    this.#older = readGeneration(reader);
    this.#recent = readGeneration(reader);
  }

  #execute(request: OrderingRequest): boolean {
    const { client, number } = request;
    const recent = this.#recent.get(client);
    const known = recent ?? this.#older.get(client);
    if (isExecuted(known, number)) return false;
    const state = recent ?? this.#renew(client, known);
    if (number > state.highest) {
      const { highest } = state;
      if (highest === 0 || number - highest >= NUMBERS_REMEMBERED) {
        state.lower = undefined;
      } else {
        state.lower ??= new NumberWindow();
        state.lower.clear(highest, number);
        state.lower.add(highest);
      }
      state.highest = number;
    } else {
      state.lower ??= new NumberWindow();
      state.lower.add(number);
    }
    return true;
  }

  /** A client that the recent generation lacks, with what is known of it. */
  #renew(client: ClientId, known: ClientState | undefined): ClientState {
    const state = known ?? { highest: 0, lower: undefined };
    if (this.#recent.size >= this.#generationMax) {
      this.#older = this.#recent;
      this.#recent = new Map();
    }
    this.#older.delete(client);
    this.#recent.set(client, state);
    return state;
  }
}

function isExecuted(state: ClientState | undefined, number: number): boolean {
  if (!state) return false;
  if (number === state.highest || number <= state.highest - NUMBERS_REMEMBERED) return true;
  return number < state.highest && state.lower?.has(number) === true;
}

function readGeneration(reader: Reader): Map<ClientId, ClientState> {
  const generation = new Map<ClientId, ClientState>();
  const count = reader.u16();
  for (let index = 0; index < count; index += 1) {
    const client = clientId(reader.text(limits.nameBytes));
    const highest = reader.u64();
    const lower = reader.flag() ? NumberWindow.read(reader) : undefined;
    generation.set(client, { highest, lower });
  }
  return generation;
}

/**
 * A set of numbers that lie within `NUMBERS_REMEMBERED` of each other: a bit for each, in a ring. Small,
 * and written as it is, since all clients are in every checkpoint.
 */
class NumberWindow {
  readonly #bits: Uint8Array;

  constructor(bits = new Uint8Array(NUMBERS_REMEMBERED / 8)) {
    this.#bits = bits;
  }

  static read(reader: Reader): NumberWindow {
    return new NumberWindow(reader.raw(NUMBERS_REMEMBERED / 8).slice());
  }

  write(writer: Writer): void {
    writer.raw(this.#bits);
  }

  has(number: number): boolean {
    const place = number % NUMBERS_REMEMBERED;
    return ((this.#bits[place >> 3] ?? 0) & (1 << (place & 7))) !== 0;
  }

  add(number: number): void {
    const place = number % NUMBERS_REMEMBERED;
    this.#bits[place >> 3] = (this.#bits[place >> 3] ?? 0) | (1 << (place & 7));
  }

  /** Makes room for the numbers after `from` up to `to`, fewer than fit: what had their places is forgotten. */
  clear(from: number, to: number): void {
    for (let number = from + 1; number <= to; number += 1) {
      const place = number % NUMBERS_REMEMBERED;
      this.#bits[place >> 3] = (this.#bits[place >> 3] ?? 0) & ~(1 << (place & 7));
    }
  }
}

/**
 * A state at a position, in chunks that are known by their digests: those that two states have in common
 * are stored, and transferred, once. The engine's part and the state machine's are cut separately, so
 * that one does not move the other's chunks.
 */
export class Snapshot {
  readonly manifest: SnapshotManifest;
  readonly digest: Digest;
  readonly #chunks: ReadonlyMap<Digest, Uint8Array>;

  private constructor(manifest: SnapshotManifest, chunks: ReadonlyMap<Digest, Uint8Array>) {
    this.manifest = manifest;
    this.digest = digestOfManifest(manifest);
    this.#chunks = chunks;
  }

  /** Throws `RangeError` where the state is too large. */
  static of(own: Uint8Array, machine: readonly Uint8Array[]): Snapshot {
    const ownChunks = cut(own);
    const chunks = [...ownChunks, ...machine.flatMap(cut)];
    if (chunks.length > orderingLimits.chunks) throw new RangeError('a state of too many chunks');
    const digests = chunks.map(({ digest }) => digest);
    const byDigest = new Map(chunks.map(({ digest, bytes }) => [digest, bytes]));
    return new Snapshot({ own: ownChunks.length, chunks: digests }, byDigest);
  }

  /** `undefined` while a chunk is missing. */
  static assemble(
    manifest: SnapshotManifest,
    chunks: ReadonlyMap<Digest, Uint8Array>,
  ): Snapshot | undefined {
    const own = new Map<Digest, Uint8Array>();
    for (const digest of manifest.chunks) {
      const chunk = chunks.get(digest);
      if (!chunk) return undefined;
      own.set(digest, chunk);
    }
    return new Snapshot(manifest, own);
  }

  chunk(digest: Digest): Uint8Array | undefined {
    return this.#chunks.get(digest);
  }

  /** The engine's part. */
  get own(): Uint8Array {
    return this.#joined(this.manifest.chunks.slice(0, this.manifest.own));
  }

  get machine(): Uint8Array {
    return this.#joined(this.manifest.chunks.slice(this.manifest.own));
  }

  #joined(digests: readonly Digest[]): Uint8Array {
    const parts = digests.flatMap((digest) => this.#chunks.get(digest) ?? []);
    return new Uint8Array(Buffer.concat(parts));
  }
}

/** A checkpoint that a quorum has signed, and the state that it is of. */
export interface StableCheckpoint {
  readonly certificate: CheckpointCertificate;
  readonly snapshot: Snapshot;
}

/** The record of a stable checkpoint; each chunk has one of its own. */
export function encodeStable({ certificate, snapshot }: StableCheckpoint): Uint8Array {
  const writer = new Writer();
  writeShared(writer, certificate);
  writeManifest(writer, snapshot.manifest);
  return writer.finish();
}

export function decodeStable(
  cluster: ClusterId,
  bytes: Uint8Array,
): { readonly certificate: CheckpointCertificate; readonly manifest: SnapshotManifest } {
  return readAll(bytes, (reader) => ({
    certificate: readShared(reader, cluster, 'checkpoint'),
    manifest: readManifest(reader),
  }));
}

interface Chunk {
  readonly digest: Digest;
  readonly bytes: Uint8Array;
}

/** Of arrays that are parts of several states, so that each is digested once. */
const known = new WeakMap<Uint8Array, readonly Chunk[]>();

function cut(part: Uint8Array): readonly Chunk[] {
  const cutBefore = known.get(part);
  if (cutBefore) return cutBefore;
  const { chunkBytes } = orderingLimits;
  const chunks = Array.from({ length: Math.ceil(part.length / chunkBytes) }, (_, index) => {
    const bytes = part.subarray(index * chunkBytes, (index + 1) * chunkBytes);
    return { digest: sha256(bytes), bytes };
  });
  known.set(part, chunks);
  return chunks;
}
