import type { Random } from '../engine/random.js';
import { Chaos } from '../faults/chaos.js';
import type { OrderingWorld } from './world.js';

/** The faults of every run, and replicas that are slow though nothing is wrong with them. */
export function startChaos(world: OrderingWorld): Chaos<Uint8Array> {
  const chaos = new Chaos(world);
  chaos.repeat('slow-replica', (random) => slowReplica(world, chaos, random), 2);
  return chaos;
}

function slowReplica(world: OrderingWorld, chaos: Chaos<Uint8Array>, random: Random): void {
  const { address } = random.pick(world.processes);
  const extraMs = random.between(20, 600);
  world.say(`${address} takes ${Math.round(extraMs)} ms more for each message`);
  const restore = world.slowDown(address, extraMs);
  chaos.for(random.between(1000, 10_000), restore);
}
