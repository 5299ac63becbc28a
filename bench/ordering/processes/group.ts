import { type ChildProcess, fork } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { initCluster } from '../../../src/cli/init.js';
import { nodeFlags } from '../../../src/cli/local/child-node.js';
import { claimPorts, localHost, type PortRange } from '../../../src/cli/local/port-range.js';
import { BenchmarkError } from '../../benchmark.js';
import type { EngineName } from '../../simulated/cluster.js';
import { processorMs } from '../../support/processor-time.js';
import type {
  FromClient,
  FromReplica,
  LoadSettings,
  ReplicaState,
  Setup,
  Timeline,
  ToClient,
  ToReplica,
  Window,
} from './control.js';
import {
  entriesOf,
  type Geography,
  listening,
  placeCluster,
  replicaName,
  replicasFor,
} from './geography.js';

/** For any answer of a process. */
const patienceMs = 60_000;
const pollMs = 50;

export interface GroupSettings extends Pick<Setup, 'depth' | 'exclusion' | 'early'> {
  /** How many replicas may fail; 1 unless given. */
  readonly faults?: number;
  /** Where replicas and clients are; next to each other unless given. */
  readonly geography?: Geography;
}

/** Processor time used so far, in milliseconds. */
export interface ProcessorReading {
  readonly replicas: readonly number[];
  readonly clients: number;
}

/** `3f + 1` replicas that run one engine, and the process with its clients. */
export class Group {
  readonly engine: EngineName;
  readonly #directory: string;
  readonly #ports: PortRange;
  readonly #replicas: readonly ChildProcess[];
  readonly #clients: ChildProcess;

  private constructor(
    engine: EngineName,
    directory: string,
    ports: PortRange,
    [clients, ...others]: readonly [ChildProcess, ...ChildProcess[]],
  ) {
    this.engine = engine;
    this.#directory = directory;
    this.#ports = ports;
    this.#clients = clients;
    this.#replicas = others;
  }

  /** Makes keys and certificates, and starts all. `onDied` is told of a process that ends by itself. */
  static async start(
    engine: EngineName,
    { faults = 1, geography, ...settings }: GroupSettings,
    onDied: (error: Error) => void,
  ): Promise<Group> {
    const directory = await mkdtemp(join(tmpdir(), `concordat-bench-${engine}-`));
    const ports = await claimPorts();
    const layout = { kind: 'local', host: localHost, basePort: ports.basePort } as const;
    await initCluster({ directory, clusterId: 'bench', f: faults, layout });
    const nodeFiles = Array.from({ length: replicasFor(faults) }, (_, index) =>
      join(directory, 'nodes', `${replicaName(index)}.json`),
    );
    if (geography) await placeCluster(directory, nodeFiles, geography.network);
    const keys = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    const setup: Setup = {
      engine,
      ...settings,
      faults,
      directory,
      clientKey: keys.publicKey,
      nodeFiles,
      ...(geography
        ? entriesOf(geography)
        : { entries: await listening(nodeFiles), clientAddresses: [localHost] }),
    };
    const started = nodeFiles.map((_, replica) =>
      start(
        'replica',
        { ...setup, replica },
        onDied,
        geography?.network.nodeOptions(replicaName(replica)),
      ),
    );
    try {
      await Promise.all(started.map((process) => answerOf(process, 'ready')));
      const clients = start('client', { ...setup, clientPrivateKey: keys.privateKey }, onDied);
      started.unshift(clients);
      await answerOf(clients, 'ready');
      return new Group(engine, directory, ports, [clients, ...started.slice(1)]);
    } catch (error) {
      for (const process of started) process.kill('SIGKILL');
      await Promise.all(started.map(end));
      await ports.release();
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  /** Puts the group under load; resolves when each client has had an answer. */
  async load(load: LoadSettings): Promise<void> {
    await this.#ask({ kind: 'load', load }, 'loaded');
  }

  /** Ends the load; resolves when the last request is answered. */
  async quiet(): Promise<void> {
    await this.#ask({ kind: 'stop' }, 'quiet');
  }

  async begin(): Promise<void> {
    await this.#ask({ kind: 'begin' }, 'begun');
  }

  async end(): Promise<Window> {
    const { window } = await this.#ask({ kind: 'end' }, 'window');
    return window;
  }

  /** Each answer since `begin`. */
  async timeline(): Promise<Timeline> {
    const { timeline } = await this.#ask({ kind: 'tell' }, 'told');
    return timeline;
  }

  /** As if its machine were gone. */
  kill(replica: number): void {
    this.#replicas[replica]?.kill('SIGKILL');
  }

  processorTimes(): ProcessorReading {
    return {
      replicas: this.#replicas.map(({ pid }) => processorMs(pid ?? 0)),
      clients: processorMs(this.#clients.pid ?? 0),
    };
  }

  /**
   * Where the replicas that live are, once all have executed the same number of requests. Throws
   * `BenchmarkError` where they did so in different orders, or one does not catch up.
   */
  async agreedState(): Promise<ReplicaState> {
    const deadline = performance.now() + patienceMs;
    for (;;) {
      const alive = this.#replicas.filter(({ signalCode }) => signalCode === null);
      const states = await Promise.all(alive.map(stateOf));
      const [first, ...others] = states;
      if (!first) throw new RangeError('no replicas');
      if (others.every(({ executed }) => executed === first.executed)) {
        if (others.some(({ history }) => history !== first.history)) {
          throw new BenchmarkError(`${this.engine}: the replicas have executed different things`);
        }
        return { ...first, troubles: Math.max(...states.map(({ troubles }) => troubles)) };
      }
      if (performance.now() > deadline) {
        throw new BenchmarkError(`${this.engine}: a replica does not catch up`);
      }
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }

  /** Ends all processes, and removes what they wrote. */
  async stop(): Promise<void> {
    const all = [this.#clients, ...this.#replicas];
    await Promise.all(all.map(end));
    await this.#ports.release();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #ask<Kind extends FromClient['kind']>(
    message: ToClient,
    kind: Kind,
  ): Promise<Extract<FromClient, { kind: Kind }>> {
    const answer = answerOf(this.#clients, kind);
    this.#clients.send(message);
    return (await answer) as Extract<FromClient, { kind: Kind }>;
  }
}

async function stateOf(replica: ChildProcess): Promise<ReplicaState> {
  const answer = answerOf(replica, 'told');
  const question: ToReplica = { kind: 'tell' };
  replica.send(question);
  const told = (await answer) as FromReplica;
  if (told.kind !== 'told') throw new TypeError(told.kind);
  return told.state;
}

function start(
  program: 'replica' | 'client',
  setup: Setup,
  onDied: (error: Error) => void,
  nodeOptions: readonly string[] = [],
): ChildProcess {
  const script = fileURLToPath(new URL(`./${program}.js`, import.meta.url));
  const name = setup.replica === undefined ? program : `${program} ${setup.replica}`;
  const child = fork(script, [JSON.stringify(setup)], {
    execArgv: [...nodeFlags, ...nodeOptions],
    stdio: ['ignore', 2, 2, 'ipc'],
  });
  child.on('exit', (code, signal) => {
    if (code === 0 || signal === 'SIGKILL') return;
    onDied(new BenchmarkError(`${setup.engine}: ${name} ended by itself (${code ?? signal})`));
  });
  return child;
}

function answerOf(child: ChildProcess, kind: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      settle();
      reject(new BenchmarkError(`a process did not answer "${kind}" within ${patienceMs} ms`));
    }, patienceMs);
    const onMessage = (message: FromClient | FromReplica) => {
      if (message.kind !== kind) return;
      settle();
      resolve(message);
    };
    const onExit = () => {
      settle();
      reject(new BenchmarkError(`a process ended before it answered "${kind}"`));
    };
    const settle = () => {
      clearTimeout(timer);
      child.off('message', onMessage);
      child.off('exit', onExit);
    };
    child.on('message', onMessage);
    child.once('exit', onExit);
  });
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once('exit', () => resolve());
    // It ends by itself.
    if (child.connected) child.disconnect();
  });
}
