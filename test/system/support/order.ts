import { accountId, currency } from '../../../src/banking/soap.js';
import { participantId } from '../../../src/kernel/ids.js';

/** Ten cents of Alice's at one bank to Bob at another. */
export const order = {
  debtor: { bank: participantId('bank-a'), account: accountId('alice') },
  creditors: [{ bank: participantId('bank-b'), account: accountId('bob'), amountMinor: 10 }],
  currency: currency('EUR'),
};
