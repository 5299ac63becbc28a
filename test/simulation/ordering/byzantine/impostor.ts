import type { ReplicaId } from '../../../../src/kernel/ids.js';
import type { Sign } from '../../../../src/kernel/keys.js';
import { signOrdering } from '../../../../src/ordering/check-message.js';
import type { OrderingMessage } from '../../../../src/ordering/types.js';
import type { Engine } from '../../engine/engine.js';
import type { Random } from '../../engine/random.js';
import type { Cast } from '../../kit/cast.js';
import type { Coverage } from '../../kit/coverage.js';
import type { Moment } from '../plan.js';
import { type Behaviour, type Conspiracy, type Liar, othersOf } from './liar.js';
import { type OrderingLie, orderingLies } from './library.js';
import { Memory } from './memory.js';

export interface ImpostorOptions {
  readonly self: ReplicaId;
  readonly sign: Sign;
  readonly cast: Cast;
  readonly engine: Engine;
  readonly random: Random;
  readonly coverage: Coverage;
  readonly conspiracy: Conspiracy;
  readonly behaviours: readonly OrderingLie[];
  /** It lies between these moments only; without, for ever. */
  readonly during?: readonly [Moment, Moment] | undefined;
  /** Puts it on the network as it is. */
  readonly transmit: (to: ReplicaId, message: OrderingMessage) => void;
}

/** Stands between a replica and the network, and misbehaves with the replica's key. */
export class Impostor {
  readonly #options: ImpostorOptions;
  readonly #memory: Memory;
  readonly #behaviours: readonly Behaviour[];
  readonly #seen = new Map<string, number>();
  #isMuted = false;

  constructor(options: ImpostorOptions) {
    this.#options = options;
    this.#memory = new Memory(options.cast.cluster.id);
    options.conspiracy.signers.set(options.self, options.sign);
    this.#behaviours = options.behaviours.map((name) => orderingLies[name](this.#liar(name)));
  }

  /** It is heard of no more. */
  mute(): void {
    this.#isMuted = true;
  }

  /** What the replica sends, after every behaviour has had its way with it. */
  send(to: ReplicaId, message: OrderingMessage): void {
    this.#note(message);
    if (!this.#isItsTime) return this.#transmit(to, message);
    let all: readonly OrderingMessage[] = [message];
    for (const behaviour of this.#behaviours) {
      all = all.flatMap((one) => behaviour.outgoing?.(to, one) ?? [one]);
    }
    for (const one of all) this.#transmit(to, one);
  }

  /** Whether the replica gets it. */
  receives(from: ReplicaId, message: OrderingMessage): boolean {
    this.#note(message);
    if (!this.#isItsTime) return true;
    return this.#behaviours.every((behaviour) => behaviour.incoming?.(from, message) ?? true);
  }

  #note(message: OrderingMessage): void {
    this.#memory.note(message);
    this.#seen.set(message.kind, (this.#seen.get(message.kind) ?? 0) + 1);
  }

  get #isItsTime(): boolean {
    const { during } = this.#options;
    if (!during) return true;
    const [begins, ends] = during.map(({ kind, count }) => (this.#seen.get(kind) ?? 0) >= count);
    return begins === true && ends === false;
  }

  #transmit(to: ReplicaId, message: OrderingMessage): void {
    if (this.#isMuted) return;
    this.#memory.sent(to, message);
    this.#options.transmit(to, message);
  }

  #liar(name: OrderingLie): Liar {
    const { self, cast, engine, random, coverage, conspiracy, sign } = this.#options;
    const { id: cluster, resilience } = cast.cluster;
    const own = random.fork(name);
    const every = (periodMs: number, run: () => void): void =>
      engine.after(periodMs * own.between(0.5, 1.5), () => {
        if (this.#isMuted) return;
        if (this.#isItsTime) run();
        every(periodMs, run);
      });
    const liar: Liar = {
      self,
      cluster,
      resilience,
      random: own,
      conspiracy,
      memory: this.#memory,
      nowMs: () => engine.nowMs,
      sign: (statement) => signOrdering(sign, cluster, statement),
      signAs: (replica, statement) => {
        const friend = conspiracy.signers.get(replica);
        if (!friend) throw new RangeError(`replica ${replica} is honest`);
        return signOrdering(friend, cluster, statement);
      },
      send: (to, message) => this.#transmit(to, message),
      broadcast: (message) => {
        for (const to of othersOf(liar)) this.#transmit(to, message);
      },
      after: (delayMs, run) => engine.after(delayMs, run),
      every,
      lied: () => coverage.count(`liar ${name}`),
    };
    return liar;
  }
}
