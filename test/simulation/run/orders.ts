import { accountId, currency, type Transfer } from '../../../src/banking/soap.js';
import { participantId } from '../../../src/kernel/ids.js';
import type { Random } from '../engine/random.js';

/** Accounts of each bank. */
export const ACCOUNTS = 3;
/** Amounts are so many that two sets of transfers hardly ever add up to the same. */
export const AMOUNT_MAX_MINOR = 50_000_000;
export const euro = currency('EUR');

/** A transfer as a client may ask for it; now and then one that a bank refuses. */
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
