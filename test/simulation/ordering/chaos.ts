import type { Random } from '../engine/random.js';
import { Chaos } from '../faults/chaos.js';
import type { ReplicaPlan } from './replica-plan.js';
import type { ReplicaWorld } from './replica-world.js';

/** The faults of every run, and replicas that are slow though nothing is wrong with them. */
export function startChaos<Message, Core>(
  world: ReplicaWorld<ReplicaPlan, Message, Core>,
): Chaos<Message> {
  const chaos = new Chaos(world);
  const slowReplica = (random: Random): void => {
    const { address } = random.pick(chaos.nodes);
    const extraMs = random.between(20, 600);
    world.say(`${address} takes ${Math.round(extraMs)} ms more for each message`);
    const restore = world.slowDown(address, extraMs);
    chaos.for(random.between(1000, 10_000), restore);
  };
  chaos.repeat('slow-replica', slowReplica, 2);
  return chaos;
}
