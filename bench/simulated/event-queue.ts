interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** What is still to happen, in virtual time; at one instant in the order in which it was put in. */
export class EventQueue {
  readonly #heap: Event[] = [];
  #order = 0;
  #nowMs = 0;

  get nowMs(): number {
    return this.#nowMs;
  }

  get size(): number {
    return this.#heap.length;
  }

  /** What would be in the past happens now. */
  at(atMs: number, run: () => void): void {
    const heap = this.#heap;
    const event = { atMs: Math.max(atMs, this.#nowMs), order: this.#order++, run };
    let place = heap.length;
    heap.push(event);
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = heap[parent];
      if (!above || !isBefore(event, above)) break;
      heap[place] = above;
      place = parent;
    }
    heap[place] = event;
  }

  /** Lets the next thing happen; false where there is none until then. */
  step(untilMs = Number.POSITIVE_INFINITY): boolean {
    const [first] = this.#heap;
    if (!first || first.atMs > untilMs) return false;
    this.#nowMs = first.atMs;
    this.#removeFirst();
    first.run();
    return true;
  }

  /** Lets everything up to then happen. */
  runUntil(untilMs: number): void {
    while (this.step(untilMs));
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let place = 0;
    for (;;) {
      const child = this.#earlierChild(place);
      const below = heap[child];
      if (!below || !isBefore(below, last)) break;
      heap[place] = below;
      place = child;
    }
    heap[place] = last;
  }

  #earlierChild(place: number): number {
    const left = 2 * place + 1;
    const a = this.#heap[left];
    const b = this.#heap[left + 1];
    return a && b && isBefore(b, a) ? left + 1 : left;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
