import { makeRequests } from '../support/closed-loop.js';
import type { LiveContext } from '../support/while-alive.js';
import type { System } from '../transfer/system.js';
import type { Variant } from '../transfer/variants.js';
import { measure } from '../transfer/window.js';
import type { Settings } from './settings.js';

/** What a window of time showed of a system. */
export interface PeerWindow {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of all processes for one transfer or request, the clients' included. */
  readonly processorMs: number;
}

/** A system that makes transfers between two participants, or orders requests. */
export interface Peer {
  readonly name: string;
  /** What it runs on, for the report. */
  readonly version: string;
  /** At these numbers of clients, for about so long each; or as much work as it takes. */
  warmUp(seconds: number, clients: readonly number[]): Promise<void>;
  /** Loads it, and watches it for so long once every client has had an answer. */
  measure(clients: number, windowMs: number): Promise<PeerWindow>;
  /**
   * Gives how many transfers or requests there were since the start. Throws `BenchmarkError` unless all were committed and the books are
   * right.
   */
  check(): Promise<number>;
  stop(): Promise<void>;
}

const participants = 2;
/** Few: processes that have just started are slow. */
const warmUpClients = 4;

/** Starts this software, replicated or not, with one of the bindings. */
export async function startOwn(
  { name, start }: Variant,
  { clients, warmUp }: Settings,
  { signal, onDied }: LiveContext,
): Promise<Peer> {
  const lanes = Math.max(warmUpClients, ...clients);
  const system = await start({ banks: participants, lanes, onDied, signal });
  const request = () => system.transfer(participants);
  return {
    name,
    version: `Node ${process.version}`,
    warmUp: () => makeRequests({ clients: warmUpClients, request }, warmUp, signal),
    measure: (count, windowMs) => windowOf(system, count, windowMs, signal),
    check: async () => {
      await system.checkMoney();
      return system.committed;
    },
    stop: async () => {
      await system.stop({ keepFiles: false });
    },
  };
}

async function windowOf(
  system: System,
  clients: number,
  windowMs: number,
  signal: AbortSignal,
): Promise<PeerWindow> {
  const figures = await measure(system, { clients, participants }, windowMs, { signal });
  const { transfersPerSecond: perSecond, p50Ms, p99Ms } = figures;
  const { cpuMsPerTransfer, clientCpuMsPerTransfer } = figures;
  const processorMs = cpuMsPerTransfer + clientCpuMsPerTransfer;
  return { perSecond, p50Ms, p99Ms, processorMs };
}
