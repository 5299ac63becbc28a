import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBank } from '../../src/banking/bank/bank-node.js';
import { TransferClient } from '../../src/banking/client/transfer-client.js';
import { startFront } from '../../src/banking/front/front-node.js';
import { startInitiator } from '../../src/banking/initiator/initiator-node.js';
import { initCluster } from '../../src/cli/init.js';
import { claimPorts } from '../../src/cli/local/port-range.js';
import { startCoordinator } from '../../src/cli/nodes/coordinator-node.js';
import type { Cluster } from '../../src/kernel/cluster.js';
import { loadCluster } from '../../src/kernel/config/cluster-file.js';
import type { NewSessions } from '../../src/kernel/config/new-cluster.js';
import { loadNode, type NodeFile } from '../../src/kernel/config/node-file.js';
import { createLogger } from '../../src/kernel/http/logger.js';

interface Running {
  stop(): Promise<void>;
}

/** A whole cluster over real HTTP, TLS and storage, all nodes in this process. */
export class InProcessCluster {
  readonly cluster: Cluster;
  readonly directory: string;
  /** Every SOAP envelope that a node sent. */
  readonly sent: string[] = [];
  readonly client: TransferClient;
  readonly #running = new Map<string, Running>();
  readonly #release: () => Promise<void>;

  private constructor(
    cluster: Cluster,
    directory: string,
    client: NodeFile,
    release: () => Promise<void>,
  ) {
    this.cluster = cluster;
    this.directory = directory;
    this.#release = release;
    const onSent = (text: string) => void this.sent.push(text);
    this.client = new TransferClient({ cluster, node: client, lanes: 16, onSent });
  }

  static async start(
    options: { f?: number; sessions?: NewSessions; clients?: readonly string[] } = {},
  ): Promise<InProcessCluster> {
    const { f = 1, sessions, clients } = options;
    const directory = await mkdtemp(join(tmpdir(), 'concordat-test-'));
    const { basePort, release } = await claimPorts();
    await initCluster({
      directory,
      clusterId: 'test',
      f,
      layout: { kind: 'local', host: '127.0.0.1', basePort },
      ...(sessions && { sessions }),
      ...(clients && { clients }),
    });
    const cluster = await loadCluster(join(directory, 'cluster.json'));
    const alice = await loadNode(join(directory, 'nodes', 'alice.json'));
    const all = new InProcessCluster(cluster, directory, alice, release);
    const { coordinators, initiators, participants, fronts } = cluster;
    const members = [...coordinators, ...initiators, ...participants, ...fronts];
    await Promise.all(members.map(({ name }) => all.startNode(name)));
    return all;
  }

  async startNode(name: string): Promise<void> {
    const node = await loadNode(join(this.directory, 'nodes', `${name}.json`));
    const log = createLogger({ name, level: 'silent' });
    const onFatal = (error: Error) => {
      throw error;
    };
    const onSent = (text: string) => void this.sent.push(text);
    const common = { cluster: this.cluster, log, onFatal, onSent };
    this.#running.set(name, await start(node, common));
  }

  async stopNode(name: string): Promise<void> {
    await this.#running.get(name)?.stop();
    this.#running.delete(name);
  }

  async stop(): Promise<void> {
    await this.client.close();
    await Promise.all([...this.#running.keys()].map((name) => this.stopNode(name)));
    await this.#release();
    await rm(this.directory, { recursive: true });
  }
}

type Common = Omit<Parameters<typeof startCoordinator>[0], 'node' | 'createCore'>;

function start(node: NodeFile, common: Common): Promise<Running> {
  switch (node.role) {
    case 'coordinator':
      return startCoordinator({ ...common, node });
    case 'initiator':
      return startInitiator({ ...common, node });
    case 'participant':
      return startBank({ ...common, node });
    case 'front':
      return startFront({ ...common, node });
    case 'client':
      throw new Error('a client is no server');
  }
}
