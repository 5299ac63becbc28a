import { type ClientId, clientPrincipal, sessionsPrincipal } from '../../vocabulary/ids.js';
import type { ClientRequest, InitiatorLimits } from './initiator-messages.js';

type Open = Pick<ClientRequest, 'client' | 'operation'>;

/** What a principal has open. */
interface Load {
  readonly transactions: number;
  readonly legs: number;
}

/**
 * Whether there is room for one more transaction of the client. A client alone may have up to its bound. As
 * soon as others have transactions open, it may have an even part of `sharedLegs`, or one transaction: the
 * work of a transaction is its legs, and the clients that wait behind it are slowed down by no more than that.
 * Front doors and sessions ask for many callers, and share out themselves.
 */
export function hasRoomFor(
  client: ClientId,
  open: readonly Open[],
  limits: InitiatorLimits,
  fronts: ReadonlySet<string>,
): boolean {
  if (open.length >= limits.transactions) return false;
  const principal = clientPrincipal(client);
  const loads = loadsOf(open);
  const own = loads.get(principal);
  if (own === undefined) return true;
  if (own.transactions >= limits.transactionsOfOneClient) return false;
  if (loads.size === 1 || principal === sessionsPrincipal || fronts.has(principal)) return true;
  return own.legs < limits.sharedLegs / loads.size;
}

function loadsOf(open: readonly Open[]): ReadonlyMap<string, Load> {
  const loads = new Map<string, Load>();
  for (const { client, operation } of open) {
    const principal = clientPrincipal(client);
    const { transactions, legs } = loads.get(principal) ?? { transactions: 0, legs: 0 };
    const more = operation.legs.length;
    loads.set(principal, { transactions: transactions + 1, legs: legs + more });
  }
  return loads;
}
