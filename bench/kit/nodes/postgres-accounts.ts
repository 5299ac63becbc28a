import {
  type OperationCall,
  type OperationHandlers,
  Refusal,
} from '../../../src/service/participant/operations.js';
import type { PostgresConnection } from '../../../src/service/participant/postgres/options.js';
import { postgres } from '../../../src/service/participant/postgres/postgres.js';
import type { PostgresWork } from '../../../src/service/participant/postgres/work.js';
import type { Posting } from '../orders.js';

const operations: OperationHandlers<PostgresWork> = {
  async debit(work, order) {
    if (!order.isPermitted) throw new Refusal('NotPermitted');
    await post(work, order, -1);
  },
  credit: (work, order) => post(work, order, 1),
  async balance(work, { payload }) {
    const { account } = payload as { readonly account: string };
    const { rows } = await work.query<{ minor: string }>(
      'SELECT minor FROM account WHERE name = $1',
      [account],
    );
    return Number(rows[0]?.minor);
  },
};

async function post(work: PostgresWork, { payload }: OperationCall, sign: 1 | -1): Promise<void> {
  const { account, amountMinor } = payload as unknown as Posting;
  const { rowCount } = await work.query(
    'UPDATE account SET minor = minor + $2 WHERE name = $1 AND minor + $2 >= 0',
    [account, sign * amountMinor],
  );
  if (rowCount !== 1) throw new Refusal('InsufficientFunds');
}

/** A participant that keeps its accounts in a database; a module that is written for each calls it. */
export function postgresAccounts(
  name: string,
  connection: PostgresConnection,
  connectionsMax: number,
) {
  return { operations, resource: postgres({ name, connection, connectionsMax }) };
}
