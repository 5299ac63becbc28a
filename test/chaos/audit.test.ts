import { describe, expect, it } from 'vitest';
import { transactionId } from '../../src/kernel/ids.js';
import { audit } from './check/audit.js';
import { base, Ledger, openingMinor, type Route, routesOf } from './load/ledger.js';

/** The auditor must see what is wrong, or a run without violations says nothing. */

const banks = ['bank-a', 'bank-b', 'bank-c'];
const tid = transactionId('00000000-0000-8000-8000-000000000001');

/** A ledger with three transfers on the route that were answered so, and books without any posting. */
function scene(creditors: number) {
  const route = routesOf(banks).find((each) => each.creditors.length === creditors) as Route;
  const ledger = new Ledger(16, 1);
  for (const kind of ['committed', 'aborted', undefined] as const) {
    const line = ledger.next(route);
    if (line && kind) line.answer = { kind, tid };
  }
  const opened = () => new Map(ledger.accounts.map(({ account }) => [account, openingMinor]));
  const books = new Map(banks.map((bank) => [bank, opened()]));
  const post = (bank: string, amount: number) => {
    const accounts = books.get(bank);
    const account = ledger.pages[0]?.account ?? '';
    accounts?.set(account, (accounts.get(account) ?? 0) + amount);
  };
  /** All of a transfer, as often as given. */
  const transfer = (line: number, times = 1) => {
    post(route.debtor, -times * route.creditors.length * base ** line);
    for (const bank of route.creditors) post(bank, times * base ** line);
  };
  const rules = () => audit(ledger, books).map(({ rule }) => rule);
  return { route, ledger, post, transfer, rules };
}

describe.each([1, 2])('with %i creditors', (creditors) => {
  it('is content with what was answered, whatever became of the unknown', () => {
    const one = scene(creditors);
    one.transfer(0);
    expect(one.rules()).toEqual([]);
    one.transfer(2);
    expect(one.rules()).toEqual([]);
  });

  it('misses what was answered committed, and finds what was answered aborted', () => {
    expect(scene(creditors).rules()).toEqual(['answer']);
    const one = scene(creditors);
    one.transfer(0);
    one.transfer(1);
    expect(one.rules()).toEqual(['answer']);
  });

  it('sees what was posted twice', () => {
    const one = scene(creditors);
    one.transfer(0, 2);
    expect(one.rules()).toEqual(['exactly-once']);
  });

  it('sees what was posted at some banks only, even of an unknown', () => {
    const one = scene(creditors);
    one.transfer(0);
    one.post(one.route.debtor, -creditors * base ** 2);
    expect(one.rules()).toEqual(['atomicity', 'money']);
  });

  it('sees money that nobody asked for', () => {
    const one = scene(creditors);
    one.transfer(0);
    one.transfer(3);
    expect(one.rules()).toEqual(['money']);
  });
});

it('sees an overdraft that is answered committed', () => {
  const [route] = routesOf(banks);
  const ledger = new Ledger(16, 1);
  const books = new Map(
    banks.map((bank) => [bank, new Map(ledger.accounts.map((a) => [a.account, openingMinor]))]),
  );
  for (let line = 0; line < 16; line += 1) {
    const next = route && ledger.next(route);
    if (next && line === 15) next.answer = { kind: 'committed', tid };
  }
  expect(audit(ledger, books).map(({ rule }) => rule)).toEqual(['answer']);
});
