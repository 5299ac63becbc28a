import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Cluster } from '../kernel/cluster.js';
import { loadCluster } from '../kernel/config/cluster-file.js';
import type { NewCluster } from '../kernel/config/new-cluster.js';
import { initCluster, removeCluster } from './init.js';
import { ChildNode, type ProcessEnd } from './local/child-node.js';
import {
  type LocalMember,
  type LocalRole,
  localMembers,
  participantKinds,
  requireFreePorts,
} from './local/members.js';
import { claimPorts, localHost, type PortRange } from './local/port-range.js';
import { RestartPolicy } from './local/restart-policy.js';

/** Where a cluster on this machine has its files, and how its nodes run. */
export interface LocalClusterOptions {
  /** Holds the cluster's files, the nodes' data and logs. */
  readonly directory: string;
  /** The cluster to make where the directory holds none; the standard one unless given. */
  readonly create?: Partial<Omit<NewCluster, 'layout'>>;
  /** First port of a cluster that is made; a free range unless given. */
  readonly basePort?: number;
  /** Node name to a script that runs in its place, as `node SCRIPT NODE_FILE`. */
  readonly scripts?: Readonly<Record<string, string>>;
  /** Of all nodes; `info` unless given. */
  readonly logLevel?: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Gets `NAME.jsonl` with every envelope that the node sends, one JSON string a line. */
  readonly traceDirectory?: string;
  /** Whether nodes that die are started again, with a back-off; false unless given. */
  readonly supervise?: boolean;
  /** Is called when a node ends, or is started again, by itself. */
  readonly onEvent?: (event: ClusterEvent) => void;
  /** For each node to answer at `/healthz`; 30 000 unless given. */
  readonly startTimeoutMs?: number;
  /** Ends a start that is under way, which then rejects with its reason. A cluster that has started it leaves alone. */
  readonly signal?: AbortSignal;
}

/** What happened to a node of a cluster on this machine. */
export type ClusterEvent =
  /** A node ended that nobody had asked to. `restartInMs` where it will be started again. */
  | { kind: 'died'; name: string; end: ProcessEnd; logFile: string; restartInMs?: number }
  | { kind: 'restarted'; name: string }
  | { kind: 'restart-failed'; name: string; message: string; restartInMs: number };

/** A node of a cluster on this machine. */
export interface LocalNode {
  /** As the cluster file has it. */
  readonly name: string;
  /** What the node is. */
  readonly role: LocalRole;
  /** Base address of its HTTP server. */
  readonly url: string;
  /** HOST:PORT at which a coordinator serves the other coordinators, in TLS. */
  readonly peer?: string;
  /** `undefined` while it does not run. */
  readonly pid: number | undefined;
  /** Where its process writes its log. */
  readonly logFile: string;
}

interface Managed {
  readonly member: LocalMember;
  readonly child: ChildNode;
  readonly policy: RestartPolicy;
  script: string | undefined;
  restartTimer?: NodeJS.Timeout;
  /** Grows with each start, kill and stop, so that a restart under way knows that it is outdated. */
  generation: number;
}

/**
 * A whole cluster on this machine, one process a node. The processes end by themselves when this one
 * does, however it ends.
 *
 * @example
 * ```ts
 * import { LocalCluster } from 'concordat';
 *
 * const cluster = await LocalCluster.start({ directory: '.concordat' });
 * console.log(`the WSDL is at ${cluster.transferUrl}?wsdl`);
 * await cluster.kill('coordinator-3');
 * await cluster.restart('coordinator-3');
 * await cluster.stop();
 * ```
 */
export class LocalCluster {
  readonly directory: string;
  readonly cluster: Cluster;
  readonly #options: LocalClusterOptions;
  readonly #ports: PortRange | undefined;
  readonly #nodes: ReadonlyMap<string, Managed>;

  private constructor(
    options: LocalClusterOptions,
    cluster: Cluster,
    members: readonly LocalMember[],
    ports?: PortRange,
  ) {
    this.directory = options.directory;
    this.cluster = cluster;
    this.#options = options;
    this.#ports = ports;
    this.#nodes = new Map(
      members.map((member) => [
        member.name,
        {
          member,
          child: new ChildNode({
            name: member.name,
            url: member.url,
            logFile: join(options.directory, 'logs', `${member.name}.log`),
            environment: environmentOf(options, member.name),
            onDied: (end) => this.#onDied(member.name, end),
          }),
          policy: new RestartPolicy(performance.now()),
          script: options.scripts?.[member.name],
          generation: 0,
        },
      ]),
    );
  }

  /**
   * Makes the cluster where the directory holds none, starts every node, and waits until all answer.
   * Throws `ConfigError`, or `CliError` where a port is taken or a node does not start, or the reason of `signal`; then
   * none is left running, and of a cluster that was made nothing but the logs.
   */
  static async start(options: LocalClusterOptions): Promise<LocalCluster> {
    const { directory, traceDirectory, signal } = options;
    signal?.throwIfAborted();
    const clusterFile = join(directory, 'cluster.json');
    const made = existsSync(clusterFile) ? undefined : await makeCluster(options);
    try {
      const cluster = await loadCluster(clusterFile);
      await requireFreePorts(cluster);
      await mkdir(join(directory, 'logs'), { recursive: true });
      if (traceDirectory !== undefined) await mkdir(traceDirectory, { recursive: true });
      const kinds = await participantKinds(cluster, join(directory, 'nodes'));
      const members = localMembers(cluster, kinds);
      const started = new LocalCluster(options, cluster, members, made?.ports);
      await started.#startAll();
      return started;
    } catch (error) {
      if (made !== undefined) await removeCluster(directory, made.files);
      await made?.ports?.release();
      throw error;
    }
  }

  /** In the order of the cluster file: coordinators, initiators, banks, front doors. */
  get nodes(): LocalNode[] {
    return [...this.#nodes.values()].map(({ member, child: { pid, logFile } }) => {
      return { ...member, pid, logFile };
    });
  }

  /** Base address of a node. Throws `RangeError` where there is no such node, as all methods do. */
  url(name: string): string {
    return this.#node(name).child.url;
  }

  /** Where the front door takes transfers in plain SOAP; `?wsdl` after it gives the WSDL. */
  get transferUrl(): string {
    const [front] = this.cluster.fronts;
    if (front === undefined) throw new RangeError('the cluster has no front door');
    return `${front.url}/transfer`;
  }

  /** The cluster's public file. */
  get clusterFile(): string {
    return join(this.directory, 'cluster.json');
  }

  /** The private file of a node or client. */
  nodeFile(name: string): string {
    return join(this.directory, 'nodes', `${name}.json`);
  }

  /** Ends a node's process and waits until it is gone. The node is not started again by itself. */
  async kill(name: string, signal: 'SIGTERM' | 'SIGKILL' = 'SIGKILL'): Promise<void> {
    const node = this.#node(name);
    supersede(node);
    await node.child.end(signal);
  }

  /**
   * Starts a node, which is stopped first where it runs, and waits until it answers. `script` runs in
   * its place from now on; `null` brings the real one back.
   */
  async restart(name: string, { script }: { script?: string | null } = {}): Promise<void> {
    const node = this.#node(name);
    supersede(node);
    if (script !== undefined) node.script = script ?? undefined;
    await node.child.end('SIGTERM');
    await this.#start(node);
  }

  /** Stops all nodes gracefully. Returns those that did not end with status 0. */
  async stop(): Promise<{ readonly name: string; readonly end: ProcessEnd }[]> {
    const ends = await Promise.all(
      [...this.#nodes.values()].map(async (node) => {
        supersede(node);
        return { name: node.child.name, end: await node.child.end('SIGTERM') };
      }),
    );
    await this.#ports?.release();
    return ends.flatMap(({ name, end }) => (end && end.exitCode !== 0 ? [{ name, end }] : []));
  }

  async #startAll(): Promise<void> {
    const { signal } = this.#options;
    signal?.throwIfAborted();
    const interrupt = () => void this.stop();
    signal?.addEventListener('abort', interrupt, { once: true });
    const started = await Promise.allSettled(
      [...this.#nodes.values()].map((node) => this.#start(node)),
    );
    signal?.removeEventListener('abort', interrupt);
    const failed = started.find((each) => each.status === 'rejected');
    if (failed === undefined && !signal?.aborted) return;
    await this.stop();
    throw signal?.aborted ? signal.reason : failed?.reason;
  }

  async #start({ child, policy, script }: Managed): Promise<void> {
    const file = this.nodeFile(child.name);
    const args = script === undefined ? [entryScript(), 'run', file] : [script, file];
    await child.start(args, this.#options.startTimeoutMs ?? 30_000);
    policy.started(performance.now());
  }

  #onDied(name: string, end: ProcessEnd): void {
    const node = this.#node(name);
    const { logFile } = node.child;
    const restartInMs = this.#options.supervise ? this.#restartLater(node) : undefined;
    this.#emit({ kind: 'died', name, end, logFile, ...(restartInMs && { restartInMs }) });
  }

  /** Gives the delay in milliseconds. */
  #restartLater(node: Managed): number {
    const delayMs = node.policy.died(performance.now());
    node.restartTimer = setTimeout(() => void this.#restartNow(node), delayMs);
    return delayMs;
  }

  async #restartNow(node: Managed): Promise<void> {
    const { generation } = node;
    const { name } = node.child;
    try {
      await this.#start(node);
      if (node.generation === generation) this.#emit({ kind: 'restarted', name });
    } catch (error) {
      if (node.generation !== generation) return;
      const message = error instanceof Error ? error.message : String(error);
      const restartInMs = this.#restartLater(node);
      this.#emit({ kind: 'restart-failed', name, message, restartInMs });
    }
  }

  #emit(event: ClusterEvent): void {
    this.#options.onEvent?.(event);
  }

  #node(name: string): Managed {
    const node = this.#nodes.get(name);
    if (node === undefined) throw new RangeError(`the cluster has no node ${name}`);
    return node;
  }
}

function supersede(node: Managed): void {
  clearTimeout(node.restartTimer);
  node.generation += 1;
}

async function makeCluster({ directory, create, basePort }: LocalClusterOptions) {
  const cluster = { clusterId: 'concordat', f: 1, ...create };
  const ports = basePort === undefined ? await claimPorts() : undefined;
  const layout = {
    kind: 'local',
    host: localHost,
    basePort: basePort ?? ports?.basePort ?? 0,
  } as const;
  try {
    const { files } = await initCluster({ ...cluster, directory, layout });
    return { files, ports };
  } catch (error) {
    await ports?.release();
    throw error;
  }
}

function environmentOf(
  { logLevel, traceDirectory }: LocalClusterOptions,
  name: string,
): Record<string, string> {
  return {
    ...(logLevel !== undefined && { CONCORDAT_LOG_LEVEL: logLevel }),
    ...(traceDirectory !== undefined && { CONCORDAT_TRACE: join(traceDirectory, `${name}.jsonl`) }),
  };
}

/** The compiled command, also where this module runs from its source. */
function entryScript(): string {
  const here = import.meta.url;
  const path = here.endsWith('.ts') ? '../../dist/src/cli/main.js' : './main.js';
  const script = fileURLToPath(new URL(path, here));
  if (!existsSync(script)) throw new Error(`${script} is missing; run "npm run build"`);
  return script;
}
