import type { Witness } from '../checkers/witness.js';
import type { Engine } from '../engine/engine.js';
import type { Process } from '../engine/process.js';
import type { Random } from '../engine/random.js';
import { damageKinds } from '../engine/stored-records.js';
import { replicaAt } from '../kit/cast.js';
import type { Coverage } from '../kit/coverage.js';
import type { Packet } from '../parties/packets.js';
import type { Plan } from '../plan/plan.js';

/** What is needed of the world that the disks are in. */
export interface DiskWorld {
  readonly plan: Plan;
  readonly engine: Engine;
  readonly coverage: Coverage;
  readonly witness: Witness;
  readonly processes: readonly Process<Packet>[];
  readonly failures: { readonly address: string; readonly error: unknown }[];
  isCorrect(address: string): boolean;
  say(line: string): void;
  start(process: Process<Packet>): void;
}

/** Disks that are lost, or lie, and what the nodes and their operators make of that. */
export class FaultyDisks {
  readonly #world: DiskWorld;
  /** Nodes whose disks have been damaged since they last started. */
  readonly #damaged = new Set<string>();

  constructor(world: DiskWorld) {
    this.#world = world;
  }

  /** A store that is damaged keeps its node from starting; its operator treats it as a lost disk. */
  open({ address, disk }: Process<Packet>): void {
    const { coverage, failures, witness } = this.#world;
    const isSound = disk.open();
    const isDamaged = this.#damaged.delete(address);
    if (isSound === isDamaged) {
      const what = isSound ? 'started from a damaged store' : 'refused a sound store';
      failures.push({ address, error: new Error(what) });
    }
    if (isSound) return;
    coverage.count('corrupt stores met');
    this.#world.say(`${address} refuses its store, and gets an empty one`);
    disk.wipe();
    witness.lostDisk(address);
  }

  /** A node crashes and comes back with a new disk. */
  lose(address: string, downMs: number): void {
    const { processes, engine, witness } = this.#world;
    for (const process of processes) {
      if (process.address !== address || !process.isUp) continue;
      process.crash();
      process.disk.wipe();
      witness.lostDisk(address);
      this.#world.say(`${address} loses its disk`);
      engine.after(downMs, () => this.#world.start(process));
    }
  }

  /** Where one more replica may forget what it has said. */
  loseSome(random: Random): void {
    const victim = this.#whoMayForget(random);
    if (victim === undefined) return;
    this.#world.coverage.count('disks lost');
    this.lose(victim.address, random.between(10, 4000));
  }

  /** The same, but what is on the disk is there, and wrong. */
  damageSome(random: Random): void {
    const { coverage, engine } = this.#world;
    const kind = random.pick(damageKinds);
    const victim = this.#whoMayForget(random);
    if (victim === undefined) return;
    const { address, disk } = victim;
    victim.crash();
    if (disk.damage(kind)) {
      coverage.count(`damage ${kind}`);
      this.#damaged.add(address);
      this.#world.say(`${address} has a damaged store: ${kind}`);
    }
    engine.after(random.between(10, 4000), () => this.#world.start(victim));
  }

  /**
   * One of the `f` that may be faulty is a replica that does not know what it said before, and, in what
   * was open then, one that abstains.
   */
  #whoMayForget(random: Random): Process<Packet> | undefined {
    const { plan, processes } = this.#world;
    const replicas = processes.filter(({ address }) => replicaAt(address) !== undefined);
    const isFaulty = ({ address, disk }: Process<Packet>) =>
      !this.#world.isCorrect(address) ||
      this.#damaged.has(address) ||
      disk.read('member') === undefined ||
      disk.load().some(({ key }) => key.startsWith('abstain/'));
    const faulty = new Set(replicas.filter(isFaulty).map(({ address }) => address));
    const victims = replicas.filter(({ address, isUp }) => isUp && !faulty.has(address));
    if (faulty.size >= plan.f || victims.length === 0) return undefined;
    return random.pick(victims);
  }
}
