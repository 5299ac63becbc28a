import fc from 'fast-check';
import { expect, it } from 'vitest';
import { currency } from '../../src/banking/soap.js';
import { formatAmount, parseAmount } from '../../src/cli/money.js';

it('reads and writes amounts in the decimals of the currency', () => {
  expect(parseAmount('12.50', currency('EUR'))).toBe(1250);
  expect(parseAmount('12.5', currency('EUR'))).toBe(1250);
  expect(parseAmount('12', currency('JPY'))).toBe(12);
  expect(parseAmount('0.001', currency('BHD'))).toBe(1);
  expect(formatAmount(5, currency('EUR'))).toBe('0.05');
});

it('loses nothing between', () => {
  const codes = fc.constantFrom('EUR', 'JPY', 'BHD').map(currency);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), codes, (amount, code) => {
      expect(parseAmount(formatAmount(amount, code), code)).toBe(amount);
    }),
  );
});

it('refuses more than a number can hold', () => {
  expect(() => parseAmount('90071992547409.92', currency('EUR'))).toThrow('positive amount');
  expect(parseAmount('90071992547409.91', currency('EUR'))).toBe(Number.MAX_SAFE_INTEGER);
});
