import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { type AccountId, accountId } from '../banking/soap.js';
import { builtInApplications, builtInModule } from '../kernel/config/built-in.js';
import { isPath } from '../kernel/config/node-file.js';
import {
  type ParticipantId,
  participantId,
  type TransactionId,
  transactionId,
} from '../kernel/ids.js';

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
export function wholeNumberArgument(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`Write a whole number from ${min} to ${max}.`);
    }
    return value;
  };
}

/** No way between two machines takes longer. */
const roundTripMaxMs = 60_000;

/** Milliseconds, with commas between. */
export function parseRoundTrips(text: string): readonly number[] {
  const times = text.split(',').map((one) => (one.trim() === '' ? Number.NaN : Number(one)));
  if (times.some((ms) => !(ms >= 0))) {
    throw new InvalidArgumentError('Write milliseconds with commas between, such as 167,185,198.');
  }
  if (times.some((ms) => ms > roundTripMaxMs)) {
    throw new InvalidArgumentError(`Each is ${roundTripMaxMs} milliseconds at the most.`);
  }
  return times;
}

/**
 * Applications as the coordinators' files have them: `name` of a built-in one, or `name=path` of a
 * module, with commas between; or `none`.
 */
export function parseApplications(text: string): Readonly<Record<string, string>> {
  if (text === 'none') return {};
  return Object.fromEntries(parseNames(text).map(parseApplication));
}

function parseApplication(text: string): [name: string, module: string] {
  const at = text.indexOf('=');
  if (at >= 0) {
    const path = resolve(text.slice(at + 1));
    if (!isPath(path)) throw new InvalidArgumentError('Write NAME=PATH of a module.');
    return [text.slice(0, at), path];
  }
  if (builtInModule(text) === undefined) {
    const known = builtInApplications.filter((name) => builtInModule(name) !== undefined);
    throw new InvalidArgumentError(
      `"${text}" is not built in${known.length > 0 ? `, as ${known.join(' and ')} are` : ''}; ` +
        `write ${text}=PATH of its module.`,
    );
  }
  return [text, text];
}

/** Modules of one's own: NAME=PATH each. The path is checked, so that a slip shows at once. */
export function parseModules(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(parseNames(text).map(parseModule));
}

function parseModule(text: string): [name: string, module: string] {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Write NAME=PATH of a module.');
  const path = resolve(text.slice(at + 1));
  if (!existsSync(path)) throw new InvalidArgumentError(`There is no file ${path}.`);
  return [text.slice(0, at), path];
}

/** Services in any language: NAME=URL each. */
export function parseAddresses(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    parseNames(text).map((one) => {
      const at = one.indexOf('=');
      if (at < 1) throw new InvalidArgumentError('Write NAME=URL of the service.');
      return [one.slice(0, at), one.slice(at + 1)];
    }),
  );
}

export function parseNames(text: string): string[] {
  return text.split(',').map((name) => name.trim());
}
