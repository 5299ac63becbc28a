import { type Reader, readAll, Writer } from '../../../kernel/codec/bytes.js';
import {
  readInstance,
  readInstanceValue,
  writeInstance,
  writeInstanceValue,
} from '../../instance-codec.js';
import { readTouched, writeTouched } from '../../touched-codec.js';
import type { Instance, InstanceValue, Touched } from '../../types.js';
import { names, type Settled } from './deciding.js';
import { Interference, type Judge } from './interference.js';

/** Instances of one space that one part of the state has: what no longer changes is stored once. */
const BLOCK = 64;

/** An instance as it was settled. */
export interface SettledInstance {
  readonly instance: Instance;
  readonly value: InstanceValue | null;
  /** `null`: a no-op. */
  readonly touched: Touched | null;
}

/**
 * The Decision Module's state: what it has settled, the last `kept` instances of each space. Of a batch it has what
 * decides whether others interfere, not the requests: replicas have these until a stable checkpoint covers them.
 */
export class SettledInstances {
  readonly #judge: Judge;
  readonly #kept: number;
  readonly #spaces: readonly Map<number, SettledInstance>[];
  readonly #latest: number[];
  #interference: Interference;

  constructor(judge: Judge, n: number, kept: number) {
    this.#judge = judge;
    this.#kept = kept;
    this.#spaces = Array.from({ length: n }, () => new Map<number, SettledInstance>());
    this.#latest = this.#spaces.map(() => 0);
    this.#interference = new Interference(judge);
  }

  isForgotten({ space, index }: Instance): boolean {
    return index <= (this.#latest[space] ?? 0) - this.#kept;
  }

  add(one: SettledInstance): void {
    this.#keep(one);
    this.#forget(one.instance);
  }

  find({ space, index }: Instance): SettledInstance | undefined {
    return this.#spaces[space]?.get(index);
  }

  *all(): Generator<SettledInstance> {
    for (const space of this.#spaces) yield* space.values();
  }

  /** Of what interferes and does not name the instance: the last in each space, which stands for those before it. */
  without(instance: Instance, touched: Touched): readonly Settled[] {
    const after = this.#latest.map((_, space) => (space === instance.space ? Infinity : 0));
    const last = this.#interference.lastWith(touched, after, (other) => {
      const value = this.find(other)?.value;
      return value !== null && value !== undefined && !names(value.deps, instance);
    });
    return last.flatMap((index, space) => {
      const found = this.#spaces[space]?.get(index);
      return found?.value ? [{ instance: found.instance, value: found.value }] : [];
    });
  }

  write(): readonly Uint8Array[] {
    const blocks = this.#spaces.flatMap((space) => {
      const sorted = [...space.values()].sort((a, b) => a.instance.index - b.instance.index);
      const ofSpace = new Map<number, SettledInstance[]>();
      for (const one of sorted) {
        const block = Math.floor(one.instance.index / BLOCK);
        ofSpace.set(block, [...(ofSpace.get(block) ?? []), one]);
      }
      return [...ofSpace.values()];
    });
    const head = new Writer();
    head.u32(blocks.length);
    return [head.finish(), ...blocks.map(encodeBlock)];
  }

  /** Puts what `write` wrote in place of what is known. */
  read(bytes: Uint8Array): void {
    for (const space of this.#spaces) space.clear();
    this.#latest.fill(0);
    this.#interference = new Interference(this.#judge);
    readAll(bytes, (reader) => {
      const blocks = reader.u32();
      for (let block = 0; block < blocks; block += 1) {
        for (const one of reader.list(BLOCK, () => readSettled(reader))) this.#keep(one);
      }
    });
  }

  #keep(one: SettledInstance): void {
    const { space, index } = one.instance;
    this.#spaces[space]?.set(index, one);
    this.#latest[space] = Math.max(index, this.#latest[space] ?? 0);
    if (one.touched) this.#interference.add(one.instance, one.touched);
  }

  #forget({ space }: Instance): void {
    for (const { instance } of this.#spaces[space]?.values() ?? []) {
      if (!this.isForgotten(instance)) continue;
      this.#spaces[space]?.delete(instance.index);
      this.#interference.remove(instance);
    }
  }
}

function encodeBlock(block: readonly SettledInstance[]): Uint8Array {
  const writer = new Writer();
  writer.list(block, BLOCK, ({ instance, value, touched }) => {
    writeInstance(writer, instance);
    writeInstanceValue(writer, value);
    if (touched) writeTouched(writer, touched);
  });
  return writer.finish();
}

function readSettled(reader: Reader): SettledInstance {
  const instance = readInstance(reader);
  const value = readInstanceValue(reader);
  return { instance, value, touched: value && readTouched(reader) };
}
