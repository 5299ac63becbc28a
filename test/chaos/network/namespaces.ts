import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { promisify } from 'node:util';
import { type Network, type Place, type ServerKind, slowBytesPerSecond } from './network.js';

const run = promisify(execFile);
const ports: Record<ServerKind, number> = { http: 8080, peer: 9443 };
const uplinkForm = /^chaos(\d+)$/;
/** A network a harness, in the addresses for tests of networks (RFC 2544): 198.18.N.0/24. */
const networksMax = 200;
const uplinkHost = 254;
const bridge = 'bridge';
const shaper = [
  ...['root', 'tbf', 'rate', `${slowBytesPerSecond * 8}bit`],
  ...['burst', '32kb', 'latency', '300ms'],
];

/**
 * Every node in a network namespace of its own, all on one bridge: packets are lost, so connections
 * behave as they do between machines. Takes root, `ip`, `iptables` and `tc`.
 */
export class NamespaceNetwork implements Network {
  readonly kind = 'namespaces';
  readonly #nodes: readonly string[];
  readonly #number: number;

  private constructor(nodes: readonly string[], number: number) {
    this.#nodes = nodes;
    this.#number = number;
  }

  /** `undefined` where this machine does not let us. */
  static async open(nodes: readonly string[]): Promise<NamespaceNetwork | undefined> {
    await removeAbandoned().catch(() => undefined);
    const number = await claimNumber();
    if (number === undefined) return undefined;
    const network = new NamespaceNetwork(nodes, number);
    try {
      await network.#build();
      await network.#probe();
      return network;
    } catch {
      await network.close();
      return undefined;
    }
  }

  place(node: string, server: ServerKind): Place {
    const listen = { host: this.#address(node), port: ports[server] };
    return { advertised: listen, listen };
  }

  launcher(node: string): readonly string[] {
    // It becomes the command that it is given, so the process is the node's own.
    return ['ip', 'netns', 'exec', this.#namespace(node)];
  }

  nodeOptions(): readonly string[] {
    return [];
  }

  async cut(from: string, to: string): Promise<void> {
    await this.#filter('-A', from, to);
  }

  async restore(from: string, to: string): Promise<void> {
    await this.#filter('-D', from, to);
  }

  async slow(node: string): Promise<void> {
    await this.#shape('add', node, shaper);
  }

  async hasten(node: string): Promise<void> {
    await this.#shape('del', node, ['root']);
  }

  async close(): Promise<void> {
    await remove(this.#number);
  }

  /** The bridge has a namespace of its own, where no filter of this machine meets its packets. */
  async #build(): Promise<void> {
    const [hub, uplink] = [hubOf(this.#number), uplinkOf(this.#number)];
    await ip('addr', 'add', `${addressIn(this.#number, uplinkHost)}/24`, 'dev', uplink);
    await ip('link', 'set', uplink, 'up');
    await ip('netns', 'add', hub);
    await ip('-n', hub, 'link', 'add', bridge, 'type', 'bridge');
    await ip('-n', hub, 'link', 'set', bridge, 'up');
    await ip('link', 'set', peerOf(this.#number), 'netns', hub);
    await this.#plugIn(peerOf(this.#number));
    for (const node of this.#nodes) {
      const [namespace, cable] = [this.#namespace(node), this.#cable(node)];
      await ip('netns', 'add', namespace);
      const end = ['peer', 'name', 'eth0', 'netns', namespace];
      await ip('-n', hub, 'link', 'add', cable, 'type', 'veth', ...end);
      await this.#plugIn(cable);
      await ip('-n', namespace, 'addr', 'add', `${this.#address(node)}/24`, 'dev', 'eth0');
      for (const device of ['eth0', 'lo']) await ip('-n', namespace, 'link', 'set', device, 'up');
    }
  }

  async #plugIn(cable: string): Promise<void> {
    await ip('-n', hubOf(this.#number), 'link', 'set', cable, 'master', bridge, 'up');
  }

  /** Rejects unless nodes reach each other, and can be cut off and slowed. */
  async #probe(): Promise<void> {
    const [first = '', second = ''] = this.#nodes;
    await reach(this.#address(first));
    const module = `import(${JSON.stringify(import.meta.url)})`;
    const script = `${module}.then(({ reach }) => reach('${this.#address(first)}'))`;
    const [command = '', ...rest] = [...this.launcher(second), process.execPath, '-e', script];
    await run(command, rest);
    await this.cut(first, second);
    await this.restore(first, second);
    await this.slow(first);
    await this.hasten(first);
  }

  async #filter(change: '-A' | '-D', from: string, to: string): Promise<void> {
    const rule = [change, 'INPUT', '-s', this.#address(from), '-j', 'DROP'];
    await ip('netns', 'exec', this.#namespace(to), 'iptables', '-w', ...rule);
  }

  async #shape(change: 'add' | 'del', node: string, what: readonly string[]): Promise<void> {
    await run('tc', ['-n', this.#namespace(node), 'qdisc', change, 'dev', 'eth0', ...what]);
    await run('tc', [
      '-n',
      hubOf(this.#number),
      'qdisc',
      change,
      'dev',
      this.#cable(node),
      ...what,
    ]);
  }

  #namespace(node: string): string {
    return `${prefixOf(this.#number)}${node}`;
  }

  #cable(node: string): string {
    return `cable${this.#nodes.indexOf(node)}`;
  }

  #address(node: string): string {
    return addressIn(this.#number, this.#nodes.indexOf(node) + 1);
  }
}

/** The device between this machine's own namespace and the bridge, and its other end. */
const uplinkOf = (number: number) => `chaos${number}`;
const peerOf = (number: number) => `chaos${number}p`;
const prefixOf = (number: number) => `chaos${number}-`;
const hubOf = (number: number) => `${prefixOf(number)}hub`;
const addressIn = (number: number, host: number) => `198.18.${number}.${host}`;

async function ip(...args: string[]): Promise<void> {
  await run('ip', args);
}

/** The uplink is the claim: only one can make it. Its alias says whose it is. */
async function claimNumber(): Promise<number | undefined> {
  const taken = new Set(numbersTaken());
  for (let number = 1; number <= networksMax; number += 1) {
    if (taken.has(number)) continue;
    try {
      const ends = ['type', 'veth', 'peer', 'name', peerOf(number)];
      await ip('link', 'add', uplinkOf(number), 'alias', `${process.pid}`, ...ends);
      return number;
    } catch {
      if (!numbersTaken().includes(number)) return undefined;
    }
  }
  return undefined;
}

function numbersTaken(): number[] {
  return readdirSync('/sys/class/net').flatMap((name) => {
    const number = uplinkForm.exec(name)?.[1];
    return number === undefined ? [] : [Number(number)];
  });
}

/** Removes what a harness left that was killed. */
async function removeAbandoned(): Promise<void> {
  for (const number of numbersTaken()) {
    const owner = readFileSync(`/sys/class/net/${uplinkOf(number)}/ifalias`, 'utf8').trim();
    if (/^\d+$/.test(owner) && !isRunning(Number(owner))) await remove(number);
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Cables and the bridge go with their namespaces. */
async function remove(number: number): Promise<void> {
  const prefix = prefixOf(number);
  const { stdout } = await run('ip', ['netns', 'list']).catch(() => ({ stdout: '' }));
  const namespaces = stdout.split('\n').map((line) => line.split(' ')[0] ?? '');
  for (const namespace of namespaces.filter((name) => name.startsWith(prefix))) {
    await ip('netns', 'del', namespace).catch(() => undefined);
  }
  await ip('link', 'del', uplinkOf(number)).catch(() => undefined);
}

/** Rejects unless there is an answer from this address; that nobody listens there is one. */
export function reach(host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: ports.http, timeout: 2000 });
    const done = (error?: NodeJS.ErrnoException) => {
      socket.destroy();
      if (error === undefined || error.code === 'ECONNREFUSED') resolve();
      else reject(error);
    };
    socket.on('connect', () => done());
    socket.on('timeout', () => done(new Error(`${host} does not answer`)));
    socket.on('error', done);
  });
}
