import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { silentBank } from '../cluster/members.js';
import type { Nodes } from '../cluster/nodes.js';
import type { Load } from '../load/load.js';
import type { SilentBankLoad } from '../load/silent-bank.js';

const script = fileURLToPath(new URL('../byzantine/silent-bank.js', import.meta.url));

/** What honest clients got in all phases of one kind. */
export interface Throughput {
  committed: number;
  seconds: number;
}

export interface SilenceOptions {
  readonly nodes: Nodes;
  readonly load: Load;
  readonly silentBankLoad: SilentBankLoad;
  /** Each phase lasts so long, whatever faults there are meanwhile. */
  readonly phaseMs: number;
  readonly tell: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * By turns one bank is silent and answers, in phases of the same length, so that the faults of the plan befall
 * both alike. Its client asks for the same all the time: what is compared is silence, and not one client more.
 * Where the bank is not silent, it answers for all that it owes.
 */
export class Silence {
  readonly with: Throughput = { committed: 0, seconds: 0 };
  readonly without: Throughput = { committed: 0, seconds: 0 };
  readonly #options: SilenceOptions;

  constructor(options: SilenceOptions) {
    this.#options = options;
  }

  /** Until aborted. Ends with a bank that is not silent. */
  async run(): Promise<void> {
    const { nodes, silentBankLoad, tell, signal } = this.#options;
    silentBankLoad.start();
    try {
      while (!signal.aborted) {
        await this.#phase(this.without);
        if (signal.aborted) return;
        tell(`${silentBank} falls silent`);
        await restart(nodes, script);
        await this.#phase(this.with);
        await restart(nodes);
        tell(`${silentBank} answers again`);
      }
    } finally {
      await silentBankLoad.stop();
    }
  }

  async #phase(throughput: Throughput): Promise<void> {
    const { load, phaseMs, signal } = this.#options;
    const before = load.counts.committed;
    const startMs = performance.now();
    await sleep(phaseMs, undefined, { signal }).catch(() => undefined);
    throughput.committed += load.counts.committed - before;
    throughput.seconds += (performance.now() - startMs) / 1000;
  }
}

/** Honest throughput with the silent bank, as a part of that without. `null` where one was not measured. */
export function ratioOf({ with: beside, without }: Pick<Silence, 'with' | 'without'>) {
  const ratio = perSecond(beside) / perSecond(without);
  return Number.isFinite(ratio) ? ratio : null;
}

export function perSecond({ committed, seconds }: Throughput): number {
  return committed / seconds;
}

async function restart(nodes: Nodes, instead?: string): Promise<void> {
  await nodes.end(silentBank, 'SIGTERM');
  await nodes.start(silentBank, instead);
}
