import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { AccountBook } from '../../../bench/kit/nodes/account-book.js';
import { accountNames, openingMinor } from '../../../bench/kit/orders.js';

const [account = ''] = accountNames(1);
const debitOf = (amountMinor: number) => ({ account, amountMinor: -amountMinor });

async function opened(): Promise<AccountBook> {
  const folder = await mkdtemp(join(tmpdir(), 'concordat-book-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return AccountBook.open(join(folder, 'store'), 1);
}

it('promises what an account holds, once', async () => {
  const book = await opened();
  expect(await book.hold('a', debitOf(openingMinor))).toBe(true);
  expect(await book.hold('a', debitOf(openingMinor))).toBe(true);
  expect(await book.hold('b', debitOf(1))).toBe(false);
  expect(book.held).toEqual(['a']);
  await book.cancel('a');
  expect(await book.hold('b', debitOf(1))).toBe(true);
  expect(book.balance(account)).toBe(openingMinor);
});

it('does a confirm that comes twice once, and knows nothing of what was cancelled', async () => {
  const book = await opened();
  await book.hold('a', debitOf(3));
  expect([await book.confirm('a'), await book.confirm('a')]).toEqual([true, true]);
  await book.cancel('a');
  expect(book.balance(account)).toBe(openingMinor - 3);
  await book.hold('b', debitOf(1));
  await book.cancel('b');
  expect(await book.confirm('b')).toBe(false);
  expect(book.balance(account)).toBe(openingMinor - 3);
});

it('has no account that it was not opened with', async () => {
  const book = await opened();
  expect(await book.hold('a', { account: 'unknown', amountMinor: 1 })).toBe(false);
  expect(book.balance('unknown')).toBeUndefined();
});
