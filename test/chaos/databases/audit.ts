import type { Books, Violation } from '../check/audit.js';
import { base, type Line, openingMinor } from '../load/ledger.js';
import { type Service, services } from './cast.js';
import type { DatabaseBooks, Entry } from './database.js';
import { mustAbort, type Order, openingPieces, skus } from './orders.js';

export type Databases = Readonly<Record<Service, DatabaseBooks>>;

/**
 * Compares the orders and what was answered with the rows of both databases, and with what the banks hold. It knows
 * nothing of the protocol.
 */
export function auditDatabases(
  orders: readonly Order[],
  databases: Databases,
  banks: Books,
): Violation[] {
  const rows = {
    warehouse: byOrder(databases.warehouse.entries),
    depot: byOrder(databases.depot.entries),
  };
  return [
    ...orders.flatMap((order) =>
      auditOrder(order, {
        warehouse: rows.warehouse.get(order.id) ?? [],
        depot: rows.depot.get(order.id) ?? [],
        paid: timesPaid(order.line, banks),
      }),
    ),
    ...services.flatMap((service) => auditStock(service, databases[service], orders)),
    ...services.flatMap((service) =>
      databases[service].prepared.map(
        (gid): Violation => ({ rule: 'in-doubt', what: `${service}'s server holds ${gid}` }),
      ),
    ),
  ];
}

interface Posted extends Readonly<Record<Service, readonly Entry[]>> {
  /** How often, at the customer's bank. */
  readonly paid: number;
}

function auditOrder(order: Order, { warehouse, depot, paid }: Posted): Violation[] {
  const { id, sku, pieces, line, flaw } = order;
  const answer = line.answer ?? { kind: 'unknown' as const, why: 'none' };
  const times = [warehouse.length, depot.length, paid];
  const told =
    `order ${id}${flaw ? `, ${flaw}` : ''} (${answer.kind}): ` +
    `taken ${times[0]}, put ${times[1]}, paid ${times[2]} times`;
  if (times.some((each) => each !== paid)) return [{ rule: 'atomicity', what: told }];
  if (paid > 1) return [{ rule: 'exactly-once', what: told }];
  if (mustAbort(order) && (paid > 0 || answer.kind === 'committed')) {
    return [{ rule: 'answer', what: `${told}, and must abort` }];
  }
  const expected = { committed: 1, aborted: 0, unknown: paid }[answer.kind];
  if (paid !== expected) return [{ rule: 'answer', what: told }];
  const tids = new Set([...warehouse, ...depot].map(({ tid }) => tid));
  if (answer.kind === 'committed') tids.add(answer.tid);
  if (tids.size > 1) return [{ rule: 'answer', what: `${told}, by ${[...tids].join(' and ')}` }];
  const isOther = [...warehouse, ...depot].some(
    (entry) => entry.sku !== sku || entry.pieces !== pieces,
  );
  return isOther ? [{ rule: 'money', what: `${told}, but not what was ordered` }] : [];
}

/** The rows that were updated hold what the rows that were inserted add up to, and nobody else has inserted any. */
function auditStock(
  service: Service,
  { entries, stock }: DatabaseBooks,
  orders: readonly Order[],
): Violation[] {
  const known = new Set(orders.map(({ id }) => id));
  const strange = entries.filter(({ order }) => !known.has(order));
  const sign = service === 'warehouse' ? -1 : 1;
  const moved = new Map<string, number>();
  for (const { sku, pieces } of entries) moved.set(sku, (moved.get(sku) ?? 0) + pieces);
  return [
    ...strange.map(
      ({ order }): Violation => ({ rule: 'money', what: `${service}: nobody ordered ${order}` }),
    ),
    ...skus.flatMap((sku): Violation[] => {
      const expected = openingPieces + sign * (moved.get(sku) ?? 0);
      if (stock.get(sku) === expected) return [];
      const what = `${service} holds ${stock.get(sku)} of ${sku}, and its entries make it ${expected}`;
      return [{ rule: 'money', what }];
    }),
  ];
}

/** The digit of the order's line in what the account has moved; see `base`. */
function timesPaid({ page, index }: Line, banks: Books): number {
  const balance = banks.get(page.route.debtor)?.get(page.account) ?? openingMinor;
  return Math.floor((openingMinor - balance) / base ** index) % base;
}

function byOrder(entries: readonly Entry[]): ReadonlyMap<string, readonly Entry[]> {
  const found = new Map<string, Entry[]>();
  for (const entry of entries) {
    const same = found.get(entry.order);
    if (same) same.push(entry);
    else found.set(entry.order, [entry]);
  }
  return found;
}
