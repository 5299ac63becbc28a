import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadClient } from '../../../src/cli/client.js';
import type { Cluster } from '../../../src/kernel/cluster.js';
import { Random } from '../../simulation/engine/random.js';
import { Ledger, type Route, routesOf } from '../load/ledger.js';
import { Load, turnsPerSecond } from '../load/load.js';
import { SilentBankLoad } from '../load/silent-bank.js';
import type { Network, NetworkKind } from '../network/network.js';
import { openNetwork } from '../network/open.js';
import { type ClusterSettings, makeCluster, nodeFileIn } from './files.js';
import { allMembers, clientName, members, silentClientName } from './members.js';
import { Nodes } from './nodes.js';

export interface WorldOptions {
  readonly seed: number;
  /** How many transfers are in flight at a time. */
  readonly clients: number;
  /** How long it will be under load, at least. */
  readonly durationMs: number;
  readonly network?: NetworkKind | undefined;
  readonly settings?: ClusterSettings;
  readonly onDied: (node: string, how: string) => void;
}

/** Its pages are enough for a run that takes so much longer, probes included. */
const spare = 2;

/** A cluster under load, on a network that can be broken. */
export class World {
  private constructor(
    readonly directory: string,
    readonly network: Network,
    readonly nodes: Nodes,
    readonly cluster: Cluster,
    readonly ledger: Ledger,
    readonly routes: readonly Route[],
    readonly load: Load,
    readonly silentBankLoad: SilentBankLoad,
  ) {}

  /** Makes a new cluster in a temporary directory and starts it; the load is not yet on. */
  static async start(options: WorldOptions): Promise<World> {
    const { seed, clients, durationMs, network: kind, settings, onDied } = options;
    const routes = routesOf(members.banks);
    const transfers = Math.ceil(((spare * durationMs) / 1000) * clients * turnsPerSecond);
    const ledger = new Ledger(transfers, routes.length);
    const directory = await mkdtemp(join(tmpdir(), 'concordat-chaos-'));
    const network = await openNetwork(allMembers, kind);
    const nodes = new Nodes({ directory, network, names: allMembers, onDied });
    process.once('exit', () => nodes.killAll());
    try {
      await makeCluster(directory, network, ledger.accounts, settings);
      await nodes.startAll();
    } catch (error) {
      await network.close();
      throw error;
    }
    const { node, cluster } = await loadClient(nodeFileIn(directory, clientName));
    const random = new Random(`chaos load ${seed}`);
    const load = new Load({ cluster, node, clients, ledger, routes, random });
    const silent = await loadClient(nodeFileIn(directory, silentClientName));
    const silentBankLoad = new SilentBankLoad(silent);
    return new World(directory, network, nodes, cluster, ledger, routes, load, silentBankLoad);
  }

  /** Ends all; the files stay. */
  async stop(): Promise<void> {
    await this.load.close();
    await this.silentBankLoad.close();
    await this.nodes.stopAll();
    await this.network.close();
  }

  async removeFiles(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }
}
