import { describe, expect, it } from 'vitest';
import { transactionId } from '../../src/kernel/ids.js';
import { Random } from '../simulation/engine/random.js';
import { auditDatabases } from './databases/audit.js';
import { banks, groups, route } from './databases/cast.js';
import type { Entry } from './databases/database.js';
import { killsOf } from './databases/kills.js';
import { mustAbort, type Order, openingPieces, orderOf, skus } from './databases/orders.js';
import { type Answer, base, Ledger, openingMinor } from './load/ledger.js';

const tid = transactionId('00000000-0000-8000-8000-000000000001');
const otherTid = transactionId('00000000-0000-8000-8000-000000000002');
const committed: Answer = { kind: 'committed', tid };
const aborted: Answer = { kind: 'aborted', tid };
const unknown: Answer = { kind: 'unknown', why: 'timeout' };

/** One order, answered so, and the books as they are before it. */
function scene(answer: Answer, own: Partial<Order> = {}) {
  const ledger = new Ledger(16, 1);
  const line = ledger.next(route);
  if (line === undefined) throw new Error('no line');
  line.answer = answer;
  const order = { ...orderOf(line, new Random('scene'), true), ...own };
  const opened = () => new Map(skus.map((sku) => [sku, openingPieces]));
  const empty = () => ({
    entries: [] as Entry[],
    stock: opened(),
    prepared: [] as string[],
  });
  const databases = { warehouse: empty(), depot: empty() };
  const { account } = line.page;
  const books = new Map<string, Map<string, number>>(
    banks.map((bank) => [bank, new Map([[account, openingMinor]])]),
  );
  const enter = (service: keyof typeof databases, change: Partial<Entry> = {}) => {
    const { id, sku, pieces } = order;
    databases[service].entries.push({ order: id, tid, sku, pieces, ...change });
    const sign = service === 'warehouse' ? -1 : 1;
    const { stock } = databases[service];
    stock.set(sku, (stock.get(sku) ?? 0) + sign * pieces);
  };
  const pay = (times = 1) =>
    books.get(route.debtor)?.set(account, openingMinor - times * base ** line.index);
  const rules = () => auditDatabases([order], databases, books).map(({ rule }) => rule);
  return { order, databases, enter, pay, rules };
}

/** All of it was done so many times. */
function done(answer: Answer, times: number, own: Partial<Order> = {}) {
  const one = scene(answer, own);
  for (let each = 0; each < times; each += 1) {
    one.enter('warehouse');
    one.enter('depot');
  }
  one.pay(times);
  return one;
}

describe('the audit of two databases', () => {
  it('is content with what was answered, whatever became of the unknown', () => {
    expect(done(committed, 1).rules()).toEqual([]);
    expect(done(aborted, 0).rules()).toEqual([]);
    expect(done(unknown, 0).rules()).toEqual([]);
    expect(done(unknown, 1).rules()).toEqual([]);
  });

  it('misses what was answered committed, and finds what was answered aborted', () => {
    expect(done(committed, 0).rules()).toEqual(['answer']);
    expect(done(aborted, 1).rules()).toEqual(['answer']);
  });

  it.each(['warehouse', 'depot'] as const)('sees what only the %s has not done', (service) => {
    const one = scene(unknown);
    one.enter(service === 'warehouse' ? 'depot' : 'warehouse');
    one.pay();
    expect(one.rules()).toEqual(['atomicity']);
  });

  it('sees what was done and not paid, and paid and not done', () => {
    const unpaid = scene(unknown);
    unpaid.enter('warehouse');
    unpaid.enter('depot');
    expect(unpaid.rules()).toEqual(['atomicity']);
    const paid = scene(unknown);
    paid.pay();
    expect(paid.rules()).toEqual(['atomicity']);
  });

  it('sees what was done twice', () => {
    expect(done(committed, 2).rules()).toEqual(['exactly-once']);
  });

  it('sees what had to abort and did not', () => {
    for (const flaw of ['full', 'called-off', 'broken-seal'] as const) {
      expect(done(unknown, 1, { flaw }).rules()).toEqual(['answer']);
      expect(done(aborted, 0, { flaw }).rules()).toEqual([]);
    }
  });

  it('sees rows of another transaction, or of another order', () => {
    const other = scene(committed);
    other.enter('warehouse');
    other.enter('depot', { tid: otherTid });
    other.pay();
    expect(other.rules()).toEqual(['answer']);
    const strange = done(committed, 1);
    strange.enter('depot', { order: 'nobody’s' });
    expect(strange.rules()).toEqual(['money']);
  });

  it('sees rows that were updated without an entry, and entries that say something else', () => {
    const updated = done(committed, 1);
    updated.databases.depot.stock.set(updated.order.sku, openingPieces);
    expect(updated.rules()).toEqual(['money']);
    const wrong = scene(committed);
    wrong.enter('warehouse');
    wrong.enter('depot', { pieces: wrong.order.pieces + 1 });
    wrong.pay();
    expect(wrong.rules()).toContain('money');
  });

  it('sees what is prepared for good', () => {
    const one = done(committed, 1);
    one.databases.depot.prepared.push('concordat:depot:1:2');
    expect(one.rules()).toEqual(['in-doubt']);
  });
});

it('has orders that must abort among many that may commit', () => {
  const ledger = new Ledger(400, 1);
  const random = new Random('orders');
  const orders = Array.from({ length: 400 }, () => ledger.next(route)).flatMap((line) =>
    line ? [orderOf(line, random)] : [],
  );
  const flawed = orders.filter(mustAbort).length;
  expect(flawed).toBeGreaterThan(60);
  expect(flawed).toBeLessThan(160);
  expect(new Set(orders.map(({ flaw }) => flaw)).size).toBe(4);
});

describe('the kills', () => {
  const options = { seed: 7, durationMs: 60_000, kills: 200 };

  it('are the same for the same seed, and others for another', () => {
    expect(killsOf(options)).toEqual(killsOf(options));
    expect(killsOf({ ...options, seed: 8 })).not.toEqual(killsOf(options));
  });

  it.each([200, 7, 1, 0])('are %i', (kills) => {
    expect(killsOf({ ...options, kills }).flat()).toHaveLength(kills);
  });

  it('befall each group in a track of its own, in the order of time', () => {
    for (const track of killsOf(options)) {
      expect(new Set(track.map(({ group }) => group)).size).toBe(1);
      const times = track.map(({ atMs }) => atMs);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    }
    expect(new Set(killsOf(options).flatMap((track) => track.map(({ group }) => group)))).toEqual(
      new Set(Object.keys(groups)),
    );
  });
});
