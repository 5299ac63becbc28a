import type { Violation } from '../kit/violation.js';

export interface Load {
  readonly address: string;
  readonly timers: number;
  readonly outputs: number;
  readonly records: number;
}

/** Outputs that a driver may hold, as its high-water mark has it. */
const OUTPUTS_MAX = 65_536;
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
  return loads.flatMap(({ address, timers, outputs, records }) => {
    const problems: string[] = [];
    if (outputs > OUTPUTS_MAX) problems.push(`${outputs} outputs wait`);
    if (timers > most) problems.push(`${timers} timers run`);
    if (records > most) problems.push(`${records} records on disk`);
    return problems.map((what) => ({ checker: 'bounds', what: `${address}: ${what}` }));
  });
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
