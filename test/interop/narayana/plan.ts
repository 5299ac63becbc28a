import type { Random } from '../../simulation/engine/random.js';

/** A transfer from bank A of plain software, as it is planned. */
export interface Planned {
  readonly transfer: string;
  /** Of 40 bits: that two sets of transfers have the same sum by accident is out of the question. */
  readonly amount: number;
  /** Which banks it credits: B of plain software, `bank-b` of the cluster, or both, each by the whole amount. */
  readonly to: readonly ('B' | 'bank-b')[];
  /** What its client asks for, or would but for a vote or a refusal. */
  readonly wish: 'commit' | 'rollback' | 'abort vote' | 'refusal';
}

const amountMax = 2 ** 40;
const credited = [['B'], ['bank-b'], ['B', 'bank-b']] as const;

/**
 * Of ten transfers one is rolled back by its client, one by the vote of a bank of plain software, and one may be
 * refused by the bank of the cluster.
 */
export function planOf(transfers: number, random: Random): Planned[] {
  return Array.from({ length: transfers }, (_, index) => {
    const to = random.pick(credited);
    const draw = random.int(10);
    const isRefused = draw === 2 && to.some((bank) => bank === 'bank-b');
    const wish =
      draw === 0 ? 'rollback' : draw === 1 ? 'abort vote' : isRefused ? 'refusal' : 'commit';
    return { transfer: `t-${index + 1}`, amount: 1 + random.int(amountMax), to, wish };
  });
}

/** The last kill is to be survived as well. */
const killedUntil = 0.95;

/** After how many transfers that have ended something is killed: once in each of as many even parts of the run. */
export function killsOf(kills: number, transfers: number, random: Random): number[] {
  const part = (transfers * killedUntil) / kills;
  return Array.from({ length: kills }, (_, index) => Math.floor(part * (index + random.next())));
}
