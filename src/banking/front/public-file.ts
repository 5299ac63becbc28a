import { readFile } from 'node:fs/promises';
import type { Cluster } from '../../kernel/cluster.js';

/** The text of the cluster's public file, with the participants that were admitted since it was read. */
export async function readPublicFile(
  path: string,
  read: Cluster,
  { participants }: Cluster,
): Promise<string> {
  const text = await readFile(path, 'utf8');
  if (participants === read.participants) return text;
  return `${JSON.stringify({ ...JSON.parse(text), participants }, null, 2)}\n`;
}
