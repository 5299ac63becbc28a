import { existsSync } from 'node:fs';
import type { Cluster } from '../kernel/cluster.js';
import { loadCluster } from '../kernel/config/cluster-file.js';
import { type ClientNode, type CoordinatorNode, loadNode } from '../kernel/config/node-file.js';
import type { ParticipantId } from '../kernel/ids.js';
import { usageError } from './exit.js';

/** The cluster whose public file `--cluster` names. */
export function loadPublic(file: string): Promise<Cluster> {
  requireFile(file, 'name the cluster’s public file, its cluster.json, with --cluster');
  return loadCluster(file);
}

/** A client's private file, as `--client` names it, and the cluster that it names. */
export async function loadClient(file: string): Promise<{ node: ClientNode; cluster: Cluster }> {
  requireFile(file, 'name a client’s private file, such as nodes/alice.json, with --client');
  const node = await loadNode(file);
  if (node.role !== 'client') {
    throw usageError(
      `${file} is not a client's but a ${node.role}'s; name a client's with --client`,
    );
  }
  requireFile(node.clusterFile, `${file} names it as its "clusterFile"; correct that`);
  return { node, cluster: await loadCluster(node.clusterFile) };
}

/** A coordinator's private file, as `--node` names it. */
export async function loadCoordinator(file: string): Promise<CoordinatorNode> {
  requireFile(
    file,
    'name a coordinator’s private file, such as nodes/coordinator-0.json, with --node',
  );
  const node = await loadNode(file);
  if (node.role === 'coordinator') return node;
  throw usageError(`${file} is not a coordinator's; only coordinators approve`);
}

export function requireBank({ participants }: Cluster, bank: ParticipantId): void {
  if (participants.some(({ id }) => id === bank)) return;
  const known = participants.map(({ name }) => name).join(', ');
  throw usageError(`the cluster has no bank "${bank}", only ${known}`);
}

function requireFile(file: string, remedy: string): void {
  if (!existsSync(file)) throw usageError(`${file}: no such file; ${remedy}`);
}
