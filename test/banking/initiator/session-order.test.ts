import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { operationOfOrder } from '../../../src/banking/session-order.js';
import type { SessionTransfer } from '../../../src/session/types.js';

function transfer(from: string, to: string, amountMinor: number, currency = 'EUR') {
  const place = (name: string) => {
    const [bank = '', account = ''] = name.split('/');
    return { bank, account };
  };
  return { from: place(from), to: place(to), amountMinor, currency };
}

/** Each leg as `bank/account +amount`. */
function legs(...transfers: SessionTransfer[]): string[] {
  const operation = operationOfOrder(transfers);
  expect(operation.refusal).toBeUndefined();
  return operation.legs.map(
    ({ participant, account, side, amountMinor }) =>
      `${participant}/${account} ${side === 'debit' ? '-' : '+'}${amountMinor}`,
  );
}

const refusal = (...transfers: SessionTransfer[]) => {
  const operation = operationOfOrder(transfers);
  expect(operation.legs).toEqual([]);
  return operation.refusal;
};

const most = Number.MAX_SAFE_INTEGER;

describe('the legs of an order', () => {
  it('are one debit and one credit for a transfer', () => {
    expect(legs(transfer('a/x', 'b/y', 5))).toEqual(['a/x -5', 'b/y +5']);
  });

  it('are what is left for each account of all transfers together', () => {
    const passedOn = [transfer('a/x', 'b/y', 5), transfer('b/y', 'c/z', 3)];
    expect(legs(...passedOn)).toEqual(['a/x -5', 'b/y +2', 'c/z +3']);
    expect(legs(...passedOn.toReversed()).sort()).toEqual(['a/x -5', 'b/y +2', 'c/z +3']);
  });

  it('are none for accounts that end where they began', () => {
    expect(legs(transfer('a/x', 'b/y', 5), transfer('b/y', 'a/x', 5))).toEqual([]);
    expect(legs(transfer('a/x', 'a/x', 5))).toEqual([]);
    expect(legs()).toEqual([]);
  });

  it('tell accounts of one name at different banks apart', () => {
    expect(legs(transfer('a/x', 'b/x', 5))).toEqual(['a/x -5', 'b/x +5']);
  });

  it('are exact where sums on the way exceed what a number holds', () => {
    const there = [transfer('a/x', 'b/y', most), transfer('a/x', 'b/y', most)];
    const back = [transfer('b/y', 'a/x', most), transfer('b/y', 'a/x', most - 2)];
    expect(legs(...there, ...back)).toEqual(['a/x -2', 'b/y +2']);
  });

  it('add up to nothing, whatever the transfers', () => {
    const place = fc.record({
      bank: fc.constantFrom('a', 'b', 'c'),
      account: fc.constantFrom('x', 'y'),
    });
    const any = fc.record({
      from: place,
      to: place,
      amountMinor: fc.integer({ min: 1, max: 1_000_000 }),
      currency: fc.constant('EUR'),
    });
    fc.assert(
      fc.property(fc.array(any, { maxLength: 40 }), (transfers) => {
        const operation = operationOfOrder(transfers);
        const signed = operation.legs.map(({ side, amountMinor }) =>
          side === 'debit' ? -amountMinor : amountMinor,
        );
        expect(signed.reduce((sum, amount) => sum + amount, 0)).toBe(0);
        expect(signed).not.toContain(0);
        const accounts = operation.legs.map(({ participant, account }) => participant + account);
        expect(new Set(accounts).size).toBe(accounts.length);
      }),
    );
  });
});

describe('an order that cannot be', () => {
  it.each<[string, SessionTransfer[]]>([
    ['MixedCurrencies', [transfer('a/x', 'b/y', 1), transfer('a/x', 'b/y', 1, 'USD')]],
    ['UnknownCurrency', [transfer('a/x', 'b/y', 1, 'euro')]],
    ['UnknownBank', [transfer('/x', 'b/y', 1)]],
    ['UnknownAccount', [transfer('a/x', 'b/y z', 1)]],
    ['InvalidAmount', [transfer('a/x', 'b/y', 0)]],
    ['InvalidAmount', [transfer('a/x', 'b/y', -1)]],
    ['InvalidAmount', [transfer('a/x', 'b/y', 0.5)]],
    ['AmountTooLarge', [transfer('a/x', 'b/y', most), transfer('a/x', 'b/y', most)]],
  ])('is known beforehand: %s', (why, transfers) => {
    expect(refusal(...transfers)).toBe(why);
  });

  it('is one with more postings than a bank may have in one transaction', () => {
    const to = (count: number) =>
      Array.from({ length: count }, (_, index) => transfer('a/x', `b/y${index}`, 1));
    expect(legs(...to(64))).toHaveLength(65);
    expect(refusal(...to(65))).toBe('TooManyPostings');
  });
});
