/** `f` of the cluster: how many coordinators and how many initiators may be faulty at a time. */
export const faultsMax = 1;

/** The nodes of the cluster, by role. The names are those that `initCluster` gives. */
export const members = {
  coordinators: numbered('coordinator', 3 * faultsMax + 1),
  initiators: numbered('initiator', 2 * faultsMax + 1),
  banks: ['bank-a', 'bank-b', 'bank-c'],
} as const;

export type Group = keyof typeof members;

/** A bank of its own, which no honest client uses: by turns it acknowledges nothing. */
export const silentBank = 'bank-silent';

export const allMembers: readonly string[] = [...Object.values(members).flat(), silentBank];

export const clientName = 'chaos';
/** The client of the silent bank. */
export const silentClientName = 'silent';

function numbered(role: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${role}-${index}`);
}
