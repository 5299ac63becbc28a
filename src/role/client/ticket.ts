import type { ClientId } from '../../vocabulary/ids.js';

/** The right to send one request: which client id it bears, and its timestamp. */
export interface Ticket {
  readonly client: ClientId;
  readonly timestamp: number;
}
