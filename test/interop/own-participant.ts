import { Table } from '../../src/service/participant/table.js';

/** A participant that is no bank, so that the cluster serves the ports of one, too. */
export const participant = { operations: { nothing: async () => null }, resource: new Table({}) };
