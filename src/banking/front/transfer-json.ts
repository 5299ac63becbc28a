import { z } from 'zod';
import { failed, ok, participantId, type Result } from '../../kernel/ids.js';
import { accountId, creditorsMax, currency, type Transfer, totalMinor } from '../soap.js';

const account = { bank: read(participantId), account: read(accountId) };
const schema = z.strictObject({
  from: z.strictObject(account),
  to: z
    .array(z.strictObject({ ...account, amountMinor: z.int().min(1) }))
    .min(1)
    .max(creditorsMax),
  currency: read(currency),
});

/** The transfer that a JSON value describes, as `wsdl/front.openapi.json` has it, or what is wrong with it. */
export function readTransferJson(json: unknown): Result<Transfer, string> {
  const { success, data, error } = schema.safeParse(json);
  if (!success) {
    const [fault] = error.issues;
    const where = fault?.path.join('.') || 'the body';
    return failed(`${where}: ${fault?.message}`);
  }
  const transfer = { debtor: data.from, creditors: data.to, currency: data.currency };
  if (!Number.isSafeInteger(totalMinor(transfer))) return failed('amounts add up to too much');
  return ok(transfer);
}

function read<Value>(parse: (text: string) => Value) {
  return z.string().transform((text, context) => {
    try {
      return parse(text);
    } catch (error) {
      context.addIssue(error instanceof Error ? error.message : 'malformed');
      return z.NEVER;
    }
  });
}
