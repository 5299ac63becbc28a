import { accountId, type Balance, currency, type Transfer } from '../../src/edge/soap/banking.js';
import { participantId } from '../../src/vocabulary/ids.js';
import { Random } from '../engine/random.js';
import type { Errand } from '../parties/client.js';
import type { Plan } from '../plan/plan.js';

const ACCOUNTS = 3;
const OPENING_MINOR = 1_000_000_000;
/** Amounts are so many that two sets of transfers hardly ever add up to the same. */
const AMOUNT_MAX_MINOR = 50_000_000;
const euro = currency('EUR');

export function bankNames({ banks }: Plan): string[] {
  return Array.from({ length: banks }, (_, index) => `bank-${'abcdefgh'.charAt(index)}`);
}

export function openingAccounts({ seed }: Plan, bank: number): readonly Balance[] {
  const random = new Random(`accounts ${seed} ${bank}`);
  return Array.from({ length: ACCOUNTS }, (_, index) => ({
    account: accountId(`account-${index}`),
    // One account is poor, so that some transfers are refused.
    amountMinor: index === 0 ? random.int(2 * AMOUNT_MAX_MINOR) : OPENING_MINOR,
    currency: euro,
  }));
}

/** What a client is going to ask for. */
export function errandsOf(plan: Plan, client: number, banks: readonly string[]): Errand[] {
  const random = new Random(`errands ${plan.seed} ${client}`);
  const meanMs = plan.chaosMs / (plan.ordersPerClient + 1);
  return Array.from({ length: plan.ordersPerClient }, () => ({
    afterMs: random.between(0, meanMs),
    order: drawOrder(random, banks),
  }));
}

export function drawOrder(random: Random, banks: readonly string[]): Transfer {
  const account = () => accountId(`account-${random.int(random.chance(0.03) ? 9 : ACCOUNTS)}`);
  const bank = () => participantId(random.pick(banks));
  const creditors = Array.from({ length: random.chance(0.25) ? 2 : 1 }, () => ({
    bank: bank(),
    account: account(),
    amountMinor: 1 + random.int(AMOUNT_MAX_MINOR),
  }));
  return {
    debtor: { bank: bank(), account: account() },
    creditors,
    currency: random.chance(0.03) ? currency('USD') : euro,
  };
}
