import type { StoredRecord } from '../../kernel/core.js';
import type {
  ApplicationVote,
  ApplicationWrite,
  OperationResult,
} from '../../transaction/participant/messages.js';
import {
  type AccountId,
  accountId,
  type Balance,
  type Currency,
  currency,
  type Posting,
} from '../soap.js';

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

function writePosting({ kind, account, amountMinor, currency }: Posting): Uint8Array {
  return bytesOf({ kind, account, amountMinor, currency });
}

function readPosting(record: Uint8Array): Posting {
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
    // Reported below.
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

/** Why the book refuses a posting; the code of the fault that says so. */
export type BookRefusal =
  | 'UnknownAccount'
  | 'CurrencyMismatch'
  | 'InsufficientFunds'
  | 'BalanceTooLarge';

interface Account {
  readonly currency: Currency;
  balanceMinor: number;
  /** Sums of the postings that are held; they are not in the balance. */
  debitsMinor: number;
  creditsMinor: number;
}

const done: OperationResult = { kind: 'done' };

/**
 * What a participant does for its transactions: a posting is held, the participant votes, and the posting is
 * carried out or given up. Pure: it returns what is to be written. An enlistment is one posting's part in one
 * transaction. What it holds for a prepared enlistment it must be able to commit, also after a restart.
 * `examples/own-participant` has one that counts points.
 */
export interface AccountLedger {
  /** Takes back what was written. Throws `RangeError` where a record is damaged. */
  restore(records: readonly StoredRecord[]): void;
  /** At the first start: what the node's file says there is. Returns what is to be written. */
  open(accounts: readonly Balance[]): readonly ApplicationWrite[];
  /** `undefined`: no such account. */
  balance(account: AccountId): Balance | undefined;
  /** The first step of a posting: refuses what could not be committed. The same enlistment may come twice. */
  hold(enlistment: string, posting: Posting): OperationResult;
  /** The vote, with a record for `recover`. */
  prepare(enlistment: string): ApplicationVote;
  /** Holds again what was prepared before a restart. Throws `RangeError` where that is not possible. */
  recover(enlistment: string, record: Uint8Array): void;
  /** Carries out what is held, once. Returns what is to be written, which is durable with the end of the enlistment. */
  commit(enlistment: string): readonly ApplicationWrite[];
  /** Gives up what is held, if anything is. */
  rollBack(enlistment: string): void;
}

/**
 * The accounts of one bank, in whole minor units. A posting is held from its execution on and reaches
 * the balance when its transaction commits. What is held for debits cannot be spent again, and what is
 * held for credits cannot be spent yet, so every posting that is held can be committed.
 *
 * @example
 * ```ts
 * import { accountId, currency } from 'concordat/client';
 * import { AccountBook } from 'concordat/participant';
 *
 * const [account, euro] = [accountId('alice'), currency('EUR')];
 * const book = new AccountBook();
 * book.open([{ account, amountMinor: 1000, currency: euro }]);
 * book.hold('bank-a.1', { kind: 'debit', account, amountMinor: 400, currency: euro });
 * book.commit('bank-a.1');
 * console.log(book.balance(account)?.amountMinor);
 * ```
 */
export class AccountBook implements AccountLedger {
  readonly #accounts = new Map<AccountId, Account>();
  /** By enlistment. */
  readonly #held = new Map<string, Posting>();

  /** Takes back what was written. Throws `RangeError` where a record is damaged. */
  restore(records: readonly StoredRecord[]): void {
    for (const record of records) {
      if (record.key.startsWith(accountPrefix)) this.#add(readAccount(record));
    }
  }

  /** Opens these accounts, if there are none yet. */
  open(accounts: readonly Balance[]): readonly ApplicationWrite[] {
    if (this.#accounts.size > 0) return [];
    for (const account of accounts) this.#add(account);
    return accounts.map(accountWrite);
  }

  /** The balance without what is held, or `undefined` where there is no such account. */
  balance(account: AccountId): Balance | undefined {
    const found = this.#accounts.get(account);
    return found && { account, amountMinor: found.balanceMinor, currency: found.currency };
  }

  /** The first step of a posting. Refuses, with a `BookRefusal`, what could not be committed. */
  hold(enlistment: string, posting: Posting): OperationResult {
    if (this.#held.has(enlistment)) return done;
    const account = this.#accounts.get(posting.account);
    const refusal = account === undefined ? 'UnknownAccount' : refusalOf(account, posting);
    if (account === undefined || refusal !== undefined) {
      return { kind: 'refused', reason: refusal ?? 'UnknownAccount' };
    }
    this.#hold(enlistment, account, posting);
    return done;
  }

  /** The vote, with a record for `recover`. */
  prepare(enlistment: string): ApplicationVote {
    const posting = this.#held.get(enlistment);
    if (posting === undefined) return { vote: 'aborted' };
    return { vote: 'prepared', record: writePosting(posting) };
  }

  /**
   * Holds again what was prepared before a restart. Throws `RangeError` where the record is damaged or
   * its account is gone: the bank has voted to be able to commit it.
   */
  recover(enlistment: string, record: Uint8Array): void {
    const posting = readPosting(record);
    const account = this.#accounts.get(posting.account);
    if (account === undefined) throw new RangeError(`no account ${posting.account}`);
    this.#hold(enlistment, account, posting);
  }

  /** Posts what is held, once: nothing where it is not held, or not any more. */
  commit(enlistment: string): readonly ApplicationWrite[] {
    const released = this.#release(enlistment);
    if (released === undefined) return [];
    const { account, posting } = released;
    account.balanceMinor += posting.kind === 'debit' ? -posting.amountMinor : posting.amountMinor;
    const { balanceMinor: amountMinor, currency } = account;
    return [accountWrite({ account: posting.account, amountMinor, currency })];
  }

  /** Gives up what is held, if anything is. */
  rollBack(enlistment: string): void {
    this.#release(enlistment);
  }

  #add({ account, amountMinor, currency }: Balance): void {
    const empty = { debitsMinor: 0, creditsMinor: 0 };
    this.#accounts.set(account, { currency, balanceMinor: amountMinor, ...empty });
  }

  #hold(enlistment: string, account: Account, posting: Posting): void {
    this.#held.set(enlistment, posting);
    addHeld(account, posting, posting.amountMinor);
  }

  #release(enlistment: string): { account: Account; posting: Posting } | undefined {
    const posting = this.#held.get(enlistment);
    const account = posting && this.#accounts.get(posting.account);
    if (posting === undefined || account === undefined) return undefined;
    this.#held.delete(enlistment);
    addHeld(account, posting, -posting.amountMinor);
    return { account, posting };
  }
}

function addHeld(account: Account, { kind }: Posting, amountMinor: number): void {
  if (kind === 'debit') account.debitsMinor += amountMinor;
  else account.creditsMinor += amountMinor;
}

function refusalOf(account: Account, posting: Posting): BookRefusal | undefined {
  const { balanceMinor, debitsMinor, creditsMinor } = account;
  if (posting.currency !== account.currency) return 'CurrencyMismatch';
  switch (posting.kind) {
    case 'debit':
      return balanceMinor - debitsMinor < posting.amountMinor ? 'InsufficientFunds' : undefined;
    case 'credit':
      // A difference of safe integers is exact; the sum might not be.
      return Number.MAX_SAFE_INTEGER - balanceMinor - creditsMinor < posting.amountMinor
        ? 'BalanceTooLarge'
        : undefined;
  }
}
