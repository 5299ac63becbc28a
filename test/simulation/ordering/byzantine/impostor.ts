import type { ReplicaId } from '../../../../src/kernel/ids.js';
import type { Sign } from '../../../../src/kernel/keys.js';
import { signOrdering } from '../../../../src/ordering/check-message.js';
import type { OrderingMessage } from '../../../../src/ordering/types.js';
import type { Cast } from '../../kit/cast.js';
import { type Disguise, Impostor } from '../../kit/impostor.js';
import type { LiarTools } from '../../kit/liar.js';
import type { Moment } from '../plan.js';
import { type Behaviour, type Conspiracy, type Liar, othersOf } from './liar.js';
import { allLies, type OrderingLie } from './library.js';
import { Memory } from './memory.js';

export interface OrderingImpostorOptions extends Disguise<ReplicaId, OrderingMessage, OrderingLie> {
  readonly self: ReplicaId;
  readonly sign: Sign;
  readonly cast: Pick<Cast, 'cluster'>;
  readonly conspiracy: Conspiracy;
  /** It lies between these moments only; without, for ever. */
  readonly during?: readonly [Moment, Moment] | undefined;
}

/** An impostor that remembers what its replica has seen and said, and may wait for its moment. */
export class OrderingImpostor extends Impostor<ReplicaId, OrderingMessage, OrderingLie, Behaviour> {
  readonly #memory: Memory;
  readonly #self: ReplicaId;

  constructor(options: OrderingImpostorOptions) {
    const { self, sign, cast, conspiracy, during, transmit, ...others } = options;
    const memory = new Memory(cast.cluster.id);
    conspiracy.signers.set(self, sign);
    super({
      ...others,
      make: (name, tools) => allLies[name](liarOf(options, memory, tools)),
      isItsTime: () => isBetween(during, memory),
      transmit: (to, message) => {
        memory.sent(to, message);
        transmit(to, message);
      },
    });
    this.#memory = memory;
    this.#self = self;
  }

  override send(to: ReplicaId, message: OrderingMessage): void {
    this.#memory.noteFrom(this.#self, message);
    super.send(to, message);
  }

  override receives(from: ReplicaId, message: OrderingMessage): boolean {
    this.#memory.noteFrom(from, message);
    return super.receives(from, message);
  }
}

function isBetween(during: OrderingImpostorOptions['during'], memory: Memory): boolean {
  if (!during) return true;
  const [begins, ends] = during.map(({ kind, count }) => memory.countOf(kind) >= count);
  return begins === true && ends === false;
}

function liarOf(
  { self, sign, cast, conspiracy }: OrderingImpostorOptions,
  memory: Memory,
  tools: LiarTools<ReplicaId, OrderingMessage>,
): Liar {
  const { id: cluster, resilience } = cast.cluster;
  return {
    ...tools,
    self,
    cluster,
    resilience,
    conspiracy,
    memory,
    sign: (statement) => signOrdering(sign, cluster, statement),
    signAs: (replica, statement) => {
      const friend = conspiracy.signers.get(replica);
      if (!friend) throw new RangeError(`replica ${replica} is honest`);
      return signOrdering(friend, cluster, statement);
    },
    broadcast: (message) => {
      for (const to of othersOf({ resilience, self })) tools.send(to, message);
    },
  };
}
