import { type AddressList, crowdedAddresses } from './shares.js';

/** Connections of one node, each with its buffers: some 100 MB at the worst. */
export const connectionsMax = 2048;
/** Requests under way at one node; the ports bound their own besides. */
export const requestsMax = 2048;
/** Event streams of one coordinator. */
export const streamsMax = 1024;

/** What one address may take of a node: so little that eight of them leave room for others. */
export interface HttpLimits {
  readonly connectionsPerAddress: number;
  readonly requestsPerAddress: number;
  readonly streamsPerAddress: number;
}

/** What a node's file says of them. */
export type HttpLimitSettings = { readonly [Limit in keyof HttpLimits]?: number | undefined };

const httpLimitsDefault: HttpLimits = {
  connectionsPerAddress: connectionsMax / 8,
  requestsPerAddress: requestsMax / 8,
  streamsPerAddress: streamsMax / 8,
};

/** Many clients are behind a proxy, and on the node's own machine. They leave a quarter to others. */
const crowdedPart = 3 / 4;

/** How much an address may take. */
export class AddressShares {
  readonly #limits: HttpLimits;
  readonly #crowded: AddressList;

  constructor(limits: HttpLimitSettings = {}, proxies: readonly string[] = []) {
    const usual = httpLimitsDefault;
    this.#limits = {
      connectionsPerAddress: limits.connectionsPerAddress ?? usual.connectionsPerAddress,
      requestsPerAddress: limits.requestsPerAddress ?? usual.requestsPerAddress,
      streamsPerAddress: limits.streamsPerAddress ?? usual.streamsPerAddress,
    };
    this.#crowded = crowdedAddresses(proxies);
  }

  connections(address: string): number {
    return this.#share(address, this.#limits.connectionsPerAddress, connectionsMax);
  }

  requests(address: string): number {
    return this.#share(address, this.#limits.requestsPerAddress, requestsMax);
  }

  streams(address: string): number {
    return this.#share(address, this.#limits.streamsPerAddress, streamsMax);
  }

  /** Of what a port or a session shares out by address besides: as large a part as of the requests. */
  partOf(max: number, address: string): number {
    return Math.ceil((max * Math.min(this.requests(address), requestsMax)) / requestsMax);
  }

  #share(address: string, usual: number, max: number): number {
    return this.#crowded.has(address) ? Math.max(usual, max * crowdedPart) : usual;
  }
}
