import type { ClusterSettings, EngineName } from './cluster.js';
import { type Costs, measuredCosts } from './costs.js';
import { lowLoadLatencyMs } from './low-load.js';
import type { Latency } from './network.js';
import { findPeak, type Peak } from './peak.js';

/** What is compared: everything but the engine. */
export interface Point {
  readonly n: number;
  readonly depth: number;
  readonly requestBytes: number;
  readonly clientsSign: boolean;
}

export interface PointResult extends Peak {
  /** Of requests that come one at a time; `null` where it was not measured. */
  readonly lowLoadMs: number | null;
}

/** Client requests that one request of the model stands for: the most that still fill a batch evenly. */
const bundle = 64;
/** Nothing is lost and nobody is dead, so nothing is said again; a slow processor is not suspected. */
export const patient = { resendAfterMs: 120_000, suspectAfterMs: 600_000, timeoutMaxMs: 600_000 };

export function settingsOf(
  engine: EngineName,
  point: Point,
  latency: Latency,
  costs: Costs = measuredCosts,
): ClusterSettings {
  return { engine, ...point, latency, costs, bundle, ...patient };
}

export function measurePoint(
  engine: EngineName,
  point: Point,
  latency: Latency,
  { withLowLoad }: { readonly withLowLoad: boolean },
): PointResult {
  const settings = settingsOf(engine, point, latency);
  const lowLoadMs = withLowLoad ? lowLoadLatencyMs(settings) : null;
  return { ...findPeak(settings), lowLoadMs };
}
