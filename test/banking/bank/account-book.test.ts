import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AccountBook } from '../../../src/banking/bank/account-book.js';
import { accountId, currency, type Posting } from '../../../src/banking/soap.js';
import type { StoredRecord } from '../../../src/kernel/core.js';
import type { ApplicationWrite } from '../../../src/transaction/participant/messages.js';

const alice = accountId('alice');
const bob = accountId('bob');
const eur = currency('EUR');
const largest = Number.MAX_SAFE_INTEGER;

function posting(kind: Posting['kind'], amountMinor: number, account = alice): Posting {
  return { kind, account, amountMinor, currency: eur };
}

function bookOf(amountMinor = 100): AccountBook {
  const book = new AccountBook();
  book.open([
    { account: alice, amountMinor, currency: eur },
    { account: bob, amountMinor: 0, currency: eur },
  ]);
  return book;
}

describe('the account book', () => {
  it('refuses what could not be committed', () => {
    const book = bookOf();
    const refusal = (what: Posting) => book.hold('t', what);
    expect(refusal(posting('debit', 101))).toEqual({
      kind: 'refused',
      reason: 'InsufficientFunds',
    });
    expect(refusal(posting('debit', 1, accountId('carol')))).toMatchObject({
      reason: 'UnknownAccount',
    });
    expect(refusal({ ...posting('debit', 1), currency: currency('USD') })).toMatchObject({
      reason: 'CurrencyMismatch',
    });
    expect(refusal(posting('credit', largest - 99))).toMatchObject({ reason: 'BalanceTooLarge' });
  });

  it('does not spend twice what is held, nor what is not yet credited', () => {
    const book = bookOf();
    expect(book.hold('t1', posting('debit', 60)).kind).toBe('done');
    expect(book.hold('t2', posting('debit', 60)).kind).toBe('refused');
    book.hold('t3', posting('credit', 1000));
    expect(book.hold('t4', posting('debit', 60)).kind).toBe('refused');
    book.rollBack('t1');
    expect(book.hold('t5', posting('debit', 60)).kind).toBe('done');
  });

  it('commits once, and shows the balance without what is held', () => {
    const book = bookOf();
    book.hold('t1', posting('debit', 60));
    expect(book.balance(alice)?.amountMinor).toBe(100);
    expect(book.commit('t1')).toHaveLength(1);
    expect(book.commit('t1')).toEqual([]);
    expect(book.balance(alice)?.amountMinor).toBe(40);
  });

  it('opens accounts once', () => {
    const writes = new AccountBook().open([{ account: alice, amountMinor: 5, currency: eur }]);
    const again = new AccountBook();
    again.restore(writes.flatMap(({ key, value }) => (value ? [{ key, value }] : [])));
    expect(again.open([{ account: bob, amountMinor: 5, currency: eur }])).toEqual([]);
    expect(again.balance(alice)).toEqual({ account: alice, amountMinor: 5, currency: eur });
    expect(again.balance(bob)).toBeUndefined();
  });

  it.each([
    ['no JSON', 'x'],
    ['no object', '7'],
    ['no amount', '{"currency":"EUR"}'],
    ['a broken amount', '{"amountMinor":1.5,"currency":"EUR"}'],
    ['a negative amount', '{"amountMinor":-1,"currency":"EUR"}'],
  ])('stops at a damaged record: %s', (_, text) => {
    const record = { key: 'account/alice', value: new TextEncoder().encode(text) };
    expect(() => new AccountBook().restore([record])).toThrow(RangeError);
    expect(() => bookOf().recover('t', record.value)).toThrow(RangeError);
  });
});

type Step =
  | { readonly kind: 'hold'; readonly which: number; readonly posting: Posting }
  | { readonly kind: 'prepare' | 'commit' | 'roll back'; readonly which: number }
  | { readonly kind: 'restart' };

const which = fc.nat(7);
const postings = fc.record({
  kind: fc.constantFrom('debit' as const, 'credit' as const),
  account: fc.constantFrom(alice, bob),
  amountMinor: fc.integer({ min: 1, max: 80 }),
  currency: fc.constant(eur),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('hold' as const), which, posting: postings }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom('prepare' as const, 'commit' as const, 'roll back' as const),
      which,
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'restart' as const }) },
);

/** A book, its disk, and what the balances must be. */
class Model {
  readonly disk = new Map<string, Uint8Array>();
  readonly prepared = new Map<string, Uint8Array>();
  readonly held = new Map<string, Posting>();
  readonly expected = new Map([
    [alice, 100],
    [bob, 0],
  ]);
  book = new AccountBook();

  constructor() {
    this.#write(
      this.book.open(
        [...this.expected].map(([account, amountMinor]) => ({
          account,
          amountMinor,
          currency: eur,
        })),
      ),
    );
  }

  take(it: Step): void {
    if (it.kind === 'restart') return this.#restart();
    const enlistment = `t${it.which}`;
    switch (it.kind) {
      case 'hold':
        if (this.held.has(enlistment)) return;
        if (this.book.hold(enlistment, it.posting).kind === 'done')
          this.held.set(enlistment, it.posting);
        return;
      case 'prepare': {
        const vote = this.book.prepare(enlistment);
        expect(vote.vote).toBe(this.held.has(enlistment) ? 'prepared' : 'aborted');
        if (vote.vote === 'prepared') this.prepared.set(enlistment, vote.record);
        return;
      }
      case 'commit':
        if (this.prepared.has(enlistment)) this.#post(enlistment);
        return;
      case 'roll back':
        this.book.rollBack(enlistment);
        this.#forget(enlistment);
    }
  }

  #post(enlistment: string): void {
    this.#write(this.book.commit(enlistment));
    const posted = this.held.get(enlistment);
    if (posted === undefined) throw new Error('prepared but not held');
    const change = posted.kind === 'debit' ? -posted.amountMinor : posted.amountMinor;
    this.expected.set(posted.account, (this.expected.get(posted.account) ?? 0) + change);
    this.#forget(enlistment);
  }

  #forget(enlistment: string): void {
    this.held.delete(enlistment);
    this.prepared.delete(enlistment);
  }

  #write(writes: readonly ApplicationWrite[]): void {
    for (const { key, value } of writes) if (value) this.disk.set(key, value);
  }

  #restart(): void {
    const records: StoredRecord[] = [...this.disk].map(([key, value]) => ({ key, value }));
    this.book = new AccountBook();
    this.book.restore(records);
    for (const [enlistment, record] of this.prepared) this.book.recover(enlistment, record);
    for (const enlistment of this.held.keys()) {
      if (!this.prepared.has(enlistment)) this.held.delete(enlistment);
    }
  }
}

describe('whatever is held, prepared, committed, rolled back and restarted', () => {
  it('the balances are what was committed, and never below zero', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const model = new Model();
        for (const it of steps) {
          model.take(it);
          for (const [account, amountMinor] of model.expected) {
            expect(model.book.balance(account)?.amountMinor).toBe(amountMinor);
            expect(amountMinor).toBeGreaterThanOrEqual(0);
          }
        }
      }),
      { numRuns: 1000 },
    );
  });
});
