/** `f` of the cluster: how many coordinators and how many initiators may be faulty at a time. */
export const faultsMax = 1;

/** The nodes of the cluster, by role. The names are those that `initCluster` gives. */
export const members = {
  coordinators: numbered('coordinator', 3 * faultsMax + 1),
  initiators: numbered('initiator', 2 * faultsMax + 1),
  banks: ['bank-a', 'bank-b', 'bank-c'],
} as const;

export type Group = keyof typeof members;

export const allMembers: readonly string[] = Object.values(members).flat();

export const clientName = 'chaos';

function numbered(role: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${role}-${index}`);
}
