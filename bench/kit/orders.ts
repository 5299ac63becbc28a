/** What the procedures of `nodes/transfers.ts` receive. The account has the same name at both participants. */
export interface TransferOrder {
  readonly debtor: string;
  readonly creditor: string;
  readonly account: string;
  readonly amountMinor: number;
}

export interface BalanceOrder {
  readonly bank: string;
  readonly account: string;
}

/** What the operations `debit` and `credit` receive. */
export interface Posting {
  readonly account: string;
  /** Positive. */
  readonly amountMinor: number;
}

/** What every account holds at the start. */
export const openingMinor = 1000;
export const currencyCode = 'EUR';

/** The accounts of each participant: one for each client, so that none waits for another's. */
export function accountNames(clients: number): string[] {
  return Array.from({ length: clients }, (_, index) => `account-${index + 1}`);
}
