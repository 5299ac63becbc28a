import { z } from 'zod';
import type { ProcedureOrder } from '../../../src/service/client/procedure-client.js';
import type { Random } from '../../simulation/engine/random.js';
import { isOverdraft, type Line } from '../load/ledger.js';

/**
 * Why an order must not commit, besides that its customer cannot pay:
 * - `full`: the depot refuses it, once it has updated its rows.
 * - `called-off`: the procedure rolls it back, once all that it calls for is done.
 * - `broken-seal`: the depot's server refuses to prepare it, by a constraint that it checks last.
 */
export const flaws = ['full', 'called-off', 'broken-seal'] as const;
export type Flaw = (typeof flaws)[number];

/** Pieces go from the warehouse to the depot, and the customer pays for them: the line of the ledger. */
export interface Order {
  readonly id: string;
  readonly line: Line;
  readonly sku: string;
  readonly pieces: number;
  readonly flaw?: Flaw | undefined;
}

/** What both databases hold of each at the start. */
export const openingPieces = 1_000_000;
/** Few, so that orders meet and wait for each other's locks. */
export const skus: readonly string[] = Array.from({ length: 12 }, (_, index) => `sku-${index}`);
/** Of one sku, in the depot. An order that is `full` asks for more than there is room for. */
export const depotRoom = 1_500_000;
const fullPieces = 700_000;
const piecesMax = 5;
const flawShare = 0.2;

/** What the procedure receives. */
export const payloadSchema = z.strictObject({
  id: z.string(),
  sku: z.string(),
  pieces: z.int(),
  account: z.string(),
  amountMinor: z.int(),
  isCalledOff: z.boolean(),
  isSealBroken: z.boolean(),
});

/** What an operation of a database receives. */
export const moveSchema = z.strictObject({
  id: z.string(),
  sku: z.string(),
  pieces: z.int(),
  isSealBroken: z.boolean(),
});

export function orderOf(line: Line, random: Random, isPlain = false): Order {
  const flaw = !isPlain && random.chance(flawShare) ? random.pick(flaws) : undefined;
  return {
    id: `${line.page.account}/${line.index}`,
    line,
    sku: random.pick(skus),
    pieces: flaw === 'full' ? fullPieces : 1 + random.int(piecesMax),
    flaw,
  };
}

/** Whether it must abort, whatever is killed. */
export function mustAbort({ line, flaw }: Order): boolean {
  return flaw !== undefined || isOverdraft(line);
}

/** What the client signs: the order, and that its account may be debited for it. */
export function requestOf({ id, line, sku, pieces, flaw }: Order): ProcedureOrder {
  const { account } = line.page;
  const [{ amountMinor } = { amountMinor: 0 }] = line.order.creditors;
  return {
    application: 'orders',
    procedure: 'order',
    payload: {
      ...{ id, sku, pieces, account, amountMinor },
      isCalledOff: flaw === 'called-off',
      isSealBroken: flaw === 'broken-seal',
    },
    permits: [
      {
        participant: line.page.route.debtor,
        operation: 'debit',
        payload: paymentOf({ account, amountMinor }),
      },
    ],
  };
}

/** What a bank receives; the permit is for just this. */
export function paymentOf({ account, amountMinor }: { account: string; amountMinor: number }) {
  return { account, amountMinor, currency: 'EUR' };
}
