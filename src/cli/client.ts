import type { Cluster } from '../kernel/cluster.js';
import { loadCluster } from '../kernel/config/cluster-file.js';
import { type ClientNode, loadNode } from '../kernel/config/node-file.js';
import { usageError } from './exit.js';

/** A client's private file and the cluster that it names. */
export async function loadClient(file: string): Promise<{ node: ClientNode; cluster: Cluster }> {
  const node = await loadNode(file);
  if (node.role !== 'client') {
    throw usageError(
      `${file} is not a client's but a ${node.role}'s; name a client's with --client`,
    );
  }
  return { node, cluster: await loadCluster(node.clusterFile) };
}
