import { excesses, type Load } from '../kit/loads.js';
import type { Violation } from '../kit/violation.js';

/** Timers and records of a node: so many for each transaction, and besides. */
const PER_TRANSACTION = 20;
const BESIDES = 100;
/** A lying bank may have so many enlistments in each transaction. */
const PER_LYING_BANK = 64;

/** Whether a correct node holds no more than its work explains, whatever liars send it. */
export function checkBounds(
  loads: readonly Load[],
  transactions: number,
  lyingBanks: number,
): readonly Violation[] {
  const most = BESIDES + (PER_TRANSACTION + PER_LYING_BANK * lyingBanks) * transactions;
  return excesses(loads, { timers: most, records: most });
}

/** A record of the agreement that a node still has though its slot is decided. */
export interface Leftover {
  readonly address: string;
  readonly key: string;
}

/** What may be left of the agreement on disk when all is decided. */
export function checkLeftovers(leftovers: readonly Leftover[]): readonly Violation[] {
  return leftovers.map(({ address, key }) => ({
    checker: 'bounds',
    what: `${address} still keeps ${key} when all is decided`,
  }));
}
