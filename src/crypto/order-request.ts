import { type ClientId, type ClusterId, type Digest, sessionsClient } from '../vocabulary/ids.js';
import type { OrderStatement } from '../vocabulary/session.js';
import { sha256 } from './digest.js';

/** The request that an order is to initiators and coordinators. */
export interface OrderRequest {
  readonly client: ClientId;
  readonly timestamp: number;
  readonly digest: Digest;
}

/**
 * The lane is the client, and the order's number is its timestamp, so the order's transaction is found by
 * what the order says, and there is one. Throws `RangeError` where there is no such lane.
 */
export function orderRequest(
  cluster: ClusterId,
  { lane, number, transfers }: Pick<OrderStatement, 'lane' | 'number' | 'transfers'>,
): OrderRequest {
  const content = ['concordat/1 order', cluster, lane, number, transfers];
  const digest = sha256(new TextEncoder().encode(JSON.stringify(content)));
  return { client: sessionsClient(lane), timestamp: number, digest };
}
