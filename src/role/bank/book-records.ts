import type { StoredRecord } from '../../core/effects.js';
import type { ApplicationWrite } from '../../core/transaction/participant-messages.js';
import { accountId, type Balance, currency, type Posting } from '../../edge/soap/banking.js';

/** The account book's records: `account/<account>`. */
export const accountPrefix = 'account/';

const utf8 = new TextDecoder('utf-8', { fatal: true });
const bytesOf = (content: object): Uint8Array => new TextEncoder().encode(JSON.stringify(content));

export function accountWrite({ account, amountMinor, currency }: Balance): ApplicationWrite {
  return { key: accountPrefix + account, value: bytesOf({ amountMinor, currency }) };
}

/** Throws `RangeError` where the record is damaged; so does `readPosting`. */
export function readAccount({ key, value }: StoredRecord): Balance {
  const content = parseContent(value);
  return {
    account: accountId(key.slice(accountPrefix.length)),
    amountMinor: amountIn(content, 0),
    currency: currency(textIn(content, 'currency')),
  };
}

export function writePosting({ kind, account, amountMinor, currency }: Posting): Uint8Array {
  return bytesOf({ kind, account, amountMinor, currency });
}

export function readPosting(record: Uint8Array): Posting {
  const content = parseContent(record);
  const kind = textIn(content, 'kind');
  if (kind !== 'debit' && kind !== 'credit') throw new RangeError('neither debit nor credit');
  return {
    kind,
    account: accountId(textIn(content, 'account')),
    amountMinor: amountIn(content, 1),
    currency: currency(textIn(content, 'currency')),
  };
}

type Content = Readonly<Record<string, unknown>>;

/** Throws `RangeError` where the bytes are no object; so does `textIn` where it has no such text. */
export function parseContent(bytes: Uint8Array): Content {
  try {
    const content: unknown = JSON.parse(utf8.decode(bytes));
    if (typeof content === 'object' && content !== null) return content as Content;
  } catch {
    // Told below.
  }
  throw new RangeError('a damaged record of the bank');
}

export function textIn(content: Content, field: string): string {
  const value = content[field];
  if (typeof value !== 'string') throw new RangeError(`${field} is not a text`);
  return value;
}

function amountIn({ amountMinor }: Content, least: number): number {
  if (
    typeof amountMinor !== 'number' ||
    !Number.isSafeInteger(amountMinor) ||
    amountMinor < least
  ) {
    throw new RangeError('amountMinor is not an amount');
  }
  return amountMinor;
}
