import type { Engine } from '../engine/engine.js';
import type { Lost } from '../engine/network.js';
import type { Random } from '../engine/random.js';
import type { Coverage } from './coverage.js';
import type { LiarTools, Lie } from './liar.js';

/** What an impostor needs of its world, and of the plan. */
export interface Disguise<Address, Message, Name> {
  readonly engine: Pick<Engine, 'nowMs' | 'after'>;
  readonly random: Random;
  readonly coverage: Coverage;
  /** Names of its behaviours. */
  readonly behaviours: readonly Name[];
  /** Puts it on the network as it is. */
  readonly transmit: (to: Address, message: Message, lost?: Lost) => void;
}

export interface ImpostorOptions<Address, Message, Name, Behaviour>
  extends Disguise<Address, Message, Name> {
  readonly make: (name: Name, tools: LiarTools<Address, Message>) => Behaviour;
  /** Whether it lies now; always unless given. */
  readonly isItsTime?: () => boolean;
}

/** Stands between a node and the network, and misbehaves with the node's key. */
export class Impostor<
  Address,
  Message,
  Name extends string,
  Behaviour extends Lie<Address, Message>,
> {
  protected readonly behaviours: readonly Behaviour[];
  readonly #options: ImpostorOptions<Address, Message, Name, Behaviour>;
  #isMuted = false;

  constructor(options: ImpostorOptions<Address, Message, Name, Behaviour>) {
    this.#options = options;
    this.behaviours = options.behaviours.map((name) => options.make(name, this.#toolsOf(name)));
  }

  /** From now on it sends nothing. */
  mute(): void {
    this.#isMuted = true;
  }

  /** What the node sends, after every behaviour has had its way with it. */
  send(to: Address, message: Message, lost?: Lost): void {
    let all: readonly Message[] = [message];
    for (const behaviour of this.#activeBehaviours) {
      all = all.flatMap((one) => behaviour.outgoing?.(to, one) ?? [one]);
    }
    for (const one of all) this.#transmit(to, one, lost);
  }

  /** Whether the node gets it. */
  receives(from: Address, message: Message): boolean {
    return this.#activeBehaviours.every((behaviour) => behaviour.incoming?.(from, message) ?? true);
  }

  get #isItsTime(): boolean {
    return this.#options.isItsTime?.() ?? true;
  }

  get #activeBehaviours(): readonly Behaviour[] {
    return this.#isItsTime ? this.behaviours : [];
  }

  #transmit(to: Address, message: Message, lost?: Lost): void {
    if (!this.#isMuted) this.#options.transmit(to, message, lost);
  }

  #toolsOf(name: Name): LiarTools<Address, Message> {
    const { engine, random, coverage } = this.#options;
    const own = random.fork(name);
    const every = (periodMs: number, run: () => void): void =>
      engine.after(periodMs * own.between(0.5, 1.5), () => {
        if (this.#isMuted) return;
        if (this.#isItsTime) run();
        every(periodMs, run);
      });
    return {
      random: own,
      nowMs: () => engine.nowMs,
      send: (to, message) => this.#transmit(to, message),
      after: (delayMs, run) => engine.after(delayMs, run),
      every,
      lied: () => coverage.count(`liar ${name}`),
    };
  }
}
