import type { ReplicaId } from '../../../kernel/ids.js';
import type { Dependencies, Instance } from '../../instance-types.js';

/** What the order of execution follows from. */
export interface DecidedInstances {
  /** By space: the last instance executed; all before it are. */
  readonly executed: readonly number[];
  /** By space: the last instance that is decided. There may be gaps before it. */
  readonly last: readonly number[];
  /** What a decided instance is executed after; `undefined` for one that is not decided. */
  depsOf(instance: Instance): Dependencies | undefined;
}

export interface ExecutionOrder {
  /** Strongly connected components, what they depend on first; inside each its instances in their order. */
  readonly components: readonly (readonly Instance[])[];
  /** What others wait for and is not decided. */
  readonly awaited: readonly Instance[];
}

interface Node {
  readonly instance: Instance;
  /** The nodes to visit: the last instance it depends on in each space. Those before it follow by its chain. */
  readonly edges: readonly Instance[];
  next: number;
  readonly order: number;
  low: number;
  isOnStack: boolean;
  isBlocked: boolean;
}

/**
 * Arun and others §IV.B: what is decided, and depends on nothing that is not, in the order in which it is executed.
 * Tarjan's algorithm, without recursion, for chains are long. Components are the same at every replica whatever has
 * been executed already, because they are executed whole. Inside one the order is by index, then space, so a space's
 * own instances keep theirs.
 */
export function executionOrder(decided: DecidedInstances): ExecutionOrder {
  return new Search(decided).run();
}

class Search {
  readonly #decided: DecidedInstances;
  readonly #nodes = new Map<string, Node>();
  readonly #stack: Node[] = [];
  readonly #components: (readonly Instance[])[] = [];
  readonly #awaited = new Map<string, Instance>();

  constructor(decided: DecidedInstances) {
    this.#decided = decided;
  }

  run(): ExecutionOrder {
    for (const [space, last] of this.#decided.last.entries()) {
      for (let index = (this.#decided.executed[space] ?? 0) + 1; index <= last; index += 1) {
        const instance = { space: space as ReplicaId, index };
        if (this.#nodes.has(keyOf(instance))) continue;
        const root = this.#open(instance);
        if (root) this.#visit(root);
      }
    }
    return { components: this.#components, awaited: [...this.#awaited.values()] };
  }

  #visit(root: Node): void {
    const path = [root];
    for (let node = path.at(-1); node; node = path.at(-1)) {
      const edge = node.edges[node.next];
      node.next += 1;
      if (edge) {
        const opened = this.#follow(node, edge);
        if (opened) path.push(opened);
        continue;
      }
      path.pop();
      const parent = path.at(-1);
      if (node.low === node.order) this.#close(node);
      if (!parent) continue;
      parent.low = Math.min(parent.low, node.isOnStack ? node.low : parent.low);
      parent.isBlocked ||= node.isBlocked;
    }
  }

  /** The node that the edge leads to, where it was not visited yet. */
  #follow(node: Node, edge: Instance): Node | undefined {
    const known = this.#nodes.get(keyOf(edge));
    if (known?.isOnStack) node.low = Math.min(node.low, known.order);
    else if (known) node.isBlocked ||= known.isBlocked;
    if (known) return undefined;
    const opened = this.#open(edge);
    if (!opened) {
      node.isBlocked = true;
      this.#awaited.set(keyOf(edge), edge);
    }
    return opened;
  }

  #open(instance: Instance): Node | undefined {
    const deps = this.#decided.depsOf(instance);
    if (!deps) return undefined;
    const order = this.#nodes.size;
    const node: Node = {
      instance,
      edges: this.#edges(deps),
      next: 0,
      order,
      low: order,
      isOnStack: true,
      isBlocked: false,
    };
    this.#nodes.set(keyOf(instance), node);
    this.#stack.push(node);
    return node;
  }

  #edges(deps: Dependencies): readonly Instance[] {
    return deps
      .map((index, space) => ({ space: space as ReplicaId, index }))
      .filter(({ space, index }) => index > (this.#decided.executed[space] ?? 0));
  }

  /** A component is complete; where one of it waits, all do. */
  #close(root: Node): void {
    const members = this.#stack.splice(this.#stack.lastIndexOf(root));
    const isBlocked = members.some((node) => node.isBlocked);
    for (const node of members) {
      node.isOnStack = false;
      node.isBlocked = isBlocked;
    }
    if (isBlocked) return;
    this.#components.push(members.map(({ instance }) => instance).sort(inOrder));
  }
}

function inOrder(a: Instance, b: Instance): number {
  return a.index - b.index || a.space - b.space;
}

export function keyOf({ space, index }: Instance): string {
  return `${space}.${index}`;
}
