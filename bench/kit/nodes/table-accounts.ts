import {
  type OperationCall,
  type OperationHandlers,
  Refusal,
} from '../../../src/service/participant/operations.js';
import { Table, type TableWork } from '../../../src/service/participant/table.js';
import { accountNames, openingMinor, type Posting } from '../orders.js';
import { clientsMax } from '../settings.js';

const operations: OperationHandlers<TableWork> = {
  async debit(table, order) {
    if (!order.isPermitted) throw new Refusal('NotPermitted');
    await post(table, order, -1);
  },
  credit: (table, order) => post(table, order, 1),
  async balance(table, { payload }) {
    const { account } = payload as { readonly account: string };
    return (await table.get(account)) ?? null;
  },
};

async function post(table: TableWork, { payload }: OperationCall, sign: 1 | -1): Promise<void> {
  const { account, amountMinor } = payload as unknown as Posting;
  const held = Number(await table.get(account)) + sign * amountMinor;
  if (!(held >= 0)) throw new Refusal('InsufficientFunds');
  await table.set(account, held);
}

/** A participant that keeps its accounts in the kit's own table. */
export const participant = {
  operations,
  resource: new Table(
    Object.fromEntries(accountNames(clientsMax).map((name) => [name, openingMinor])),
  ),
};
