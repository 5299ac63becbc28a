import { readFile } from 'node:fs/promises';
import type { LocalCluster } from 'concordat';
import type { ClusterKeys } from 'concordat/verify';

/** The cluster's public file: all that proofs are verified with. */
export async function publicFile({ clusterFile }: LocalCluster): Promise<ClusterKeys> {
  return JSON.parse(await readFile(clusterFile, 'utf8'));
}
