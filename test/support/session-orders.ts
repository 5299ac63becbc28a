import { clientId, replicaId } from '../../src/kernel/ids.js';
import { digestOfTransfers, signSession } from '../../src/session/proof.js';
import type { CertifiedOrder, OrderStatement, SessionTransfer } from '../../src/session/types.js';
import type { TestCluster } from './keys.js';

/** A transfer between accounts written as `bank/account`. */
export function transfer(
  from: string,
  to: string,
  amountMinor: number,
  currency = 'EUR',
): SessionTransfer {
  return { from: place(from), to: place(to), amountMinor, currency };
}

function place(name: string): SessionTransfer['from'] {
  const [bank = '', account = ''] = name.split('/');
  return { bank, account };
}

export interface OrderOverrides extends Partial<OrderStatement> {
  /** Coordinators that sign it; the first two unless given. */
  readonly signers?: readonly number[];
}

/** An order as coordinators would certify it, but for what a test overrides. */
export function certifiedOrder(
  { cluster, replicaSign }: Pick<TestCluster, 'cluster' | 'replicaSign'>,
  transfers: readonly SessionTransfer[],
  { signers = [0, 1], ...overrides }: OrderOverrides = {},
): CertifiedOrder {
  const said: OrderStatement = {
    kind: 'order',
    lane: 3,
    number: 1,
    owner: clientId('alice'),
    transfers: digestOfTransfers(transfers),
    ...overrides,
  };
  const signed = signers.map((replica) => ({
    replica: replicaId(replica),
    ...signSession(replicaSign(replica), cluster.id, said),
  }));
  const bytes = signed[0]?.bytes ?? new Uint8Array();
  const signatures = signed.map(({ replica, signature }) => ({ replica, signature }));
  return { transfers, certificate: { statement: said, bytes, signatures } };
}
