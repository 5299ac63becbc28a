import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AccountLedger } from '../banking/bank/account-book.js';
import { BankCore } from '../banking/bank/bank-core.js';
import { startBank } from '../banking/bank/bank-node.js';
import { TransferClient } from '../banking/client/transfer-client.js';
import { startFront } from '../banking/front/front-node.js';
import { startInitiator } from '../banking/initiator/initiator-node.js';
import { initCluster } from '../cli/init.js';
import { claimPorts } from '../cli/local/port-range.js';
import { startCoordinator } from '../cli/nodes/coordinator-node.js';
import { startGateway } from '../gateway/node/gateway-node.js';
import type { AgreementName, Binding, Cluster, Timing } from '../kernel/cluster.js';
import { loadCluster } from '../kernel/config/cluster-file.js';
import type { NewSessions } from '../kernel/config/new-cluster.js';
import { loadNode, type NodeFile } from '../kernel/config/node-file.js';
import { createLogger } from '../kernel/http/logger.js';
import type { RunningNode } from '../kernel/running-node.js';
import { ProcedureClient } from '../service/client/procedure-client.js';
import type { InitiatorApplication } from '../service/initiator/procedures.js';
import type { ParticipantNodeOptions } from '../service/participant/participant-node.js';

interface Running {
  stop(): Promise<void>;
}

/** Starts a participant of one's own with what a cluster for tests gives it. */
export type StartService = (
  node: Omit<ParticipantNodeOptions<unknown>, 'operations' | 'resource'>,
) => Promise<RunningNode>;

/** What a cluster for tests has besides its standard nodes. */
export interface TestClusterOptions {
  /** Lying coordinators and initiators that the cluster stands; 1 unless given: 4 coordinators, 3 initiators. */
  readonly f?: number;
  /** Layer 2: its engine, and the modules of its applications by name. None unless given. */
  readonly sessions?: NewSessions;
  /** Names of gateways for plain WS-AtomicTransaction software; none unless given. */
  readonly gateways?: readonly string[];
  /** Durations other than the usual ones: for tests of what runs out of time. */
  readonly timing?: Partial<Timing>;
  /** How its nodes send messages to each other; `soap` unless given. */
  readonly binding?: Binding;
  /** How its coordinators agree; `three-phase` unless given. */
  readonly agreement?: AgreementName;
  /** Names of clients; `alice` is one unless given. */
  readonly clients?: readonly string[];
  /**
   * Participants that are no banks, by their names: what starts each, as a rule `startParticipant` with its operations
   * and its resource.
   */
  readonly services?: Readonly<Record<string, StartService>>;
  /** Applications of the initiators. */
  readonly applications?: readonly InitiatorApplication[];
  /** Ledgers of participants, by the participant's name: `bank-a`, `bank-b`, `bank-c`. Account books unless given. */
  readonly ledgers?: Readonly<Record<string, () => AccountLedger>>;
}

/**
 * A whole cluster over real HTTP, TLS and storage, all nodes in this process, for tests. Its ports are free ones of
 * this machine's loopback, its files are in a new directory below the system's for temporary files, and `stop`
 * removes them.
 *
 * @example
 * ```ts
 * import { TestCluster } from 'concordat';
 * import { accountId, currency } from 'concordat/client';
 *
 * const cluster = await TestCluster.start();
 * const [bankA, bankB] = cluster.cluster.participants;
 * if (!bankA || !bankB) throw new Error('a cluster has two banks at least');
 * const { outcome } = await cluster.client.transfer(
 *   {
 *     debtor: { bank: bankA.id, account: accountId('alice') },
 *     creditors: [{ bank: bankB.id, account: accountId('bob'), amountMinor: 1250 }],
 *     currency: currency('EUR'),
 *   },
 *   { timeoutMs: 20_000 },
 * );
 * console.log(outcome);
 * await cluster.stop();
 * ```
 */
export class TestCluster {
  /** What its `cluster.json` says. */
  readonly cluster: Cluster;
  /** Where its files are: `cluster.json`, `nodes/`, `data/`. */
  readonly directory: string;
  /** Every SOAP envelope that a node sent. */
  readonly sent: string[] = [];
  /** Signs as `alice`. */
  readonly client: TransferClient;
  /** Has procedures run, as `alice`. */
  readonly procedures: ProcedureClient;
  readonly #running = new Map<string, Running>();
  readonly #options: TestClusterOptions;
  readonly #release: () => Promise<void>;

  private constructor(
    cluster: Cluster,
    directory: string,
    client: NodeFile,
    options: TestClusterOptions,
    release: () => Promise<void>,
  ) {
    this.#options = options;
    this.cluster = cluster;
    this.directory = directory;
    this.#release = release;
    const onSent = (text: string) => void this.sent.push(text);
    const shared = { cluster, node: client, lanes: 16, onSent };
    this.client = new TransferClient({ ...shared, firstLane: 0 });
    this.procedures = new ProcedureClient({ ...shared, firstLane: 16 });
  }

  /** Makes its files and starts all nodes. Rejects where that is not possible. */
  static async start(options: TestClusterOptions = {}): Promise<TestCluster> {
    const { f = 1, sessions, clients, timing, binding, agreement } = options;
    const { gateways = [], services = {} } = options;
    const directory = await mkdtemp(join(tmpdir(), 'concordat-test-'));
    const { basePort, release } = await claimPorts();
    await initCluster({
      directory,
      clusterId: 'test',
      f,
      layout: { kind: 'local', host: '127.0.0.1', basePort },
      ...(sessions && { sessions }),
      ...(clients && { clients }),
      ...(timing && { timing }),
      ...(binding && { binding }),
      ...(agreement && { agreement }),
      gateways,
      services: Object.fromEntries(Object.keys(services).map((name) => [name, undefined])),
    });
    const cluster = await loadCluster(join(directory, 'cluster.json'));
    const alice = await loadNode(join(directory, 'nodes', 'alice.json'));
    const all = new TestCluster(cluster, directory, alice, options, release);
    const { coordinators, initiators, participants, fronts } = cluster;
    const members = [...coordinators, ...initiators, ...participants, ...fronts];
    await Promise.all(members.map(({ name }) => all.startNode(name)));
    return all;
  }

  /** Starts a node that was stopped, by its name in the cluster file. */
  async startNode(name: string): Promise<void> {
    const node = await loadNode(join(this.directory, 'nodes', `${name}.json`));
    const log = createLogger({ name, level: 'silent' });
    const onFatal = (error: Error) => {
      throw error;
    };
    const onSent = (text: string) => void this.sent.push(text);
    const common = { cluster: this.cluster, log, onFatal, onSent };
    this.#running.set(name, await start(node, common, this.#options));
  }

  /** Stops a node, and keeps its files. */
  async stopNode(name: string): Promise<void> {
    await this.#running.get(name)?.stop();
    this.#running.delete(name);
  }

  /** Stops all nodes and removes the files. */
  async stop(): Promise<void> {
    await Promise.all([this.client.close(), this.procedures.close()]);
    await Promise.all([...this.#running.keys()].map((name) => this.stopNode(name)));
    await this.#release();
    await rm(this.directory, { recursive: true });
  }
}

type Common = Omit<Parameters<typeof startCoordinator>[0], 'node' | 'createCore'>;

function start(
  node: NodeFile,
  common: Common,
  { applications = [], services = {}, ledgers = {} }: TestClusterOptions,
): Promise<Running> {
  switch (node.role) {
    case 'coordinator':
      return startCoordinator({ ...common, node });
    case 'initiator':
      return startInitiator({ ...common, node, applications });
    case 'participant': {
      const [service, ledger] = [services[node.name], ledgers[node.name]];
      if (service) return service({ ...common, node });
      return startBank({
        ...common,
        node,
        ...(ledger && { createCore: (core, accounts) => new BankCore(core, accounts, ledger()) }),
      });
    }
    case 'front':
      return startFront({ ...common, node });
    case 'gateway':
      return startGateway({ ...common, node });
    case 'client':
      throw new Error('a client is no server');
  }
}
