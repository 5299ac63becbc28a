import { type Currency, currency } from '../banking/soap.js';
import { usageError } from './exit.js';

/** Decimals of a currency (ISO 4217): 2 for EUR, 0 for JPY, 3 for BHD. */
function decimalsOf(code: Currency): number {
  const format = new Intl.NumberFormat('en', { style: 'currency', currency: code });
  return format.resolvedOptions().maximumFractionDigits ?? 2;
}

/** Throws a usage error unless the text is three capital letters. */
export function parseCurrency(text: string): Currency {
  try {
    return currency(text);
  } catch {
    throw usageError(`--currency ${text}: write three capital letters, such as EUR`);
  }
}

/** `12.50` EUR as 1250. Exact: never goes through a fraction. Throws a usage error. */
export function parseAmount(text: string, code: Currency): number {
  const decimals = decimalsOf(code);
  const [, whole, fraction = ''] = /^(\d{1,16})(?:\.(\d+))?$/.exec(text) ?? [];
  const amountMinor = Number(`${whole}${fraction.padEnd(decimals, '0')}`);
  if (
    whole === undefined ||
    fraction.length > decimals ||
    amountMinor < 1 ||
    !Number.isSafeInteger(amountMinor)
  ) {
    const example = formatAmount(1250, code);
    throw usageError(`--amount ${text}: write a positive amount of ${code}, such as ${example}`);
  }
  return amountMinor;
}

/** 1250 EUR as `12.50`. */
export function formatAmount(amountMinor: number, code: Currency): string {
  const decimals = decimalsOf(code);
  const digits = String(amountMinor).padStart(decimals + 1, '0');
  if (decimals === 0) return digits;
  return `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}
