import type { Random } from '../engine/random.js';
import { Chaos } from '../faults/chaos.js';
import type { ReplicaPlan } from './replica-plan.js';
import type { ReplicaWorld } from './replica-world.js';

/** What says that somebody has acknowledged something, or shows that enough have. */
function isVote(kind: string): boolean {
  return ['phase', 'committed', 'fast-committed', 'report', 'fast-decision'].includes(kind);
}

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
  /** One alone gets the others' votes, so that it may decide where nobody else does; then nobody gets anything of it. */
  const loneVotes = (random: Random): void => {
    const { address } = random.pick(chaos.nodes);
    world.say(`${address} alone gets votes, and is cut off`);
    const votes = world.network.lose(
      (from, to, kind) => isVote(kind) && to !== address && from !== address,
    );
    const words = world.network.lose((from) => from === address);
    chaos.for(random.between(200, 3000), votes);
    chaos.for(random.between(3000, 9000), words);
  };
  chaos.repeat('lone-votes', loneVotes, 3);
  return chaos;
}
