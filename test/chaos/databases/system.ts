import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadClient } from '../../../src/cli/client.js';
import { initCluster } from '../../../src/cli/init.js';
import { claimPorts, localHost, type PortRange } from '../../../src/cli/local/port-range.js';
import type { Cluster } from '../../../src/kernel/cluster.js';
import type { NodeFile } from '../../../src/kernel/config/node-file.js';
import { Random } from '../../simulation/engine/random.js';
import { nodeFileIn } from '../cluster/files.js';
import { faultsMax } from '../cluster/members.js';
import { type Addresses, Nodes } from '../cluster/nodes.js';
import { Ledger } from '../load/ledger.js';
import { turnsPerSecond } from '../load/load.js';
import type { Place } from '../network/network.js';
import { banks, clientName, databaseOf, nodeNames, type Service, services } from './cast.js';
import { Database } from './database.js';
import { OrderLoad } from './order-load.js';

export interface SystemOptions {
  readonly seed: number;
  /** How many orders are in flight at a time. */
  readonly clients: number;
  /** How long it will be under load, at least. */
  readonly durationMs: number;
  readonly onDied: (node: string, how: string) => void;
}

/** The ledger is enough for a run that takes so much longer. */
const spare = 2;
/** Of the servers, in the range of the cluster's ports. */
const databasePorts = 400;

/** A cluster whose participants keep their data in two PostgreSQL servers, with banks and clients. */
export class System {
  private constructor(
    readonly directory: string,
    readonly nodes: Nodes,
    /** By name. */
    readonly databases: ReadonlyMap<string, Database>,
    readonly cluster: Cluster,
    readonly ledger: Ledger,
    readonly load: OrderLoad,
    readonly ports: PortRange,
  ) {}

  /** Makes all of it in temporary directories and starts it; the load is not yet on. */
  static async start({ seed, clients, durationMs, onDied }: SystemOptions): Promise<System> {
    const ledger = new Ledger(
      Math.ceil(((spare * durationMs) / 1000) * clients * turnsPerSecond),
      1,
    );
    const directory = await mkdtemp(join(tmpdir(), 'concordat-databases-'));
    const ports = await claimPorts();
    const databases = new Map(
      services.map((service, index) => [
        databaseOf(service),
        new Database(ports.basePort + databasePorts + index),
      ]),
    );
    const nodes = new Nodes({
      ...{ directory, onDied, names: nodeNames },
      network: await makeCluster(directory, ports, ledger),
      environment: (name) =>
        isService(name) ? { ...databases.get(databaseOf(name))?.environment } : {},
    });
    process.once('exit', () => {
      nodes.killAll();
      for (const database of databases.values()) void database.kill();
    });
    await Promise.all([...databases.values()].map((database) => database.create()));
    await nodes.startAll();
    const { node, cluster } = await loadClient(nodeFileIn(directory, clientName));
    const random = new Random(`orders ${seed}`);
    const load = new OrderLoad({ cluster, node, clients, ledger, random });
    return new System(directory, nodes, databases, cluster, ledger, load, ports);
  }

  database(service: Service): Database {
    const database = this.databases.get(databaseOf(service));
    if (database === undefined) throw new RangeError(`no database of ${service}`);
    return database;
  }

  /** Where everything is. */
  get folders(): readonly string[] {
    return [this.directory, ...[...this.databases.values()].map(({ folder }) => folder)];
  }

  /** Ends all; the files stay. */
  async stop(): Promise<void> {
    await this.load.close();
    await this.nodes.stopAll();
    await Promise.all([...this.databases.values()].map((database) => database.stop()));
    await this.ports.release();
  }

  async removeFiles(): Promise<void> {
    await Promise.all([...this.databases.values()].map((database) => database.remove()));
    await rm(this.directory, { recursive: true, force: true });
  }
}

function isService(name: string): name is Service {
  return services.some((service) => service === name);
}

/** Makes the cluster's files, with default timeouts. Where its nodes are. */
async function makeCluster(
  directory: string,
  { basePort }: PortRange,
  { accounts }: Ledger,
): Promise<Addresses> {
  const layout = { kind: 'local', host: localHost, basePort } as const;
  const module = (name: string) => fileURLToPath(new URL(`./services/${name}.js`, import.meta.url));
  await initCluster({
    ...{ directory, clusterId: 'chaos', f: faultsMax, layout },
    participants: banks,
    services: Object.fromEntries(services.map((name) => [name, module(name)])),
    applications: { orders: module('procedure') },
    clients: [clientName],
  });
  const places = new Map<string, Place>();
  for (const name of nodeNames) {
    const file = nodeFileIn(directory, name);
    const node: ServingNode = JSON.parse(await readFile(file, 'utf8'));
    places.set(name, { listen: node.listen, advertised: node.listen });
    if (!banks.some((bank) => bank === name)) continue;
    const owned = accounts.map((account) => ({ ...account, owners: [clientName] }));
    await writeFile(file, JSON.stringify({ ...node, accounts: owned }, null, 2));
  }
  return { place: (name) => placeOf(places, name), launcher: () => [], nodeOptions: () => [] };
}

type ServingNode = Extract<NodeFile, { readonly listen: unknown }>;

function placeOf(places: ReadonlyMap<string, Place>, name: string): Place {
  const place = places.get(name);
  if (place === undefined) throw new RangeError(`no node ${name}`);
  return place;
}
