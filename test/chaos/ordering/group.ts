import { type ChildProcess, fork } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EngineName } from '../../../bench/simulated/cluster.js';
import { initCluster } from '../../../src/cli/init.js';
import type { Cluster } from '../../../src/kernel/cluster.js';
import { type ClusterFile, loadCluster } from '../../../src/kernel/config/cluster-file.js';
import type { NodeFile } from '../../../src/kernel/config/node-file.js';
import { clusterFileIn, edit, nodeFileIn } from '../cluster/files.js';
import { members } from '../cluster/members.js';
import { ProxyNetwork } from '../network/proxy.js';
import type { ChaosLie, FromReplica, Setup, ToReplica } from './control.js';

const names = members.coordinators;
/** Replaced by the network's places. */
const layout = { kind: 'local', host: '127.0.0.1', basePort: 40_000 } as const;
const startMs = 30_000;
const script = fileURLToPath(new URL('./replica.js', import.meta.url));

export interface GroupOptions {
  readonly engine: EngineName;
  readonly decisionsBy: 'pbft' | 'fab';
  readonly onMessage: (replica: number, message: FromReplica) => void;
  /** A process starts; all that came of the one before it has been told. */
  readonly onStarting: (replica: number) => void;
  /** Nobody had asked it to end. */
  readonly onDied: (replica: number, how: string) => void;
}

/** Four replicas with one engine, each a process, behind a network that can be cut. */
export class Group {
  readonly directory: string;
  readonly cluster: Cluster;
  readonly network: ProxyNetwork;
  readonly #options: GroupOptions;
  readonly #processes = new Map<number, ChildProcess>();
  readonly #lost = new Set<number>();
  #lives = 0;

  private constructor(
    directory: string,
    cluster: Cluster,
    network: ProxyNetwork,
    options: GroupOptions,
  ) {
    this.directory = directory;
    this.cluster = cluster;
    this.network = network;
    this.#options = options;
  }

  /** Makes keys, certificates and the network; no process runs yet. */
  static async make(options: GroupOptions): Promise<Group> {
    const directory = await mkdtemp(join(tmpdir(), `concordat-chaos-${options.engine}-`));
    const network = await ProxyNetwork.open(names);
    await initCluster({ directory, clusterId: 'chaos', f: 1, layout });
    await edit<ClusterFile>(clusterFileIn(directory), (cluster) => {
      for (const one of cluster.coordinators) {
        one.peer = { ...network.place(one.name, 'peer').advertised };
      }
      return cluster;
    });
    for (const name of names) {
      await edit<NodeFile>(nodeFileIn(directory, name), (node) =>
        node.role === 'coordinator'
          ? { ...node, peerListen: network.place(name, 'peer').listen }
          : node,
      );
    }
    mkdirSync(join(directory, 'logs'), { recursive: true });
    mkdirSync(join(directory, 'data'), { recursive: true });
    const cluster = await loadCluster(clusterFileIn(directory));
    const group = new Group(directory, cluster, network, options);
    process.once('exit', () => group.killAll());
    return group;
  }

  isUp(replica: number): boolean {
    return this.#processes.has(replica);
  }

  /** Resolves when its links are up. */
  async start(replica: number, lies: readonly ChaosLie[], seed: string): Promise<void> {
    const { engine, decisionsBy, onMessage, onStarting, onDied } = this.#options;
    this.#lives += 1;
    const name = nameOf(replica);
    const setup: Setup = {
      engine,
      decisionsBy,
      directory: this.directory,
      nodeFile: nodeFileIn(this.directory, name),
      store: this.#storeOf(replica),
      replica,
      hasLostStore: this.#lost.has(replica),
      lies,
      seed: `${seed} ${this.#lives}`,
    };
    onStarting(replica);
    const log = openSync(join(this.directory, 'logs', `${name}.log`), 'a');
    const child = fork(script, [JSON.stringify(setup)], {
      execArgv: [...this.network.nodeOptions(name)],
      stdio: ['ignore', log, log, 'ipc'],
    });
    closeSync(log);
    this.#processes.set(replica, child);
    const ready = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${name} does not start`)), startMs);
      child.on('message', (message: FromReplica) => {
        if (this.#processes.get(replica) !== child) return;
        onMessage(replica, message);
        if (message.kind !== 'ready') return;
        clearTimeout(timer);
        resolve();
      });
      child.once('exit', (code, signal) => {
        clearTimeout(timer);
        if (this.#processes.get(replica) !== child) return;
        this.#processes.delete(replica);
        onDied(replica, `ended with ${code ?? signal}`);
        reject(new Error(`${name} ended with ${code ?? signal}`));
      });
    });
    await ready;
  }

  /** SIGKILL; with `disk` its store is gone as well. */
  async kill(replica: number, what: 'process' | 'disk' = 'process'): Promise<void> {
    const child = this.#processes.get(replica);
    this.#processes.delete(replica);
    if (child && child.exitCode === null && child.signalCode === null) {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
    }
    if (what === 'process') return;
    this.#lost.add(replica);
    const store = this.#storeOf(replica);
    await rm(store, { recursive: true, force: true });
    await rm(`${store}.mark`, { force: true });
  }

  signal(replica: number, signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#processes.get(replica)?.kill(signal);
  }

  submit(replica: number, request: ToReplica): void {
    const child = this.#processes.get(replica);
    // One that ends meanwhile does not get it.
    if (child?.connected) child.send(request, () => undefined);
  }

  killAll(): void {
    for (const child of this.#processes.values()) child.kill('SIGKILL');
  }

  async stop(): Promise<void> {
    for (const replica of [...this.#processes.keys()]) await this.kill(replica);
    await this.network.close();
  }

  #storeOf(replica: number): string {
    return join(this.directory, 'data', `ordering-${replica}`);
  }
}

export function nameOf(replica: number): string {
  return names[replica] ?? `coordinator-${replica}`;
}

export const replicas: readonly number[] = names.map((_, index) => index);
