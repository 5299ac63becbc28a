import { median, rounded } from '../support/statistics.js';
import type { PeerWindow } from './peer.js';

/** One system at one number of clients; medians over the rounds, each figure by itself. */
export interface PeerPoint extends PeerWindow {
  readonly clients: number;
}

export interface PeerSummary {
  readonly system: string;
  /** The number of clients with which it makes the most transfers a second. */
  readonly best: PeerPoint;
  /** To the base, each at its best: medians of the ratios of each round. */
  readonly ratios: { readonly perSecond: number; readonly processorMs: number };
  readonly points: readonly PeerPoint[];
}

/** The windows of one run, by system and number of clients. */
export class PeerResults {
  readonly #systems = new Map<string, Map<number, PeerWindow[]>>();

  add(system: string, clients: number, window: PeerWindow): void {
    const points = this.#systems.get(system) ?? new Map<number, PeerWindow[]>();
    this.#systems.set(system, points);
    points.set(clients, [...(points.get(clients) ?? []), window]);
  }

  /** Of these systems, compared with one of them. Throws `RangeError` where one was not measured. */
  summaries(systems: readonly string[], base: string): PeerSummary[] {
    const baseWindows = this.#windows(base, this.#best(base).clients);
    return systems.map((system) => {
      const best = this.#best(system);
      const windows = this.#windows(system, best.clients);
      const ratio = (figure: 'perSecond' | 'processorMs') =>
        rounded(
          median(
            windows.map((window, round) => window[figure] / (baseWindows[round]?.[figure] ?? NaN)),
          ),
        );
      return {
        system,
        best,
        ratios: {
          perSecond: ratio('perSecond'),
          processorMs: ratio('processorMs'),
        },
        points: this.#points(system),
      };
    });
  }

  #best(system: string): PeerPoint {
    return this.#points(system).reduce((a, b) => (b.perSecond > a.perSecond ? b : a));
  }

  #points(system: string): PeerPoint[] {
    const points = this.#systems.get(system);
    if (points === undefined) throw new RangeError(`no figures of ${system}`);
    return [...points].map(([clients, windows]) => {
      const over = (figure: keyof PeerWindow) =>
        rounded(median(windows.map((window) => window[figure])), 4);
      return {
        clients,
        perSecond: over('perSecond'),
        p50Ms: over('p50Ms'),
        p99Ms: over('p99Ms'),
        processorMs: over('processorMs'),
      };
    });
  }

  #windows(system: string, clients: number): readonly PeerWindow[] {
    return this.#systems.get(system)?.get(clients) ?? [];
  }
}
