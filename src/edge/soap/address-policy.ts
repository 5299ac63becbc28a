import type { Cluster } from '../../vocabulary/cluster.js';

/** Longer addresses are refused unread. */
const addressLengthMax = 2048;

/**
 * Which addresses a node may call. Messages name the address that an answer goes to, so without such
 * a rule anybody could make the nodes call anything that they can reach.
 */
export class AddressPolicy {
  readonly #origins: ReadonlySet<string>;

  /** Allows the members' origins (scheme, host, port) and those that the cluster file adds. */
  constructor(
    cluster: Pick<
      Cluster,
      'coordinators' | 'initiators' | 'participants' | 'fronts' | 'allowedOrigins'
    >,
  ) {
    const members = [
      ...cluster.coordinators,
      ...cluster.initiators,
      ...cluster.participants,
      ...cluster.fronts,
    ];
    const addresses = [...members.map((member) => member.url), ...cluster.allowedOrigins];
    this.#origins = new Set(addresses.map((address) => new URL(address).origin));
  }

  allows(address: string): boolean {
    if (address.length > addressLengthMax || !URL.canParse(address)) return false;
    const url = new URL(address);
    const isWeb = url.protocol === 'http:' || url.protocol === 'https:';
    return isWeb && url.username === '' && url.password === '' && this.#origins.has(url.origin);
  }
}
