import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ChildNode, endText } from '../../../src/cli/local/child-node.js';
import type { Network } from '../network/network.js';
import { nodeFileIn } from './files.js';

/** The machine may have a lot to do. */
const startTimeoutMs = 60_000;
const entryScript = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));

/** Where nodes listen, and how their processes begin. */
export type Addresses = Pick<Network, 'place' | 'launcher' | 'nodeOptions'>;

export interface NodesOptions {
  /** Where the cluster is. */
  readonly directory: string;
  readonly network: Addresses;
  readonly names: readonly string[];
  /** Of each node's process, beside this program's; nothing unless given. */
  readonly environment?: (node: string) => Readonly<Record<string, string>>;
  /** Gets what happened to a node that nobody had asked to end. */
  readonly onDied: (node: string, how: string) => void;
}

/** The nodes as processes. */
export class Nodes {
  readonly #directory: string;
  readonly #network: Addresses;
  readonly #children: ReadonlyMap<string, ChildNode>;

  constructor({ directory, network, names, environment, onDied }: NodesOptions) {
    this.#directory = directory;
    this.#network = network;
    this.#children = new Map(
      names.map((name) => {
        const { host, port } = network.place(name, 'http').listen;
        const child = new ChildNode({
          name,
          url: `http://${host}:${port}`,
          logFile: join(directory, 'logs', `${name}.log`),
          environment: environment?.(name) ?? {},
          launcher: network.launcher(name),
          onDied: (end) => onDied(name, `${endText(end)}, see ${child.logFile}`),
        });
        return [name, child];
      }),
    );
  }

  /** Starts all. Rejects where one does not start; then none is left running. */
  async startAll(): Promise<void> {
    await mkdir(join(this.#directory, 'logs'), { recursive: true });
    const started = await Promise.allSettled(
      [...this.#children.keys()].map((name) => this.start(name)),
    );
    const failed = started.find((each) => each.status === 'rejected');
    if (failed === undefined) return;
    await this.stopAll();
    throw failed.reason;
  }

  /** Starts a node and waits until it is healthy. `script` runs in its place. */
  async start(name: string, script?: string): Promise<void> {
    const file = nodeFileIn(this.#directory, name);
    const args = script === undefined ? [entryScript, 'run', file] : [script, file];
    await this.#child(name).start([...this.#network.nodeOptions(name), ...args], startTimeoutMs);
  }

  async end(name: string, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await this.#child(name).end(signal);
  }

  /** Stops a process where it is; `SIGCONT` lets it go on. Nothing where it does not run. */
  signal(name: string, signal: 'SIGSTOP' | 'SIGCONT'): void {
    const { pid } = this.#child(name);
    if (pid !== undefined) process.kill(pid, signal);
  }

  /** Base address at which this program reaches a node whatever is cut. */
  url(name: string): string {
    return this.#child(name).url;
  }

  /** `undefined` while it does not run. */
  pid(name: string): number | undefined {
    return this.#child(name).pid;
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#children.values()].map((child) => child.end('SIGTERM')));
  }

  /** At once and without waiting, for the end of this program: a process that is paused would stay. */
  killAll(): void {
    for (const { pid } of this.#children.values()) if (pid !== undefined) kill(pid);
  }

  #child(name: string): ChildNode {
    const child = this.#children.get(name);
    if (child === undefined) throw new RangeError(`no node ${name}`);
    return child;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone by itself.
  }
}
