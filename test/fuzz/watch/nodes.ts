import { readFileSync, statSync } from 'node:fs';
import type { LocalCluster, LocalNode } from '../../../src/cli/local-cluster.js';
import { httpGet } from '../../../src/kernel/http/http-get.js';

/** How a node has fared, in MiB and milliseconds. */
export interface NodeReport {
  readonly name: string;
  readonly residentBeforeMiB: number;
  readonly residentPeakMiB: number;
  readonly residentAfterMiB: number;
  readonly logMiB: number;
  /** Slowest answer at `/healthz`. */
  readonly slowestHealthMs: number;
}

/** A node that does not answer at `/healthz` for so long hangs. */
export const healthBoundMs = 10_000;
/** No node may take so much memory, whatever is sent to it. */
export const residentBoundMiB = 1024;
/** Nor may it write so much into its log. */
export const logBoundMiB = 64;
const pollMs = 1000;

interface Watched {
  readonly node: LocalNode;
  readonly pid: number | undefined;
  readonly beforeMiB: number;
  peakMiB: number;
  slowestHealthMs: number;
  hangs: number;
}

/** Looks after all nodes once a second: alive, answering, of bounded memory. */
export class NodeWatch {
  readonly #watched: readonly Watched[];
  readonly #stop = new AbortController();
  readonly #done: Promise<unknown>;
  readonly #local: LocalCluster;

  constructor(local: LocalCluster) {
    this.#local = local;
    this.#watched = local.nodes.map((node) => {
      const beforeMiB = residentMiB(node.pid);
      return { node, pid: node.pid, beforeMiB, peakMiB: beforeMiB, slowestHealthMs: 0, hangs: 0 };
    });
    this.#done = Promise.all(this.#watched.map((watched) => this.#watch(watched)));
  }

  /** Times that a node did not answer in time. */
  get hangs(): number {
    return this.#watched.reduce((sum, { hangs }) => sum + hangs, 0);
  }

  async stop(): Promise<NodeReport[]> {
    this.#stop.abort();
    await this.#done;
    return this.#watched.map(({ node, pid, beforeMiB, peakMiB, slowestHealthMs }) => ({
      name: node.name,
      residentBeforeMiB: beforeMiB,
      residentPeakMiB: peakMiB,
      residentAfterMiB: residentMiB(pid),
      logMiB: Math.round(statSync(node.logFile).size / 2 ** 20),
      slowestHealthMs: Math.round(slowestHealthMs),
    }));
  }

  /** Nodes whose process is not the one that was there at the start. */
  get replaced(): string[] {
    const now = new Map(this.#local.nodes.map(({ name, pid }) => [name, pid]));
    return this.#watched.flatMap(({ node, pid }) =>
      pid !== undefined && now.get(node.name) === pid ? [] : [node.name],
    );
  }

  async #watch(watched: Watched): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const start = performance.now();
      const bounds = { timeoutMs: healthBoundMs, maxBytes: 65_536 };
      const answer = await httpGet(`${watched.node.url}/healthz`, bounds);
      watched.slowestHealthMs = Math.max(watched.slowestHealthMs, performance.now() - start);
      if (answer?.status !== 200) watched.hangs += 1;
      watched.peakMiB = Math.max(watched.peakMiB, residentMiB(watched.pid));
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }
}

/** Lines that no message may cause, whoever sends it: faults of the program, not of the message. */
const alarms = [
  '"operation-failed"',
  '"http-error"',
  '"driver-failed"',
  '"fatal"',
  'UnhandledPromiseRejection',
  'uncaughtException',
];
/** What costs a peer its connection may be no other error than one of its own making. */
const peerFailure = '"peer-message-failed"';
const peerErrors = ['"WireError"', '"FrameError"'];

/** The alarming lines of the nodes' logs, each with its node's name. */
export function alarmsIn(nodes: readonly LocalNode[]): string[] {
  return nodes.flatMap(({ name, logFile }) =>
    readFileSync(logFile, 'utf8')
      .split('\n')
      .filter(isAlarming)
      .map((line) => `${name}: ${line.slice(0, 1000)}`),
  );
}

function isAlarming(line: string): boolean {
  if (line.includes(peerFailure)) return !peerErrors.some((name) => line.includes(name));
  return alarms.some((alarm) => line.includes(alarm));
}

/** Memory that is resident, all the process's threads, from `/proc`; 0 where that cannot be told. */
function residentMiB(pid: number | undefined): number {
  if (pid === undefined) return 0;
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Math.round(Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024);
  } catch {
    return 0;
  }
}
