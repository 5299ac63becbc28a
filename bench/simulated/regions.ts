import { roundTripMs as between, type Deployment, withinRegionMs } from './deployments.js';
import type { Latency } from './network.js';

/** The regions of Antipaxos' table 2. The first is the best placed: PBFT's first primary is there. */
export const sevenRegions: Deployment = {
  name: 'Antipaxos, table 2',
  regions: [
    'us-east-2',
    'sa-east-1',
    'eu-central-1',
    'ap-northeast-1',
    'us-west-2',
    'ap-south-1',
    'ca-central-1',
  ],
  roundTripsMs: [
    [],
    [123],
    [100, 205],
    [146, 270, 260],
    [49, 173, 141, 96],
    [196, 302, 126, 130, 222],
    [23, 123, 89, 156, 59, 189],
  ],
};

export const { regions } = sevenRegions;

export function roundTripMs(a: number, b: number): number {
  return between(sevenRegions, a, b);
}

/** One-way latency between two replicas, which are spread over the regions in turn. */
export const wideArea: Latency = (from, to) =>
  roundTripMs(from % regions.length, to % regions.length) / 2;

/** One data centre. */
export const localArea: Latency = () => withinRegionMs / 2;
