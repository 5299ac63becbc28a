import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { initCluster } from '../../../src/cli/init.js';
import type { ClusterFile } from '../../../src/kernel/config/cluster-file.js';
import type { InitialAccount, NodeFile } from '../../../src/kernel/config/node-file.js';
import { silentAccount } from '../load/silent-bank.js';
import type { Network } from '../network/network.js';
import {
  allMembers,
  clientName,
  faultsMax,
  members,
  silentBank,
  silentClientName,
} from './members.js';

export const clusterFileIn = (directory: string) => join(directory, 'cluster.json');
export const nodeFileIn = (directory: string, node: string) =>
  join(directory, 'nodes', `${node}.json`);
/** Where a node keeps its data. */
export const dataIn = (directory: string, node: string) => join(directory, 'data', node);

/** The node's disk is replaced by an empty one. Only while it does not run. */
export async function loseDisk(directory: string, node: string): Promise<void> {
  await rm(dataIn(directory, node), { recursive: true });
}

/** Replaced by the network's places, but for that of the front door, which does not run. */
const layout = { kind: 'local', host: '127.0.0.1', basePort: 40_000 } as const;

/** What a run may have other than usual. */
export type ClusterSettings = Partial<Pick<ClusterFile, 'retainedTransactions'>>;

/** Makes a cluster on this network, every bank with these accounts, with default timeouts. */
export async function makeCluster(
  directory: string,
  network: Network,
  accounts: readonly InitialAccount[],
  settings: ClusterSettings = {},
): Promise<void> {
  const clients = [clientName, silentClientName];
  const participants = [...members.banks, silentBank];
  const options = { clusterId: 'chaos', f: faultsMax, participants, clients, layout };
  await initCluster({ ...options, directory });
  await edit<ClusterFile>(clusterFileIn(directory), (cluster) => {
    for (const member of [
      ...cluster.coordinators,
      ...cluster.initiators,
      ...cluster.participants,
    ]) {
      const { host, port } = network.place(member.name, 'http').advertised;
      member.url = `http://${host}:${port}`;
      if ('peer' in member) member.peer = { ...network.place(member.name, 'peer').advertised };
    }
    return { ...cluster, ...settings };
  });
  for (const name of allMembers) {
    await edit<NodeFile>(nodeFileIn(directory, name), (node) => placed(node, network, accounts));
  }
}

function placed(node: NodeFile, network: Network, accounts: readonly InitialAccount[]): NodeFile {
  const { listen } = network.place(node.name, 'http');
  switch (node.role) {
    case 'coordinator':
      return { ...node, listen, peerListen: network.place(node.name, 'peer').listen };
    case 'participant':
      return {
        ...node,
        listen,
        accounts: [
          ...(node.name === silentBank ? [] : accounts.map(ownedBy(clientName))),
          ownedBy(silentClientName)(silentAccount),
        ],
      };
    case 'initiator':
      return { ...node, listen };
    case 'front':
    case 'gateway':
    case 'client':
      return node;
  }
}

function ownedBy(owner: string) {
  return (account: InitialAccount) => ({ ...account, owners: [owner] });
}

/** Changes a file of JSON. */
export async function edit<Content>(
  file: string,
  change: (content: Content) => Content,
): Promise<void> {
  const content: Content = JSON.parse(await readFile(file, 'utf8'));
  await writeFile(file, `${JSON.stringify(change(content), null, 2)}\n`);
}
