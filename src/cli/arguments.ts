import { InvalidArgumentError } from 'commander';
import { type AccountId, accountId } from '../edge/soap/banking.js';
import {
  type ParticipantId,
  participantId,
  type TransactionId,
  transactionId,
} from '../vocabulary/ids.js';

// Parsers of option values, for commander: it names the option and adds our message to it.

export interface Account {
  readonly bank: ParticipantId;
  readonly account: AccountId;
}

export function parseAccount(text: string): Account {
  const [bank = '', account = '', ...rest] = text.split('/');
  try {
    if (rest.length > 0) throw new RangeError('more than two parts');
    return { bank: participantId(bank), account: accountId(account) };
  } catch {
    throw new InvalidArgumentError('Write BANK/ACCOUNT, such as bank-a/alice.');
  }
}

export function parseTransactionId(text: string): TransactionId {
  try {
    return transactionId(text.toLowerCase().replace(/^urn:uuid:/, ''));
  } catch {
    throw new InvalidArgumentError('Write a transaction id: a UUID.');
  }
}

/** A parser of whole numbers in a range. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`Write a whole number from ${min} to ${max}.`);
    }
    return value;
  };
}

export function parseNames(text: string): string[] {
  return text.split(',').map((name) => name.trim());
}
