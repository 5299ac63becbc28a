import { createServer } from 'node:net';
import type { Cluster } from '../../../src/kernel/cluster.js';
import { type ClusterFile, toCluster } from '../../../src/kernel/config/cluster-file.js';
import { makeCluster } from '../../../src/kernel/config/new-cluster.js';
import type { NodeFile } from '../../../src/kernel/config/node-file.js';
import { type Credential, issueAuthority } from '../../../src/kernel/config/x509.js';

export interface TestCluster {
  readonly cluster: Cluster;
  readonly authority: Credential;
  node(name: string): NodeFile;
}

/** A cluster of four coordinators whose peer ports are free now. */
export async function testCluster(): Promise<TestCluster> {
  const authority = issueAuthority('test');
  const layout = { kind: 'local', host: '127.0.0.1', basePort: 1024 } as const;
  const made = makeCluster({ clusterId: 'test', f: 1, layout }, authority);
  const ports = await freePorts(made.cluster.coordinators.length);
  const coordinators: ClusterFile['coordinators'] = made.cluster.coordinators.map((member, id) => ({
    ...member,
    peer: { host: '127.0.0.1', port: ports[id] ?? 0 },
  }));
  return {
    authority,
    cluster: toCluster({ ...made.cluster, coordinators }),
    node: (name) => {
      const node = made.nodes.find((candidate) => candidate.name === name);
      if (node === undefined) throw new Error(`no node ${name}`);
      return node;
    },
  };
}

/** Ports that the system has just given out, and that nobody listens on any more. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.once('error', reject);
          server.listen(0, '127.0.0.1', () => {
            const address = server.address();
            resolve(typeof address === 'object' ? (address?.port ?? 0) : 0);
          });
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
