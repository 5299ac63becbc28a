import {
  type Brand,
  type ParticipantId,
  participantId,
  type TransactionId,
  transactionId,
} from '../kernel/ids.js';
import { SoapFault, soapFaults } from '../soap/faults.js';
import { bank as b, namespaces } from '../soap/vocabulary.js';
import { element, isNamed, Sequence, wholeNumber, type XmlElement } from '../soap/xml.js';
import type { Plan } from '../transaction/initiator/messages.js';

/** The messages of `wsdl/banking.xsd`: transfers between accounts of different banks. */

const ns = namespaces.bank;

/** The action of every message is its namespace, a slash and the name of its body element. */
export const bankActions = {
  transfer: `${ns}/Transfer`,
  transferResponse: `${ns}/TransferResponse`,
  debit: `${ns}/Debit`,
  debitResponse: `${ns}/DebitResponse`,
  credit: `${ns}/Credit`,
  creditResponse: `${ns}/CreditResponse`,
  getBalance: `${ns}/GetBalance`,
  getBalanceResponse: `${ns}/GetBalanceResponse`,
  fault: `${ns}/fault`,
} as const;

/** Why a bank refuses to take part; each is thrown by handlers and received by callers. */
export const bankFaults = {
  insufficientFunds: bankFault('InsufficientFunds', 'The account does not hold the amount.'),
  unknownAccount: bankFault('UnknownAccount', 'The bank has no such account.'),
  currencyMismatch: bankFault('CurrencyMismatch', 'The account is kept in another currency.'),
  /** `what` names the client and what it may not do. */
  notAuthorized: (what: string): SoapFault => bankFault('NotAuthorized', what)(),
} as const;

/** An account of one bank: letters, digits, `.`, `_`, `-`, at most 63. */
export type AccountId = Brand<string, 'AccountId'>;
/** Three capital letters (ISO 4217). */
export type Currency = Brand<string, 'Currency'>;

export interface Creditor {
  readonly bank: ParticipantId;
  readonly account: AccountId;
  /** 1 to 2^53-1 in the currency's minor unit, as everywhere. */
  readonly amountMinor: number;
}

/** Takes the sum of the creditors' amounts from the debtor and gives each creditor its amount. */
export interface Transfer {
  /** Pays the sum. */
  readonly debtor: { readonly bank: ParticipantId; readonly account: AccountId };
  /** 1 to 15. */
  readonly creditors: readonly Creditor[];
  /** Of all amounts. */
  readonly currency: Currency;
}

export interface TransferResponse {
  readonly transactionId: TransactionId;
  readonly outcome: 'committed' | 'aborted';
  /** Why it was aborted, for people; at most 500 characters. */
  readonly reason?: string;
}

/** What a bank is asked to take from an account, or give to it. */
export interface Posting {
  /** `debit`: the account pays. `credit`: it gets. */
  readonly kind: 'debit' | 'credit';
  /** An account of the bank that is asked. */
  readonly account: AccountId;
  /** 1 to 2^53-1 in the currency's minor unit. */
  readonly amountMinor: number;
  readonly currency: Currency;
}

/** A posting that an initiator asks a bank for, as a call of its transaction. */
export interface PostingCall {
  readonly kind: 'posting';
  /** The bank. */
  readonly participant: ParticipantId;
  readonly side: Posting['kind'];
  readonly account: string;
  readonly amountMinor: number;
  readonly currency: string;
}

/** What a transfer, or an order of sessions, comes down to: one debit or more, and one credit or more. */
export type Postings = Plan<PostingCall>;

/** What an account holds. */
export interface Balance {
  readonly account: AccountId;
  /** 0 to 2^53-1. */
  readonly amountMinor: number;
  readonly currency: Currency;
}

/** Creditors of one transfer. */
export const creditorsMax = 15;
const reasonLengthMax = 500;

/**
 * Names an account of a bank. Throws `RangeError` unless the text is a name: letters, digits, `.`, `_`, `-`, at most 63.
 *
 * @example
 * ```ts
 * import { accountId } from 'concordat/client';
 *
 * const account = accountId('alice');
 * console.log(account);
 * ```
 */
export function accountId(text: string): AccountId {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(text)) throw new RangeError('not an account');
  return text as AccountId;
}

/**
 * Names a currency (ISO 4217). Throws `RangeError` unless the text is three capital letters.
 *
 * @example
 * ```ts
 * import { currency } from 'concordat/client';
 *
 * const euro = currency('EUR');
 * console.log(euro);
 * ```
 */
export function currency(text: string): Currency {
  if (!/^[A-Z]{3}$/.test(text)) throw new RangeError('not a currency of three capital letters');
  return text as Currency;
}

/** What the debtor pays in all. `readTransfer` has checked that it is at most 2^53-1. */
export function totalMinor(transfer: Transfer): number {
  return transfer.creditors.reduce((sum, creditor) => sum + creditor.amountMinor, 0);
}

export function writeTransfer({ debtor, creditors, currency }: Transfer): XmlElement {
  return element(
    b('Transfer'),
    [],
    element(b('debtor'), [], leaf('bank', debtor.bank), leaf('account', debtor.account)),
    ...creditors.map(({ bank, account, amountMinor }) =>
      element(
        b('creditor'),
        [],
        leaf('bank', bank),
        leaf('account', account),
        leaf('amountMinor', amountMinor),
      ),
    ),
    leaf('currency', currency),
  );
}

/** Throws a `SoapFault` where the body is no valid Transfer; so do the other readers. */
export function readTransfer(body: XmlElement | undefined): Transfer {
  const parts = open(body, 'Transfer');
  const debtorParts = new Sequence(parts.required(ns, 'debtor'), invalid);
  const debtor = {
    bank: debtorParts.value(ns, 'bank', participantId),
    account: debtorParts.value(ns, 'account', accountId),
  };
  debtorParts.end();
  const creditors = parts.repeated(ns, 'creditor', creditorsMax).map(readCreditor);
  const transfer = {
    debtor,
    creditors,
    currency: parts.value(ns, 'currency', currency),
  };
  parts.end();
  if (!Number.isSafeInteger(totalMinor(transfer))) throw parts.fault('amounts add up to too much');
  return transfer;
}

function readCreditor(creditor: XmlElement): Creditor {
  const parts = new Sequence(creditor, invalid);
  const read = {
    bank: parts.value(ns, 'bank', participantId),
    account: parts.value(ns, 'account', accountId),
    amountMinor: parts.value(ns, 'amountMinor', amount),
  };
  parts.end();
  return read;
}

export function writeTransferResponse(response: TransferResponse): XmlElement {
  const { reason } = response;
  return element(
    b('TransferResponse'),
    [],
    leaf('transactionId', response.transactionId),
    leaf('outcome', response.outcome),
    reason === undefined ? undefined : leaf('reason', reason.slice(0, reasonLengthMax)),
  );
}

export function readTransferResponse(body: XmlElement | undefined): TransferResponse {
  const parts = open(body, 'TransferResponse');
  const response = {
    transactionId: parts.value(ns, 'transactionId', transactionId),
    outcome: parts.value(ns, 'outcome', outcome),
  };
  const reason = parts.optionalValue(ns, 'reason', shortText);
  parts.end();
  return reason === undefined ? response : { ...response, reason };
}

export function writePosting({ kind, account, amountMinor, currency }: Posting): XmlElement {
  return element(
    b(kind === 'debit' ? 'Debit' : 'Credit'),
    [],
    leaf('account', account),
    leaf('amountMinor', amountMinor),
    leaf('currency', currency),
  );
}

export function readPosting(body: XmlElement | undefined): Posting {
  const kind = body && isNamed(body, ns, 'Credit') ? 'credit' : 'debit';
  const parts = open(body, kind === 'credit' ? 'Credit' : 'Debit');
  const posting: Posting = {
    kind,
    account: parts.value(ns, 'account', accountId),
    amountMinor: parts.value(ns, 'amountMinor', amount),
    currency: parts.value(ns, 'currency', currency),
  };
  parts.end();
  return posting;
}

export function writePostingResponse(kind: Posting['kind']): XmlElement {
  return element(b(kind === 'debit' ? 'DebitResponse' : 'CreditResponse'));
}

export function readPostingResponse(body: XmlElement | undefined, kind: Posting['kind']): void {
  open(body, kind === 'debit' ? 'DebitResponse' : 'CreditResponse').end();
}

export function writeGetBalance(account: AccountId): XmlElement {
  return element(b('GetBalance'), [], leaf('account', account));
}

export function readGetBalance(body: XmlElement | undefined): AccountId {
  const parts = open(body, 'GetBalance');
  const account = parts.value(ns, 'account', accountId);
  parts.end();
  return account;
}

export function writeGetBalanceResponse(balance: Balance): XmlElement {
  return element(
    b('GetBalanceResponse'),
    [],
    leaf('account', balance.account),
    leaf('amountMinor', balance.amountMinor),
    leaf('currency', balance.currency),
  );
}

export function readGetBalanceResponse(body: XmlElement | undefined): Balance {
  const parts = open(body, 'GetBalanceResponse');
  const balance = {
    account: parts.value(ns, 'account', accountId),
    amountMinor: parts.value(ns, 'amountMinor', balanceAmount),
    currency: parts.value(ns, 'currency', currency),
  };
  parts.end();
  return balance;
}

const amount = wholeNumber(1, Number.MAX_SAFE_INTEGER);
const balanceAmount = wholeNumber(0, Number.MAX_SAFE_INTEGER);

function outcome(text: string): TransferResponse['outcome'] {
  if (text !== 'committed' && text !== 'aborted') throw new RangeError('not an outcome');
  return text;
}

function shortText(text: string): string {
  if (text.length > reasonLengthMax) throw new RangeError(`longer than ${reasonLengthMax}`);
  return text;
}

function bankFault(code: string, reason: string): (note?: string) => SoapFault {
  return (note) =>
    new SoapFault({
      soapCode: 'Sender',
      namespace: ns,
      code,
      reason,
      detail: element(b(code)),
      note,
    });
}

function invalid(reason: string): SoapFault {
  return soapFaults.sender(reason);
}

function leaf(name: string, value: string | number): XmlElement {
  return element(b(name), [], String(value));
}

function open(body: XmlElement | undefined, name: string): Sequence {
  if (body === undefined || !isNamed(body, ns, name)) {
    throw invalid(`expected ${name} in the body`);
  }
  return new Sequence(body, invalid);
}
