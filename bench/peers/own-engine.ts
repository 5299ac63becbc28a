import type { Group } from '../ordering/processes/group.js';
import { measure } from '../ordering/processes/run.js';
import type { Peer } from './peer.js';

/** Empty requests, which are not signed. */
const load = { requestBytes: 0, sign: false } as const;

/** Four replicas that run one of this software's ordering engines, over real processes. */
export function enginePeer(group: Group, signal: AbortSignal): Peer {
  return {
    name: group.engine,
    version: `Node ${process.version}`,
    warmUp: async (seconds, clients) => {
      for (const count of clients)
        await measure(group, { ...load, clients: count }, seconds, signal);
    },
    measure: async (clients, windowMs) => {
      const figures = await measure(group, { ...load, clients }, windowMs / 1000, signal);
      const { requestsPerSecond: perSecond, p50Ms, p99Ms } = figures;
      const processorUs = figures.replicasUsPerRequest + figures.clientsUsPerRequest;
      return { perSecond, p50Ms, p99Ms, processorMs: processorUs / 1000 };
    },
    check: async () => (await group.agreedState()).executed,
    stop: () => group.stop(),
  };
}
