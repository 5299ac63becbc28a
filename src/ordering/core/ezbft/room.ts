import { orderingLimits } from '../../fields.js';
import type { OrderingOptions } from '../engine.js';

/** Barriers that a space has room for beyond its window. */
const BARRIERS = 4;
/** How far one client's numbers may lie apart in the Decision Module, so a space's instances. */
const SPREAD_MAX = 256;
/** What a settlement holds besides what the batch touches. */
const SETTLEMENT_BYTES = 64 * 1024;
/** Of an instance in the Decision Module's state, besides what its batch touches and one index for each space. */
const INSTANCE_BYTES = 128;
const INDEX_BYTES = 8;

/** What of a batch still fits into a request of the Decision Module's. */
export const touchedBytesMax = orderingLimits.payloadBytes - SETTLEMENT_BYTES;

/** Of the Decision Module's state, all instances: half of what a checkpoint may have, since chunks are not full. */
export const settledBytesMax = (orderingLimits.chunks * orderingLimits.chunkBytes) / 2;

/** How far logs reach, and what is kept of them. */
export interface Room {
  /** How far above its cut another's instances are taken. */
  readonly reach: number;
  /**
   * Instances of each space that the Decision Module knows of: twice the log's reach. What is older lies below a stable
   * checkpoint whose barrier is not.
   */
  readonly settledKept: number;
  /** What is kept of a batch, once it is settled, so that it fits into a settlement and all that is kept has a bound. */
  readonly keptBytesMax: number;
}

/** Throws `RangeError` where the checkpoint interval is too long. */
export function roomOf({
  checkpointInterval,
  resilience: { n },
}: Pick<OrderingOptions, 'checkpointInterval' | 'resilience'>): Room {
  const reach = 3 * checkpointInterval + BARRIERS;
  if (reach > SPREAD_MAX) throw new RangeError('ezBFT has no log of so long an interval');
  const settledKept = 2 * reach;
  const head = INSTANCE_BYTES + n * INDEX_BYTES;
  const each = Math.floor(settledBytesMax / (n * settledKept)) - head;
  return { reach, settledKept, keptBytesMax: Math.min(each, touchedBytesMax) };
}
