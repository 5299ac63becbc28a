import type { Latency } from './network.js';

/** Regions, and the round trips between them. */
export interface Deployment {
  readonly name: string;
  readonly regions: readonly string[];
  /** In milliseconds, to the regions before each. */
  readonly roundTripsMs: readonly (readonly number[])[];
}

/** The papers have none within a region; what is usual within one. */
export const withinRegionMs = 0.5;

/**
 * ezBFT's experiment 1. Its round trips follow from its table I: where client and primary are in one region, Zyzzyva
 * takes the longest round trip from there, and each other entry has one more one-way delay in it.
 */
export const fourContinents: Deployment = {
  name: 'ezBFT, experiment 1',
  regions: ['Virginia', 'Japan', 'India', 'Australia'],
  roundTripsMs: [[], [167], [185, 138], [198, 111, 229]],
};

/** ezBFT's experiment 2. The paper has no round trips for it; these are what is usual between those regions. */
export const twoContinents: Deployment = {
  name: 'ezBFT, experiment 2',
  regions: ['Ohio', 'Ireland', 'Frankfurt', 'India'],
  roundTripsMs: [[], [86], [100, 26], [196, 124, 126]],
};

export function roundTripMs({ roundTripsMs }: Deployment, a: number, b: number): number {
  return roundTripsMs[Math.max(a, b)]?.[Math.min(a, b)] ?? withinRegionMs;
}

/** Replica `i` is in the region `regionOf[i]`. */
export function latencyOf(deployment: Deployment, regionOf: readonly number[]): Latency {
  return (from, to) => roundTripMs(deployment, regionOf[from] ?? 0, regionOf[to] ?? 0) / 2;
}
