/**
 * Seeded random numbers (sfc32), forked by purpose: a fork depends on the seed and on its purpose only,
 * so one more draw somewhere does not shift what happens elsewhere.
 */
export class Random {
  readonly #seed: string;
  readonly #state: Uint32Array;

  constructor(seed: string) {
    this.#seed = seed;
    this.#state = Uint32Array.from([1, 2, 3, 4], (salt) => hashText(`${seed}#${salt}`));
    for (let i = 0; i < 12; i += 1) this.next();
  }

  fork(purpose: string): Random {
    return new Random(`${this.#seed}/${purpose}`);
  }

  /** In [0, 1). */
  next(): number {
    const state = this.#state;
    const [a = 0, b = 0, c = 0, counter = 0] = state;
    const sum = (a + b + counter) >>> 0;
    state[3] = counter + 1;
    state[0] = b ^ (b >>> 9);
    state[1] = c + (c << 3);
    state[2] = ((c << 21) | (c >>> 11)) + sum;
    return sum / 4_294_967_296;
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** A whole number in [0, below). */
  int(below: number): number {
    return Math.floor(this.next() * below);
  }

  between(least: number, most: number): number {
    return least + this.next() * (most - least);
  }

  /** Throws `RangeError` where there is nothing to pick from. */
  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.int(items.length)];
    if (item === undefined) throw new RangeError('nothing to pick from');
    return item;
  }

  /** Each item with this probability, in their order. */
  some<Item>(items: readonly Item[], probability: number): Item[] {
    return items.filter(() => this.chance(probability));
  }

  /** `count` of them, or all, in random order. */
  sample<Item>(items: readonly Item[], count: number): Item[] {
    const rest = [...items];
    const taken: Item[] = [];
    while (taken.length < count && rest.length > 0) {
      taken.push(...rest.splice(this.int(rest.length), 1));
    }
    return taken;
  }

  /** So many hexadecimal digits. */
  hex(digits: number): string {
    return Array.from({ length: digits }, () => this.int(16).toString(16)).join('');
  }

  uuid(): string {
    const [a, b, c, d, e] = [8, 4, 4, 4, 12].map((digits) => this.hex(digits));
    return [a, b, c, d, e].join('-');
  }
}

/** FNV-1a, 32 bits. */
export function hashText(text: string, start = 0x811c9dc5): number {
  let hash = start;
  for (let i = 0; i < text.length; i += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return hash >>> 0;
}
