import type { Cluster, ParticipantMember } from './cluster.js';

type Participants = readonly ParticipantMember[];

/**
 * What is computed of a cluster's participants: now, and again when another list has taken the place of this one.
 * Throws as `compute` does, on the first list at once.
 */
export function ofParticipants<Value>(
  cluster: Pick<Cluster, 'participants'>,
  compute: (participants: Participants) => Value,
): () => Value {
  const computed = (from: Participants) => ({ from, value: compute(from) });
  let latest = computed(cluster.participants);
  return () => {
    if (latest.from !== cluster.participants) latest = computed(cluster.participants);
    return latest.value;
  };
}
