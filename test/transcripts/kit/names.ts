import type { Slot } from '../../../src/agreement/messages.js';
import type { TransactionId } from '../../../src/kernel/ids.js';

/** Gives ids that nobody can read short names, in the order in which they first appear: `tx1`, `a1`, `o1`. */
export class Names {
  readonly #known = new Map<string, Map<string, string>>();

  /** `a1` for the first activation; `o1` for the outcome of `tx1`. */
  slot(slot: Slot): string {
    return slot.kind === 'activation'
      ? this.of('a', slot.request)
      : this.transaction(slot.tid).replace('tx', 'o');
  }

  transaction(tid: TransactionId): string {
    return this.of('tx', tid);
  }

  /** The name, with this prefix, of an id of its own kind. */
  of(prefix: string, id: string): string {
    const known = this.#known.get(prefix) ?? new Map<string, string>();
    this.#known.set(prefix, known);
    const name = known.get(id) ?? `${prefix}${known.size + 1}`;
    known.set(id, name);
    return name;
  }

  /** The id that has the name; `undefined` where none has it yet. */
  find(name: string): string | undefined {
    for (const names of this.#known.values()) {
      for (const [id, known] of names) if (known === name) return id;
    }
    return undefined;
  }

  /** The same; throws where no id has the name yet. */
  idOf(name: string): string {
    const id = this.find(name);
    if (id === undefined) throw new SyntaxError(`nothing is called ${name} yet`);
    return id;
  }

  /** A key of a store, or the name of a timer, with short names in it. */
  inKey(key: string): string {
    return key
      .replace(/a:([0-9a-f]{64})/, (_, request) => this.of('a', request))
      .replace(/o:([0-9a-f-]{36})/, (_, tid) => this.of('tx', tid).replace('tx', 'o'))
      .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, (tid) => this.of('tx', tid))
      .replace(/[0-9a-f]{63,64}/, (digest) => this.of('x', digest))
      .replace(/\/0+(?=\d)/, '/');
  }
}
