import type { Leg, TransferOperation } from '../../core/transaction/initiator-messages.js';
import { sha256 } from '../../crypto/digest.js';
import { type Transfer, totalMinor } from '../../edge/soap/banking.js';
import type { RequestHeader } from '../../edge/soap/extension.js';
import type { ClusterId, Digest } from '../../vocabulary/ids.js';

/**
 * The legs of a transfer: the debit, then the credits. Creditors with the same account become one
 * leg, because a participant knows a leg by what it says and would take two alike for one.
 */
export function operationOf(transfer: Transfer): TransferOperation {
  const { debtor, creditors, currency } = transfer;
  const debit: Leg = {
    participant: debtor.bank,
    side: 'debit',
    account: debtor.account,
    amountMinor: totalMinor(transfer),
  };
  const credits = new Map<string, Leg>();
  for (const { bank, account, amountMinor } of creditors) {
    const key = `${bank} ${account}`;
    const before = credits.get(key)?.amountMinor ?? 0;
    const sum = before + amountMinor;
    credits.set(key, { participant: bank, side: 'credit', account, amountMinor: sum });
  }
  return { currency, legs: [debit, ...credits.values()] };
}

/**
 * Digest of a client's request: what it asks for, as whom and when. All initiators come to the same
 * one, however the message was written.
 */
export function requestDigest(
  cluster: ClusterId,
  { client, timestamp }: RequestHeader,
  { debtor, creditors, currency }: Transfer,
): Digest {
  const content = [
    'concordat/1 transfer',
    cluster,
    client,
    timestamp,
    [debtor.bank, debtor.account],
    creditors.map(({ bank, account, amountMinor }) => [bank, account, amountMinor]),
    currency,
  ];
  return sha256(Buffer.from(JSON.stringify(content)));
}
