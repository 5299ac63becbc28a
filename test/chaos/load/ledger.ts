import {
  type AccountId,
  accountId,
  type Currency,
  currency,
  type Transfer,
} from '../../../src/banking/soap.js';
import type { InitialAccount } from '../../../src/kernel/config/node-file.js';
import { participantId, type TransactionId } from '../../../src/kernel/ids.js';

/** What the client was told. `unknown`: it had no answer in time, or no two that were alike. */
export type Answer =
  | { readonly kind: 'committed' | 'aborted'; readonly tid: TransactionId }
  | { readonly kind: 'unknown'; readonly why: string };

/** Which banks a transfer is between. */
export interface Route {
  readonly debtor: string;
  readonly creditors: readonly string[];
}

/** One transfer: a line of a page. */
export interface Line {
  readonly page: Page;
  readonly index: number;
  readonly order: Transfer;
  answer?: Answer;
}

/** An account of this name at each bank of the route; nobody else uses it. */
export interface Page {
  readonly account: AccountId;
  readonly route: Route;
  readonly lines: Line[];
}

/**
 * The transfer in line k moves 8^k, so digit k in base 8 of what an account has moved says how often
 * that transfer was posted there: once or twice to each creditor, and for all creditors to the debtor.
 */
export const base = 8;
const regularLines = 15;
/** The last line of a page asks for more than the debtor has. */
const linesOfPage = regularLines + 1;
/** Above the sum of all lines, with two creditors each: the debtor can always pay. */
export const openingMinor = base ** (regularLines + 1);
const overdraftMinor = 2 * openingMinor;
const euro: Currency = currency('EUR');

/** No node file lists more. */
const accountsMax = 10_000;

/** All transfers of a run, and what was said of each. */
export class Ledger {
  readonly #pages: Page[] = [];
  /** The page in use of each route. */
  readonly #open = new Map<Route, Page>();
  readonly #pagesMax: number;

  /** For at least so many transfers, as far as a bank may have so many accounts. */
  constructor(transfers: number, routes: number) {
    this.#pagesMax = Math.min(Math.ceil(transfers / linesOfPage) + routes, accountsMax);
  }

  get pages(): readonly Page[] {
    return this.#pages;
  }

  get lines(): Line[] {
    return this.#pages.flatMap(({ lines }) => lines);
  }

  /** What every bank opens. */
  get accounts(): InitialAccount[] {
    return Array.from({ length: this.#pagesMax }, (_, index) => ({
      account: accountOf(index),
      amountMinor: openingMinor,
      currency: euro,
    }));
  }

  /** The next transfer on this route; `undefined` where all pages are full. */
  next(route: Route): Line | undefined {
    const page = this.#pageFor(route);
    if (page === undefined) return undefined;
    const index = page.lines.length;
    const line: Line = { page, index, order: orderOf(page, index) };
    page.lines.push(line);
    return line;
  }

  #pageFor(route: Route): Page | undefined {
    const open = this.#open.get(route);
    if (open !== undefined && open.lines.length < linesOfPage) return open;
    if (this.#pages.length === this.#pagesMax) return undefined;
    const page = { account: accountOf(this.#pages.length), route, lines: [] };
    this.#pages.push(page);
    this.#open.set(route, page);
    return page;
  }
}

/** Whether the transfer asks for more than there is, so that it must not commit. */
export function isOverdraft({ index }: Line): boolean {
  return index === regularLines;
}

/** Every bank as the debtor, with one creditor or two. */
export function routesOf(banks: readonly string[]): Route[] {
  return banks.flatMap((debtor) => {
    const others = banks.filter((bank) => bank !== debtor);
    return [...others.map((creditor) => [creditor]), others].map((creditors) => ({
      debtor,
      creditors,
    }));
  });
}

const accountOf = (index: number): AccountId => accountId(`page-${index}`);

function orderOf({ account, route }: Page, index: number): Transfer {
  const amountMinor = index === regularLines ? overdraftMinor : base ** index;
  const creditors = index === regularLines ? route.creditors.slice(0, 1) : route.creditors;
  return {
    debtor: { bank: participantId(route.debtor), account },
    creditors: creditors.map((bank) => ({ bank: participantId(bank), account, amountMinor })),
    currency: euro,
  };
}
