import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TransferClient } from '../../src/banking/client/transfer-client.js';
import { loadClient } from '../../src/cli/client.js';
import { endText } from '../../src/cli/local/child-node.js';
import { LocalCluster } from '../../src/cli/local-cluster.js';
import type { Binding, Cluster } from '../../src/kernel/cluster.js';
import { BenchmarkError } from '../benchmark.js';
import { ownProcessorMs, processorMs } from '../support/processor-time.js';
import type { ProfiledProcess } from '../support/profile/window-profiler.js';
import { requireCommitted } from './committed.js';
import { accountsOf, balanceAt, Ledger } from './ledger.js';
import type { Measured, ProcessorReading } from './window.js';

/** `bft`: four coordinators and three initiators, `f = 1`. `unreplicated`: one of each, `f = 0`. */
export const systemNames = ['bft', 'unreplicated'] as const;
export type SystemName = (typeof systemNames)[number];

export interface SystemOptions {
  readonly name: SystemName;
  readonly banks: number;
  /** How its nodes send messages to each other. */
  readonly binding: Binding;
  /** Transfers that may be in flight at a time. */
  readonly lanes: number;
  /** A node ended that nobody had asked to. */
  readonly onDied: (error: Error) => void;
  /** Ends the start, of which nothing is left then. */
  readonly signal?: AbortSignal;
}

/** For a transfer, whatever it waits for. */
export const transferTimeoutMs = 30_000;
const faults: Record<SystemName, number> = { bft: 1, unreplicated: 0 };
/**
 * The normal case is measured, so nobody may be taken for dead who only waits for a processor: with
 * many clients on few cores each message waits for seconds.
 */
export const timing = { resendAfterMs: 3000, suspectAfterMs: 15_000, voteTimeoutMs: 20_000 };

/** A running cluster, its client, and its books. */
export class System implements Measured {
  readonly name: SystemName;
  readonly #local: LocalCluster;
  readonly #client: TransferClient;
  readonly #ledger: Ledger;
  #committed = 0;

  private constructor(
    name: SystemName,
    local: LocalCluster,
    client: TransferClient,
    ledger: Ledger,
  ) {
    this.name = name;
    this.#local = local;
    this.#client = client;
    this.#ledger = ledger;
  }

  /** Makes a new cluster in a temporary directory and starts it. */
  static async start(options: SystemOptions): Promise<System> {
    options.signal?.throwIfAborted();
    const directory = await mkdtemp(join(tmpdir(), `concordat-bench-${options.name}-`));
    try {
      return await System.#startIn(directory, options);
    } catch (error) {
      if (options.signal?.aborted) await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  static async #startIn(
    directory: string,
    { name, banks, binding, lanes, onDied, signal }: SystemOptions,
  ): Promise<System> {
    const local = await LocalCluster.start({
      directory,
      ...(signal && { signal }),
      create: {
        f: faults[name],
        participants: bankNames(banks),
        clients: ['bench'],
        timing,
        binding,
      },
      onEvent: (event) => {
        if (event.kind !== 'died') return;
        onDied(new BenchmarkError(`${event.name} ${endText(event.end)} (see ${event.logFile})`));
      },
    });
    const { node, cluster } = await loadClient(local.nodeFile('bench'));
    const client = new TransferClient({ cluster, node, lanes });
    try {
      const ledger = await Ledger.open(balanceAt(client), await accountsOf(local), lanes);
      return new System(name, local, client, ledger);
    } catch (error) {
      await Promise.all([client.close(), local.stop()]);
      throw error;
    }
  }

  get cluster(): Cluster {
    return this.#local.cluster;
  }

  /** Transfers committed since the start, that is, all: any other outcome is an error. */
  get committed(): number {
    return this.#committed;
  }

  /** Makes one transfer. Throws `BenchmarkError` unless it is committed. */
  async transfer(participants: number): Promise<void> {
    const order = this.#ledger.next(participants);
    await requireCommitted(
      this.name,
      this.#client.transfer(order, { timeoutMs: transferTimeoutMs }),
    );
    this.#ledger.committed(order);
    this.#committed += 1;
  }

  /** Throws `BenchmarkError` unless every bank holds what it should. */
  async checkMoney(): Promise<void> {
    await this.#ledger.check();
  }

  processorTimes(): ProcessorReading {
    const nodes = new Map<string, number>();
    for (const { name, pid } of this.#local.nodes) {
      if (pid !== undefined) nodes.set(name, processorMs(pid));
    }
    return { nodes, clientMs: ownProcessorMs() };
  }

  processes(): readonly ProfiledProcess[] {
    return this.#local.nodes;
  }

  /** Stops all nodes. Their files stay where `keepFiles`, and the directory is told. */
  async stop({ keepFiles }: { readonly keepFiles: boolean }): Promise<string> {
    await this.#client.close();
    await this.#local.stop();
    const { directory } = this.#local;
    if (!keepFiles) await rm(directory, { recursive: true, force: true });
    return directory;
  }
}

function bankNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `bank-${index + 1}`);
}
