import type { Digest } from '../../kernel/ids.js';
import type { SessionInput } from '../core/outbox.js';
import type { CertifiedOrder } from '../types.js';

export type OrderEnd = Extract<SessionInput, { readonly kind: 'order-ended' }>['outcome'];

/** An order that is open: its place, and which transfers it is about. */
export interface WatchedOrder {
  readonly lane: number;
  readonly number: number;
  readonly transfers: Digest;
}

/** How applications' wishes get done at the banks. The session replica decides what is to be done. */
export interface OrderRunner {
  /** Has the initiators carry it out. Asked again until it has ended; asking twice does no harm. */
  run(order: CertifiedOrder): void;
  /** Reports once what this replica's coordinator has decided of the order. Asked again after a restart. */
  watch(order: WatchedOrder, onEnded: (outcome: OrderEnd) => void): void;
  stop(): Promise<void>;
}
