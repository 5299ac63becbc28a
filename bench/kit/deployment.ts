import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { initCluster } from '../../src/cli/init.js';
import { endText } from '../../src/cli/local/child-node.js';
import { claimPorts, localHost } from '../../src/cli/local/port-range.js';
import { LocalCluster } from '../../src/cli/local-cluster.js';
import type { GatewayNode, InitialAccount } from '../../src/kernel/config/node-file.js';
import { BenchmarkError } from '../benchmark.js';
import { ownProcessorMs, processorMs, processorMsWithChildren } from '../support/processor-time.js';
import type { ProfiledProcess } from '../support/profile/window-profiler.js';
import { timing } from '../transfer/system.js';
import type { ProcessorReading } from '../transfer/window.js';
import { Database, hasPostgres } from './database.js';
import { accountNames, currencyCode, openingMinor } from './orders.js';
import { Others, services } from './others.js';
import { pairs } from './ways.js';

export const gateway = 'gw';
/** The name of the database's server among the processes. */
export const databaseServer = 'postgres';
/** What makes transfers at the banks, and what has procedures run. */
export const clientNames = { payer: 'payer', buyer: 'buyer' } as const;

/** In the range of ports, after those of the nodes of the cluster. */
const portsOfNodes = 100;
const startTimeoutMs = 120_000;

export interface DeploymentOptions {
  readonly clients: number;
  /** A process ended that nobody had asked to. */
  readonly onDied: (error: Error) => void;
  /** Ends the start, of which nothing is left then. */
  readonly signal: AbortSignal;
}

/** What ends one part. */
type Ending = () => Promise<unknown>;

/** One cluster with the participants of all ways, and what stands behind them: a process each, on this machine. */
export class Deployment {
  readonly local: LocalCluster;
  readonly others: Others;
  readonly database: Database | undefined;
  readonly #directory: string;
  readonly #endings: readonly Ending[];

  private constructor(
    directory: string,
    parts: Pick<Deployment, 'local' | 'others' | 'database'>,
    endings: readonly Ending[],
  ) {
    this.local = parts.local;
    this.others = parts.others;
    this.database = parts.database;
    this.#directory = directory;
    this.#endings = endings;
  }

  /** Makes all in a temporary directory and starts it: what stands behind participants before these. */
  static async start({ clients, onDied, signal }: DeploymentOptions): Promise<Deployment> {
    const directory = await mkdtemp(join(tmpdir(), 'concordat-bench-kit-'));
    const endings: Ending[] = [];
    try {
      const ports = await claimPorts();
      endings.push(() => ports.release());
      signal.throwIfAborted();
      const database = hasPostgres ? await Database.start(clients) : undefined;
      if (database !== undefined) endings.push(() => database.stop());
      const firstPort = ports.basePort + portsOfNodes;
      const behind = { directory: join(directory, 'others'), firstPort, clients, onDied };
      signal.throwIfAborted();
      const others = await Others.start(behind);
      endings.push(() => others.stop());
      const clusterDirectory = join(directory, 'cluster');
      await makeCluster(clusterDirectory, ports.basePort, clients, { database, others });
      const local = await startCluster(clusterDirectory, onDied, signal);
      endings.push(() => local.stop());
      return new Deployment(directory, { local, others, database }, endings);
    } catch (error) {
      await endAll(endings);
      if (signal.aborted) await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  /** Where the gateway listens for plain software. */
  async gatewayUrl(): Promise<string> {
    const text = await readFile(this.local.nodeFile(gateway), 'utf8');
    return (JSON.parse(text) as GatewayNode).plain.url;
  }

  /** Of coordinators and initiators, and of these processes besides. */
  processorTimes(own: readonly string[]): ProcessorReading {
    const nodes = new Map<string, number>();
    const add = (name: string, pid: number | undefined, read = processorMs) => {
      if (pid !== undefined) nodes.set(name, read(pid));
    };
    for (const { name, pid } of this.processes(own)) add(name, pid);
    if (own.includes(databaseServer)) {
      add(databaseServer, this.database?.pid, processorMsWithChildren);
    }
    return { nodes, clientMs: ownProcessorMs() };
  }

  /** Coordinators and initiators, and these processes besides, but for the database's. */
  processes(own: readonly string[]): ProfiledProcess[] {
    const nodes = this.local.nodes.filter(
      ({ name, role }) => role === 'coordinator' || role === 'initiator' || own.includes(name),
    );
    const others = own.map((name) => {
      const role = services.includes(name) ? 'service' : 'plain participant';
      return { name, role, pid: this.others.pid(name) };
    });
    return [...nodes, ...others.filter(({ pid }) => pid !== undefined)];
  }

  /** Stops everything. The files stay where `keepFiles`, and the directory is told. */
  async stop({ keepFiles }: { readonly keepFiles: boolean }): Promise<string> {
    await endAll(this.#endings);
    if (!keepFiles) await rm(this.#directory, { recursive: true, force: true });
    return this.#directory;
  }
}

/** The last that was started first. */
async function endAll(endings: readonly Ending[]): Promise<void> {
  for (const end of endings.toReversed()) await end();
}

async function makeCluster(
  directory: string,
  basePort: number,
  clients: number,
  { database, others }: Pick<Deployment, 'database' | 'others'>,
): Promise<void> {
  const table = compiled('table-accounts');
  const modules = pairs.postgres.map((name) => [name, `${directory}-${name}.mjs`] as const);
  for (const [name, file] of modules) await database?.writeModule(name, file);
  await initCluster({
    directory,
    clusterId: 'bench',
    f: 1,
    participants: pairs.bank,
    services: {
      ...Object.fromEntries(pairs.table.map((name) => [name, table])),
      ...(database && Object.fromEntries(modules)),
    },
    sidecars: Object.fromEntries(
      pairs.sidecar.map((name, index) => [name, others.url(services[index] ?? '')]),
    ),
    applications: { transfers: compiled('transfers') },
    gateways: [gateway],
    clients: Object.values(clientNames),
    timing,
    layout: { kind: 'local', host: localHost, basePort },
  });
  const accounts = accountNames(clients).map(openingAccount);
  for (const name of pairs.bank) await change(directory, name, () => ({ accounts }));
  await change<GatewayNode>(directory, gateway, ({ plain }) => ({
    plain: { ...plain, allowedOrigins: others.plainOrigins },
  }));
}

function startCluster(
  directory: string,
  onDied: (error: Error) => void,
  signal: AbortSignal,
): Promise<LocalCluster> {
  return LocalCluster.start({
    directory,
    signal,
    startTimeoutMs,
    onEvent: (event) => {
      if (event.kind !== 'died') return;
      onDied(new BenchmarkError(`${event.name} ${endText(event.end)} (see ${event.logFile})`));
    },
  });
}

function openingAccount(account: string): InitialAccount {
  const owners = [clientNames.payer];
  return { account, amountMinor: openingMinor, currency: currencyCode, owners };
}

/** Changes the file of a node. */
async function change<File extends object>(
  directory: string,
  name: string,
  fields: (node: File) => object,
): Promise<void> {
  const file = join(directory, 'nodes', `${name}.json`);
  const node = JSON.parse(await readFile(file, 'utf8')) as File;
  await writeFile(file, JSON.stringify({ ...node, ...fields(node) }));
}

function compiled(module: string): string {
  return fileURLToPath(new URL(`./nodes/${module}.js`, import.meta.url));
}
