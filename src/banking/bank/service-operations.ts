import { z } from 'zod';
import type { CallRequest } from '../../service/participant/service-port.js';
import { accountId, currency, type Posting } from '../soap.js';
import type { BankOperation } from './bank-core.js';
import type { BankRequest } from './ports.js';
import type { AccountRules } from './warrants.js';

/**
 * A bank's operations for procedures and dialogues: `debit` and `credit`, with `account`, `amountMinor` and `currency` in
 * the payload. A debit has to be permitted by the client itself, and the client to be one that may debit the account: so
 * no initiator is believed, and not all together.
 */

const parsed = <Value>(parse: (text: string) => Value) =>
  z.string().transform((text, context) => {
    try {
      return parse(text);
    } catch (error) {
      context.addIssue(error instanceof Error ? error.message : String(error));
      return z.NEVER;
    }
  });

const posting = z.strictObject({
  account: parsed(accountId),
  amountMinor: z.int().min(1),
  currency: parsed(currency),
});

/** What the bank is to do, or the code of its refusal. */
export function bankRequestOf(
  { operation, ...request }: CallRequest,
  rules: AccountRules,
): BankRequest | string {
  const kind = operation.operation;
  if (kind !== 'debit' && kind !== 'credit') return 'UnknownOperation';
  const payload = posting.safeParse(operation.payload);
  if (!payload.success) return 'InvalidPosting';
  const asked: Posting = { kind, ...payload.data };
  const known = kind === 'credit' ? asked : permitted(asked, operation, rules);
  return typeof known === 'string' ? known : { ...request, operation: known };
}

function permitted(
  debit: Posting,
  { request }: CallRequest['operation'],
  rules: AccountRules,
): BankOperation | string {
  const { client, timestamp, name, permits } = request;
  if (permits === 0) return 'NotPermitted';
  if (!rules.mayDebit(name, debit.account)) return 'NotAuthorized';
  return { ...debit, request: { client, timestamp, permits } };
}
