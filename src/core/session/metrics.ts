import type { OrderingEngine } from '../ordering/engine.js';
import type { OutcomeCounts } from './reconciliation.js';

/** What an operator may want to see. Counts begin with the process. */
export interface SessionMetrics extends OutcomeCounts {
  readonly engine: OrderingEngine['kind'];
  readonly position: number;
  /** Sessions in the order, and those with operations that are not final here. */
  readonly sessions: number;
  readonly open: number;
  readonly orders: number;
  /** How often this replica's state was not that of the others, and what differed the last time. */
  readonly divergence: { readonly times: number; readonly last: readonly string[] };
  /** Operations: promised by this replica, and how many of those others simulated alike. */
  readonly provisional: number;
  readonly witnessed: number;
  readonly doubted: number;
}
