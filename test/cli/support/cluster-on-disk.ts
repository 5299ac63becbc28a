import { join } from 'node:path';
import { initCluster } from '../../../src/cli/init.js';
import { loadCluster } from '../../../src/kernel/config/cluster-file.js';
import { loadNode } from '../../../src/kernel/config/node-file.js';
import { ed25519Signer, Keyring, type Sign } from '../../../src/kernel/keys.js';
import { temporaryDirectory } from '../../kernel/support/directory.js';
import { Evidence } from '../../support/evidence.js';

/** A cluster as `init` makes it, and evidence signed with its members' own keys. */
export async function clusterOnDisk(basePort = 7000) {
  const directory = await temporaryDirectory();
  const layout = { kind: 'local', host: '127.0.0.1', basePort } as const;
  await initCluster({ directory, clusterId: 'test', f: 1, layout });
  const clusterFile = join(directory, 'cluster.json');
  const nodeFile = (name: string) => join(directory, 'nodes', `${name}.json`);
  const cluster = await loadCluster(clusterFile);

  const signers = new Map<string, Sign>();
  for (const { name } of [
    ...cluster.coordinators,
    ...cluster.initiators,
    ...cluster.participants,
  ]) {
    const node = await loadNode(nodeFile(name));
    if ('statementKey' in node) signers.set(name, ed25519Signer(node.statementKey));
  }
  const sign = (name: string): Sign => {
    const signer = signers.get(name);
    if (signer === undefined) throw new RangeError(`no key of ${name}`);
    return signer;
  };
  const evidence = new Evidence({
    cluster,
    keyring: Keyring.of(cluster),
    replicaSign: (index) => sign(`coordinator-${index}`),
    initiatorSign: (index) => sign(`initiator-${index}`),
    participantSign: sign,
  });
  return { directory, cluster, clusterFile, nodeFile, evidence };
}
