import type { ReplicaId } from '../../../src/kernel/ids.js';
import type { Sign } from '../../../src/kernel/keys.js';
import type { Life, Process } from '../engine/process.js';
import type { Random } from '../engine/random.js';
import { remembering } from '../engine/remembering.js';
import { coordinatorAddress, createCast, replicaAt } from '../kit/cast.js';
import { type Narrator, World } from '../kit/world.js';
import type { Conspiracy } from './byzantine/liar.js';
import { loseOneDisk, stillLost } from './losses.js';
import { isFaulty, type ReplicaPlan } from './replica-plan.js';

/** A replica's patience, at the most. */
export const TIMEOUT_MAX_MS = 2000;

/** A world of replicas that run an ordering engine, and lie, lose their disks, or are slow. */
export abstract class ReplicaWorld<Plan extends ReplicaPlan, Message, Core> extends World<
  Plan,
  Message
> {
  /** What stands between liars and the network. */
  protected readonly impostors: { mute(): void }[] = [];
  protected readonly conspiracy: Conspiracy = { signers: new Map(), hidden: new Map() };
  readonly #extraMs = new Map<string, number>();
  readonly #signers = new Map<string, Sign>();

  constructor(plan: Plan, scenario: string, narrate: Narrator | undefined) {
    const { seed, n, f } = plan;
    const cast = createCast({ n, f, banks: ['bank-a'] });
    super({ plan, seed: `seed ${seed} ${scenario}`, cast, narrate });
  }

  isCorrect(address: string): boolean {
    const replica = replicaAt(address);
    return replica !== undefined && !isFaulty(this.plan, replica);
  }

  get correct(): ReplicaId[] {
    return this.replicas.filter((replica) => !isFaulty(this.plan, replica));
  }

  get replicas(): ReplicaId[] {
    return Array.from({ length: this.plan.n }, (_, index) => index as ReplicaId);
  }

  /** The cores of correct replicas that are up. */
  get cores(): { readonly replica: ReplicaId; readonly core: Core }[] {
    return this.processes.flatMap(({ address, life }) => {
      const replica = replicaAt(address);
      const core = life && this.coreOf(life);
      if (replica === undefined || core === undefined || !this.isCorrect(address)) return [];
      return [{ replica, core }];
    });
  }

  /** Replicas that have lost their disk and do not take part in full yet. */
  get lost(): string[] {
    return stillLost(this.processes, this.plan.engine);
  }

  /** A correct replica comes back on a store that took the place of its own. */
  loseSomeDisk(random: Random): void {
    const replica = loseOneDisk(this, random);
    if (replica !== undefined) this.onDiskLost(replica);
  }

  /** Each message takes it so much longer, until what is returned is called. */
  slowDown(address: string, extraMs: number): () => void {
    this.#extraMs.set(address, this.extraMsOf(address) + extraMs);
    return () => this.#extraMs.set(address, this.extraMsOf(address) - extraMs);
  }

  /** Liars, and twins, do not send any more. */
  silenceLiars(): void {
    for (const impostor of this.impostors) impostor.mute();
    for (const process of this.processes) if (this.#isFaulty(process)) process.crash();
  }

  /** Counts the messages of correct replicas. */
  abstract readonly witness: { readonly sent: number };

  protected abstract coreOf(life: Life<Message>): Core | undefined;

  protected abstract onDiskLost(replica: ReplicaId): void;

  protected extraMsOf(address: string): number {
    return this.#extraMs.get(address) ?? 0;
  }

  protected signOf(replica: ReplicaId): Sign {
    const address = coordinatorAddress(replica);
    const sign = this.#signers.get(address) ?? remembering(this.cast.signOf(address));
    this.#signers.set(address, sign);
    return sign;
  }

  #isFaulty({ address }: Process<Message>): boolean {
    const replica = replicaAt(address);
    return replica !== undefined && isFaulty(this.plan, replica);
  }
}
