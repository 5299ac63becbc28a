import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  registration,
  type SampleSupplier,
  sampleSupplier,
} from '../../examples/supply-chain/sample.js';
import type { Step } from '../../examples/supply-chain/steps.js';
import { endText } from '../../src/cli/local/child-node.js';
import { LocalCluster } from '../../src/cli/local-cluster.js';
import type { EngineName } from '../../src/kernel/cluster.js';
import { type ClientNode, loadNode } from '../../src/kernel/config/node-file.js';
import { SessionClient } from '../../src/session/client/session-client.js';
import type { Performed } from '../../src/session/client/session-log.js';
import { BenchmarkError } from '../benchmark.js';
import { ownProcessorMs, processorMs } from '../support/processor-time.js';
import type { ProfiledProcess } from '../support/profile/window-profiler.js';
import { banks, Transactions } from './transactions.js';

const application = 'supply-chain';
/** Two operators: each works at its own coordinators. */
const operators = ['operator-1', 'operator-2'] as const;
/** The normal case is measured, and many processes share few cores: nobody is taken for dead. */
const timing = { resendAfterMs: 3000, suspectAfterMs: 15_000, voteTimeoutMs: 20_000 };
const patience = { answerTimeoutMs: 30_000, finalAfterMs: 60_000 };

/** What happens meanwhile. */
export interface SystemHooks {
  /** A node ended that nobody had asked to. */
  readonly onDied: (error: Error) => void;
  /** Ends the start, of which nothing is left then. */
  readonly signal: AbortSignal;
}

/** A running cluster with sessions, and the operators' side of it. */
export class SessionSystem {
  readonly supplier: SampleSupplier = sampleSupplier();
  readonly #local: LocalCluster;
  readonly #nodes: readonly ClientNode[];
  readonly transactions: Transactions;

  private constructor(
    local: LocalCluster,
    nodes: readonly ClientNode[],
    transactions: Transactions,
  ) {
    this.#local = local;
    this.#nodes = nodes;
    this.transactions = transactions;
  }

  /** A new cluster in a temporary directory that tolerates `f` faults, with a supplier registered. */
  static async start(f: number, engine: EngineName, hooks: SystemHooks): Promise<SessionSystem> {
    const directory = await mkdtemp(join(tmpdir(), 'concordat-bench-layer2-'));
    try {
      return await SessionSystem.#startIn(directory, f, engine, hooks);
    } catch (error) {
      if (hooks.signal.aborted) await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  static async #startIn(
    directory: string,
    f: number,
    engine: EngineName,
    { onDied, signal }: SystemHooks,
  ): Promise<SessionSystem> {
    const local = await LocalCluster.start({
      directory,
      signal,
      create: {
        f,
        participants: [...banks],
        clients: [...operators],
        timing,
        sessions: { engine, modules: { [application]: application } },
      },
      startTimeoutMs: 120_000,
      logLevel: 'warn',
      onEvent: (event) => {
        if (event.kind !== 'died') return;
        onDied(new BenchmarkError(`${event.name} ${endText(event.end)} (see ${event.logFile})`));
      },
    });
    try {
      const nodes = await Promise.all(operators.map((name) => clientNode(local.nodeFile(name))));
      const transactions = await Transactions.open(local, operators[0]);
      const system = new SessionSystem(local, nodes, transactions);
      await system.#register();
      return system;
    } catch (error) {
      await local.stop();
      throw error;
    }
  }

  get replicas(): number {
    return this.#local.cluster.coordinators.length;
  }

  /** A session of an operator, at the coordinator of this number. */
  open(home: number): SessionClient {
    const { cluster } = this.#local;
    const member = cluster.coordinators[home % this.replicas];
    const node = this.#nodes[home % this.#nodes.length];
    if (!member || !node) throw new RangeError(`no coordinator ${home}`);
    return new SessionClient({
      cluster,
      node,
      application,
      home: member.name,
      ...patience,
      onHome: (name, reason) => {
        throw new BenchmarkError(`a session had to go to ${name}: ${reason}`);
      },
    });
  }

  /** Processor time of all coordinators, and of this process, in milliseconds. */
  processorTimes(): { readonly coordinators: number; readonly client: number } {
    const coordinators = this.#local.nodes
      .filter(({ role }) => role === 'coordinator')
      .reduce((sum, { pid }) => sum + (pid === undefined ? 0 : processorMs(pid)), 0);
    return { coordinators, client: ownProcessorMs() };
  }

  processes(): readonly ProfiledProcess[] {
    return this.#local.nodes;
  }

  /** Stops all nodes. Their files stay where `keepFiles`, and the directory is told. */
  async stop({ keepFiles }: { readonly keepFiles: boolean }): Promise<string> {
    await this.transactions.close();
    await this.#local.stop();
    const { directory } = this.#local;
    if (!keepFiles) await rm(directory, { recursive: true, force: true });
    return directory;
  }

  async #register(): Promise<void> {
    const session = this.open(0);
    const { final } = await perform(session, registration(this.supplier));
    await session.commit();
    await final;
    session.close();
  }
}

export function perform(session: SessionClient, step: Step): Promise<Performed> {
  return session.call(JSON.stringify(step));
}

async function clientNode(file: string): Promise<ClientNode> {
  const node = await loadNode(file);
  if (node.role !== 'client') throw new BenchmarkError(`${node.name} is no client`);
  return node;
}
