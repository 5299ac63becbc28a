import { members } from '../cluster/members.js';
import type { Route } from '../load/ledger.js';

/** The participants that keep their data in PostgreSQL, each on a server of its own. */
export const services = ['warehouse', 'depot'] as const;
export type Service = (typeof services)[number];

/** The banks: a customer pays from an account at the first into one at the second. */
export const banks = ['bank-a', 'bank-b'] as const;
export const route: Route = { debtor: banks[0], creditors: [banks[1]] };

export const databases = services.map(databaseOf);

/** All that is killed, by what it is. */
export const groups = {
  databases,
  services,
  coordinators: members.coordinators,
  initiators: members.initiators,
  banks,
} as const;
export type KillGroup = keyof typeof groups;

/** The nodes of the cluster: all but the databases. */
export const nodeNames: readonly string[] = [
  ...groups.coordinators,
  ...groups.initiators,
  ...banks,
  ...services,
];

export const clientName = 'chaos';

/** Name of the server that a participant has its data on. */
export function databaseOf(service: Service): string {
  return `${service}-db`;
}
