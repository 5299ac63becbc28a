import { join } from 'node:path';
import type { ClusterFile } from '../../../src/kernel/config/cluster-file.js';
import type { ListenAddress, NodeFile } from '../../../src/kernel/config/node-file.js';
import { loadNode } from '../../../src/kernel/config/node-file.js';
import { edit } from '../../../test/chaos/cluster/files.js';
import { ProxyNetwork } from '../../../test/chaos/network/proxy.js';
import { type Deployment, roundTripMs } from '../../simulated/deployments.js';

/** The name of a replica's node. */
export function replicaName(replica: number): string {
  return `coordinator-${replica}`;
}

/** As many as bear so many faults. */
export function replicasFor(faults: number): number {
  return 3 * faults + 1;
}

/** A deployment on this machine: a replica and clients in each region, and a proxy that takes as long as their ways do. */
export class Geography {
  readonly deployment: Deployment;
  readonly network: ProxyNetwork;

  private constructor(deployment: Deployment, network: ProxyNetwork) {
    this.deployment = deployment;
    this.network = network;
  }

  static async open(deployment: Deployment): Promise<Geography> {
    const { regions } = deployment;
    const replicas = regions.map((_, replica) => replicaName(replica));
    const geography = new Geography(deployment, await ProxyNetwork.open(replicas, regions));
    geography.layOut(0);
    return geography;
  }

  /** Puts the first replica into this region, and the others into those after it in turn. */
  layOut(first: number): void {
    const { regions } = this.deployment;
    for (const [replica] of regions.entries()) {
      const at = (replica + first) % regions.length;
      for (const [other] of regions.entries()) {
        const wayMs = this.#wayMs(at, (other + first) % regions.length);
        if (other !== replica) this.network.delay(replicaName(replica), replicaName(other), wayMs);
      }
      for (const [region, clients] of regions.entries()) {
        this.network.delay(clients, replicaName(replica), this.#wayMs(region, at));
        this.network.delay(replicaName(replica), clients, this.#wayMs(at, region));
      }
    }
  }

  /** The replica of each region. */
  homes(first: number): number[] {
    const { length } = this.deployment.regions;
    return this.deployment.regions.map((_, region) => (region - first + length) % length);
  }

  close(): Promise<void> {
    return this.network.close();
  }

  /** Within a region nothing comes to what this machine takes anyhow. */
  #wayMs(from: number, to: number): number {
    return from === to ? 0 : roundTripMs(this.deployment, from, to) / 2;
  }
}

/** Where clients of a deployment connect to, and from where. */
export function entriesOf({ deployment: { regions }, network }: Geography) {
  return {
    entries: regions.map((_, replica) => network.place(replicaName(replica), 'http').advertised),
    clientAddresses: regions.map((region) => network.address(region)),
  };
}

/** The same where nothing is between them. */
export async function listening(nodeFiles: readonly string[]): Promise<ListenAddress[]> {
  const nodes = await Promise.all(nodeFiles.map((file) => loadNode(file)));
  return nodes.map((node) => {
    if (node.role !== 'coordinator') throw new Error(`${node.name} is no coordinator`);
    return node.listen;
  });
}

/** Has the replicas of a cluster listen behind a network, and reach each other through it. */
export async function placeCluster(
  directory: string,
  nodeFiles: readonly string[],
  network: ProxyNetwork,
): Promise<void> {
  await edit<ClusterFile>(join(directory, 'cluster.json'), (cluster) => {
    for (const member of cluster.coordinators) {
      const { host, port } = network.place(member.name, 'http').advertised;
      member.url = `http://${host}:${port}`;
      member.peer = { ...network.place(member.name, 'peer').advertised };
    }
    return cluster;
  });
  for (const file of nodeFiles) {
    await edit<NodeFile>(file, (node) => {
      if (node.role !== 'coordinator') throw new Error(`${node.name} is no coordinator`);
      const listen = network.place(node.name, 'http').listen;
      return { ...node, listen, peerListen: network.place(node.name, 'peer').listen };
    });
  }
}
