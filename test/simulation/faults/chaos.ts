import type { Engine } from '../engine/engine.js';
import type { Network } from '../engine/network.js';
import type { Process } from '../engine/process.js';
import type { Random } from '../engine/random.js';
import type { Cast } from '../kit/cast.js';
import type { Coverage } from '../kit/coverage.js';
import type { FaultKind, TransactionFault } from './fault-kinds.js';

/** What can be repeated: by all worlds, or by those that know how to. */
export type ChaosKind = FaultKind | TransactionFault | 'slow-replica' | 'lone-votes';

/** Of a node that is away: longer than anything is waited for. */
const ABSENCE_MS = [10_000, 60_000] as const;
/** Between two faults of one kind at full strength, on average. */
const PERIOD_MS = 1800;
const SLOW_SYNC_MS = 400;

/** A world that things can go wrong in. */
export interface ChaoticWorld<Message> {
  /** How strong each kind of fault is, above 0 and up to 1. */
  readonly plan: { readonly faults: Readonly<Partial<Record<ChaosKind, number>>> };
  readonly random: Random;
  readonly engine: Engine;
  readonly network: Network<Message>;
  readonly processes: readonly Process<Message>[];
  readonly cast: Cast;
  readonly coverage: Coverage;
  say(line: string): void;
  start(process: Process<Message>): void;
  /** One replica comes back with an empty disk, where that may still happen. */
  loseSomeDisk(random: Random): void;
}

/** Makes a plan's faults happen to a world for as long as the plan says, and mends all of it. */
export class Chaos<Message> {
  readonly #world: ChaoticWorld<Message>;
  readonly #random: Random;
  readonly #mending = new Set<() => void>();
  #isOver = false;

  constructor(world: ChaoticWorld<Message>) {
    this.#world = world;
    this.#random = world.random.fork('chaos');
    const { faults } = world.plan;
    const { conditions } = world.network;
    conditions.lossRate = 0.15 * (faults.loss ?? 0);
    conditions.duplicateRate = 0.2 * (faults.duplication ?? 0);
    conditions.reorderRate = 0.3 * (faults.reordering ?? 0);
    this.repeat('slow-links', (random) => this.#slowLinks(random));
    this.repeat('partition', (random) => this.#partition(random, true));
    this.repeat('one-way-partition', (random) => this.#partition(random, false));
    this.repeat('crash', (random) => this.#crash(random));
    this.repeat('crash-in-step', (random) => this.#crashInStep(random));
    this.repeat('crash-in-write', (random) => this.#crashInWrite(random));
    this.repeat('power-loss', (random) => this.#powerLoss(random), 5);
    this.repeat('pause', (random) => this.#pause(random));
    this.repeat('slow-disk', (random) => this.#slowDisk(random));
    this.repeat('absence', (random) => this.#absence(random), 4);
    this.repeat('disk-loss', (random) => world.loseSomeDisk(random), 3);
  }

  /** The faults end: links heal, and all that is down starts. Liars stay liars. */
  end(): void {
    this.#isOver = true;
    const { network, processes } = this.#world;
    network.conditions.lossRate = 0;
    network.conditions.duplicateRate = 0;
    network.conditions.reorderRate = 0;
    for (const mend of [...this.#mending]) mend();
    for (const process of processes) {
      process.crashAfterOutputs(Number.POSITIVE_INFINITY);
      process.resume();
      this.#world.start(process);
    }
    this.#world.say('the faults end');
  }

  /** A fault happens again and again, if the plan has it. */
  repeat(kind: ChaosKind, run: (random: Random) => void, rarer = 1): void {
    const strength = this.#world.plan.faults[kind] ?? 0;
    if (strength === 0) return;
    const random = this.#random.fork(kind);
    const again = (): void => {
      const delayMs = (rarer * PERIOD_MS * random.between(0.1, 2)) / strength;
      this.#world.engine.after(delayMs, () => {
        if (this.#isOver) return;
        this.#world.coverage.count(`fault ${kind}`);
        run(random);
        again();
      });
    };
    again();
  }

  /** Undone after a while, or when the faults end. */
  for(durationMs: number, undo: () => void): void {
    const mend = (): void => {
      if (this.#mending.delete(mend)) undo();
    };
    this.#mending.add(mend);
    this.#world.engine.after(durationMs, mend);
  }

  #slowLinks(random: Random): void {
    const { conditions } = this.#world.network;
    const moreMs = random.between(10, 800);
    conditions.delayMaxMs += moreMs;
    this.#world.say(`links are up to ${Math.round(moreMs)} ms slower`);
    this.for(random.between(500, 6000), () => {
      conditions.delayMaxMs -= moreMs;
    });
  }

  /** Some nodes hear nothing of the others, or are not heard; in a symmetric one, both. */
  #partition(random: Random, isSymmetric: boolean): void {
    const { network } = this.#world;
    const nodes = network.addresses.filter((address) => address !== 'auditor');
    const isAlone = random.chance(0.4);
    const some = isAlone ? random.sample(this.#coordinators(), 1) : random.some(nodes, 0.4);
    const links = some.flatMap((from) =>
      nodes
        .filter((to) => !some.includes(to))
        .flatMap(
          (to) =>
            (isSymmetric
              ? [
                  [from, to],
                  [to, from],
                ]
              : [[from, to]]) as [string, string][],
        ),
    );
    for (const [from, to] of links) network.block(from, to);
    this.#world.say(`${some.join(', ')} cut off${isSymmetric ? '' : ', one way'}`);
    this.for(random.between(200, 12_000), () => {
      this.#world.say(`${some.join(', ')} back`);
      for (const [from, to] of links) network.unblock(from, to);
    });
  }

  /** A coordinator, or one together with a bank, is away until all has been forgotten. */
  #absence(random: Random): void {
    const { network } = this.#world;
    const banks = this.#world.cast.cluster.participants.map(({ name }) => name);
    const some = [
      ...random.sample(this.#coordinators(), 1),
      ...random.sample(banks, random.int(2)),
    ];
    const others = network.addresses.filter((other) => !some.includes(other));
    const links = some.flatMap((one) =>
      others.flatMap((other) => [
        [one, other],
        [other, one],
      ]),
    );
    for (const [from = '', to = ''] of links) network.block(from, to);
    this.#world.say(`${some.join(', ')} away for long`);
    this.for(random.between(...ABSENCE_MS), () => {
      this.#world.say(`${some.join(', ')} back from long`);
      for (const [from = '', to = ''] of links) network.unblock(from, to);
    });
  }

  #crash(random: Random): void {
    const process = random.pick(this.nodes);
    if (!process.isUp) return;
    this.#world.say(`${process.address} crashes`);
    this.#takeDown(process, random.between(10, 8000));
  }

  #crashInStep(random: Random): void {
    const process = random.pick(this.nodes);
    if (!process.isUp) return;
    process.crashAfterOutputs(random.int(8));
    this.#world.say(`${process.address} is to crash within a step`);
    this.for(random.between(500, 8000), () => this.#world.start(process));
  }

  #crashInWrite(random: Random): void {
    const process = random.pick(this.nodes);
    const durationMs = random.between(10, 4000);
    process.disk.interruptNextWrite(() => {
      if (this.#isOver) return;
      this.#world.say(`${process.address} crashes within a write`);
      this.#takeDown(process, durationMs);
    });
  }

  #powerLoss(random: Random): void {
    this.#world.say('power is lost');
    for (const process of this.nodes) this.#takeDown(process, random.between(10, 3000));
  }

  #takeDown(process: Process<Message>, durationMs: number): void {
    process.crash();
    this.for(durationMs, () => this.#world.start(process));
  }

  #pause(random: Random): void {
    const process = random.pick(this.nodes);
    const durationMs = random.between(100, 9000);
    this.#world.say(`${process.address} pauses for ${Math.round(durationMs)} ms`);
    process.pause(durationMs);
  }

  #slowDisk(random: Random): void {
    const { disk, address } = random.pick(this.nodes);
    this.#world.say(`${address} has a slow disk`);
    disk.syncMs += SLOW_SYNC_MS;
    this.for(random.between(500, 8000), () => {
      disk.syncMs -= SLOW_SYNC_MS;
    });
  }

  #coordinators(): string[] {
    return this.#world.cast.cluster.coordinators.map(({ name }) => name);
  }

  /** Clients are people: they do not crash here. */
  get nodes(): Process<Message>[] {
    return this.#world.processes.filter(
      ({ address }) => !address.startsWith('client') && address !== 'auditor',
    );
  }
}
