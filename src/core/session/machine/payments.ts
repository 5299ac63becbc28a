import type { ClientId } from '../../../vocabulary/ids.js';

/** Which owners pay for an entry of a state, and how many bytes each. */
export type Payments = readonly (readonly [owner: ClientId, bytes: number])[];

const utf8 = new TextEncoder();
/** What an entry costs beside its texts, and a payment beside its owner's name: at least what both take as bytes. */
const entryBytes = 32;
const paymentBytes = 16;
/** Owners that pay for one entry; as many as a package of the supply chain has steps. */
export const payersMax = 64;

/** Bytes that an entry costs its payers together. */
export function costOf(key: string, value: string): number {
  return entryBytes + utf8Length(key) + utf8Length(value);
}

/** Bytes that the payer pays: its part of the entry, and for its own name. */
export function billOf([owner, bytes]: Payments[number]): number {
  return bytes + owner.length + paymentBytes;
}

/** What an entry with these payments counts; more than it takes as bytes. */
export function sizeOf(paid: Payments): number {
  return paid.reduce((sum, payment) => sum + billOf(payment), 0);
}

/**
 * Who pays once the entry costs so much because of the owner's call. The owner pays what it grows by, and what
 * it shrinks by is given back to the owner first, then to those that paid last. `undefined` where too many pay.
 */
export function paidAfter(paid: Payments, owner: ClientId, cost: number): Payments | undefined {
  const before = paid.reduce((sum, [, bytes]) => sum + bytes, 0);
  const own = paid.find(([payer]) => payer === owner)?.[1] ?? 0;
  if (cost >= before) {
    if (cost === before) return paid;
    const others = paid.filter(([payer]) => payer !== owner);
    if (others.length >= payersMax) return undefined;
    return [...others, [owner, own + cost - before]];
  }
  let back = before - cost;
  const after: (readonly [ClientId, number])[] = [];
  const lastFirst = [...paid].reverse();
  const order = [
    ...lastFirst.filter(([payer]) => payer === owner),
    ...lastFirst.filter(([payer]) => payer !== owner),
  ];
  for (const [payer, bytes] of order) {
    const given = Math.min(back, bytes);
    back -= given;
    if (bytes > given) after.push([payer, bytes - given]);
  }
  return after.reverse();
}

function utf8Length(text: string): number {
  return utf8.encode(text).length;
}
