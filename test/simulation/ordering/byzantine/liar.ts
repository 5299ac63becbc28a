import type { ClusterId, ReplicaId, Resilience } from '../../../../src/kernel/ids.js';
import type { Sign } from '../../../../src/kernel/keys.js';
import type { Signed } from '../../../../src/kernel/signed.js';
import type {
  CycleValue,
  OrderingMessage,
  OrderingStatement,
  ReportEntry,
} from '../../../../src/ordering/types.js';
import type { LiarTools, Lie } from '../../kit/liar.js';
import type { Memory } from './memory.js';

/** What liars know of each other: they are all one adversary, with all of its keys. */
export interface Conspiracy {
  readonly signers: Map<ReplicaId, Sign>;
  /** Values that liars have signed and show to nobody, by their cycles. */
  readonly hidden: Map<number, Map<ReplicaId, { entry: ReportEntry; value: CycleValue }>>;
}

/** What a behaviour may use: all that the replica has, its key included. */
export interface Liar extends LiarTools<ReplicaId, OrderingMessage> {
  readonly self: ReplicaId;
  readonly cluster: ClusterId;
  readonly resilience: Resilience;
  readonly conspiracy: Conspiracy;
  /** What this replica has seen and said. */
  readonly memory: Memory;
  sign<S extends OrderingStatement>(statement: S): Signed<S>;
  /** With a friend's key. Throws `RangeError` where the other is honest. */
  signAs<S extends OrderingStatement>(replica: ReplicaId, statement: S): Signed<S>;
  /** To all others, past all behaviours. */
  broadcast(message: OrderingMessage): void;
}

export type Behaviour = Lie<ReplicaId, OrderingMessage>;
export type BehaviourMaker = (liar: Liar) => Behaviour;

export function othersOf({
  resilience: { n },
  self,
}: Pick<Liar, 'resilience' | 'self'>): ReplicaId[] {
  return Array.from({ length: n }, (_, index) => index as ReplicaId).filter((one) => one !== self);
}

/** Splits the others in two halves, anew every now and then; by a key where it is to stay. */
export function halves(liar: Liar): (to: ReplicaId, key?: number) => boolean {
  const sides = new Map<string, boolean>();
  return (to, key = Math.floor(liar.nowMs() / 5000)) => {
    const name = `${to} ${key}`;
    const known = sides.get(name) ?? liar.random.chance(0.5);
    if (sides.size > 2000) sides.clear();
    sides.set(name, known);
    return known;
  };
}
