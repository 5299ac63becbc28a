import {
  base,
  isOverdraft,
  type Ledger,
  type Line,
  openingMinor,
  type Page,
} from '../load/ledger.js';

/** What the banks hold: bank to account to balance in minor units. */
export type Books = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** Something that must never be. */
export interface Violation {
  readonly rule:
    | 'atomicity'
    | 'exactly-once'
    | 'answer'
    | 'money'
    | 'in-doubt'
    | 'proof'
    | 'liveness'
    | 'crash';
  readonly what: string;
}

/**
 * Compares what was answered with what the books hold. It knows nothing of the protocol: the digits of
 * each balance say how often each transfer was posted.
 */
export function audit(ledger: Ledger, books: Books): Violation[] {
  return [...ledger.pages.flatMap((page) => auditPage(page, books)), ...auditMoney(ledger, books)];
}

function auditPage(page: Page, books: Books): Violation[] {
  const { debtor, creditors } = page.route;
  const moved = (bank: string) => (books.get(bank)?.get(page.account) ?? Number.NaN) - openingMinor;
  const debits = digitsOf(-moved(debtor), page);
  const credits = creditors.map((bank) => digitsOf(moved(bank), page));
  const bad = [debits, ...credits].find((digits) => typeof digits === 'string');
  if (typeof bad === 'string') return [{ rule: 'money', what: `${page.account}: ${bad}` }];
  const idle = [...books.keys()].filter((bank) => bank !== debtor && !creditors.includes(bank));
  return [
    ...idle
      .filter((bank) => moved(bank) !== 0)
      .map((bank): Violation => ({ rule: 'money', what: `${page.account} of ${bank} has moved` })),
    ...page.lines.flatMap((line) =>
      auditLine(line, {
        debits: Number(debits[line.index] ?? 0) / creditors.length,
        credits: credits.map((digits) => Number(digits[line.index] ?? 0)),
      }),
    ),
  ];
}

interface Posted {
  /** How often, at the debtor's bank. */
  readonly debits: number;
  /** How often, at each creditor's bank. */
  readonly credits: readonly number[];
}

function auditLine(line: Line, { debits, credits }: Posted): Violation[] {
  const where = `transfer ${line.index} of ${line.page.account}`;
  const answer = line.answer?.kind ?? 'unknown';
  if (isOverdraft(line)) {
    if (answer !== 'committed') return [];
    return [{ rule: 'answer', what: `${where} is answered committed without the funds` }];
  }
  const told = `${where} (${answer}): debited ${debits}, credited ${credits.join(' and ')} times`;
  const times = [debits, ...credits];
  if (times.some((each) => each !== debits)) return [{ rule: 'atomicity', what: told }];
  if (debits > 1) return [{ rule: 'exactly-once', what: told }];
  const expected = { committed: 1, aborted: 0, unknown: debits }[answer];
  return debits === expected ? [] : [{ rule: 'answer', what: told }];
}

/** Digits in base 8, least first; a text where no transfers of the page can have moved so much. */
function digitsOf(amount: number, { lines }: Page): readonly number[] | string {
  if (!Number.isSafeInteger(amount) || amount < 0) return `has moved by ${amount}`;
  const digits = [...amount.toString(base)].reverse().map(Number);
  const surplus = digits.some((digit, index) => {
    const line = lines[index];
    return digit > 0 && (line === undefined || isOverdraft(line));
  });
  return surplus ? `has moved by ${amount}, more than was asked for` : digits;
}

function auditMoney({ accounts }: Ledger, books: Books): Violation[] {
  const held = [...books.values()].flatMap((accountsOfBank) => [...accountsOfBank.values()]);
  const sum = held.reduce((total, amount) => total + BigInt(amount), 0n);
  const opened = BigInt(openingMinor) * BigInt(accounts.length) * BigInt(books.size);
  if (sum === opened) return [];
  return [{ rule: 'money', what: `the banks hold ${sum} and opened with ${opened}` }];
}
