import { accountId, type Balance } from '../../../src/banking/soap.js';
import { Random } from '../engine/random.js';
import type { Errand } from '../parties/client.js';
import type { Plan } from '../plan/plan.js';
import { ACCOUNTS, AMOUNT_MAX_MINOR, drawOrder, euro } from './orders.js';

const OPENING_MINOR = 1_000_000_000;

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
