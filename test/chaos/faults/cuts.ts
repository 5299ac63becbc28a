import type { Network } from '../network/network.js';
import type { Direction } from './partition.js';

/** Partitions may overlap: a direction is restored when no partition cuts it any more. */
export class Cuts {
  readonly #network: Network;
  readonly #counts = new Map<string, number>();

  constructor(network: Network) {
    this.#network = network;
  }

  async cut(directions: readonly Direction[]): Promise<void> {
    const fresh = directions.filter((direction) => this.#add(direction, 1) === 1);
    await Promise.all(fresh.map(({ from, to }) => this.#network.cut(from, to)));
  }

  async restore(directions: readonly Direction[]): Promise<void> {
    const last = directions.filter((direction) => this.#add(direction, -1) === 0);
    await Promise.all(last.map(({ from, to }) => this.#network.restore(from, to)));
  }

  /** Gives how many partitions cut it now. */
  #add({ from, to }: Direction, change: 1 | -1): number {
    const key = `${from} ${to}`;
    const count = (this.#counts.get(key) ?? 0) + change;
    this.#counts.set(key, count);
    return count;
  }
}
