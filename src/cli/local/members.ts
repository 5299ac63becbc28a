import type { Cluster } from '../../kernel/cluster.js';
import { CliError, usageError } from '../exit.js';
import { localHost, occupied } from './port-range.js';

export type LocalRole = 'coordinator' | 'initiator' | 'bank' | 'front';

export interface LocalMember {
  readonly name: string;
  readonly role: LocalRole;
  readonly url: string;
}

/** Every node that the cluster file names, in its order. */
export function localMembers(cluster: Cluster): LocalMember[] {
  const of = (role: LocalRole, members: readonly { name: string; url: string }[]) =>
    members.map(({ name, url }) => ({ name, role, url }));
  return [
    ...of('coordinator', cluster.coordinators),
    ...of('initiator', cluster.initiators),
    ...of('bank', cluster.participants),
    ...of('front', cluster.fronts),
  ];
}

/**
 * Throws `CliError` where a process listens on a port of the cluster already, or where the cluster was
 * not made for one machine.
 */
export async function requireFreePorts(cluster: Cluster): Promise<void> {
  const owners = new Map<number, string>();
  for (const { name, url } of localMembers(cluster)) {
    const { hostname, port } = new URL(url);
    if (hostname !== localHost) {
      throw usageError(`${name} is at ${url}, which is not this machine's own; run its node there`);
    }
    owners.set(Number(port), name);
  }
  for (const { name, peer } of cluster.coordinators) owners.set(peer.port, name);
  const [taken] = await occupied([...owners.keys()]);
  if (taken === undefined) return;
  throw new CliError(
    'failed',
    `port ${taken} of ${owners.get(taken)} is in use; is this cluster running already? ` +
      'Stop that, or make a cluster in another directory',
  );
}
