import { join } from 'node:path';
import type { Cluster } from '../../kernel/cluster.js';
import { loadNode } from '../../kernel/config/node-file.js';
import { CliError, usageError } from '../exit.js';
import { localHost, occupied } from './port-range.js';

/** What a participant is, by its private file: `participant` is one with a module of its own, or of which there is no file. */
export type ParticipantKind = 'bank' | 'participant' | 'sidecar' | 'gateway';

/** What a node is. */
export type LocalRole = 'coordinator' | 'initiator' | ParticipantKind | 'front';

export interface LocalMember {
  readonly name: string;
  readonly role: LocalRole;
  readonly url: string;
  /** HOST:PORT at which a coordinator serves the others, in TLS. */
  readonly peer?: string;
}

/** Every node that the cluster file names, in its order. */
export function localMembers(
  cluster: Cluster,
  kinds: ReadonlyMap<string, ParticipantKind> = new Map(),
): LocalMember[] {
  const of = (role: LocalRole, members: readonly { name: string; url: string }[]) =>
    members.map(({ name, url }) => ({ name, role: kinds.get(name) ?? role, url }));
  return [
    ...cluster.coordinators.map(({ name, url, peer }) => {
      return { name, role: 'coordinator', url, peer: `${peer.host}:${peer.port}` } as const;
    }),
    ...of('initiator', cluster.initiators),
    ...of('participant', cluster.participants),
    ...of('front', cluster.fronts),
  ];
}

/** What each participant is whose private file this user has in the folder. */
export async function participantKinds(
  { participants }: Cluster,
  nodesDirectory: string,
): Promise<ReadonlyMap<string, ParticipantKind>> {
  const kinds = new Map<string, ParticipantKind>();
  for (const { name } of participants) {
    const node = await loadNode(join(nodesDirectory, `${name}.json`)).catch(() => undefined);
    if (node?.role === 'gateway') kinds.set(name, 'gateway');
    if (node?.role !== 'participant') continue;
    const own = node.service === undefined ? 'bank' : 'participant';
    kinds.set(name, node.sidecar === undefined ? own : 'sidecar');
  }
  return kinds;
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
