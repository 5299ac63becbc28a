import { digestOfText } from '../../../src/kernel/digest.js';
import type { ReplicaId } from '../../../src/kernel/ids.js';
import { lostStoreRecord, nonceOf } from '../../../src/ordering/core/lost-store.js';
import type { Disk } from '../engine/disk.js';
import type { Engine } from '../engine/engine.js';
import type { Process } from '../engine/process.js';
import type { Random } from '../engine/random.js';
import { replicaAt } from '../kit/cast.js';
import type { Coverage } from '../kit/coverage.js';

/** Where replicas lose their disks. */
export interface LosingWorld<Message> {
  readonly plan: { readonly n: number; readonly f: number };
  readonly engine: Engine;
  readonly processes: readonly Process<Message>[];
  readonly coverage: Coverage;
  readonly correct: readonly ReplicaId[];
  /** Who has lost its disk and does not take part in full yet. */
  readonly lost: readonly string[];
  isCorrect(address: string): boolean;
  say(line: string): void;
  start(process: Process<Message>): void;
}

/** The parts of an engine, each of which comes back by itself. */
const scopesOf = {
  pbft: ['pbft'],
  antipaxos: ['antipaxos', 'decision-module'],
  ezbft: ['ezbft', 'ezbft-decisions'],
  fab: ['fab'],
} as const;

/** Who has lost its disk and does not take part in full yet: as its disk says, up or not. */
export function stillLost(
  processes: readonly { readonly address: string; readonly disk: Disk }[],
  engine: keyof typeof scopesOf,
): string[] {
  return processes
    .filter(({ disk }) => nonceOf(disk.load()) !== undefined)
    .filter(({ disk }) => scopesOf[engine].some((scope) => !disk.read(`${scope}/returned`)))
    .map(({ address }) => address);
}

/**
 * A correct replica comes back on a store that took the place of its own, where that may still happen. Returns which.
 */
export function loseOneDisk<Message>(
  world: LosingWorld<Message>,
  random: Random,
): ReplicaId | undefined {
  const { lost, plan, processes, correct, engine } = world;
  const victims = processes.filter(
    ({ address, isUp }) => isUp && world.isCorrect(address) && !lost.includes(address),
  );
  if (plan.n - correct.length + lost.length >= plan.f || victims.length === 0) return undefined;
  world.coverage.count('disks lost');
  const process = random.pick(victims);
  world.say(`${process.address} loses its disk`);
  process.crash();
  process.disk.replace([lostStoreRecord(digestOfText(`${engine.nowMs} ${process.address}`))]);
  engine.after(random.between(10, 4000), () => world.start(process));
  return replicaAt(process.address);
}
