import { type OperationCall, Refusal } from '../../../../src/service/participant/operations.js';
import { postgres } from '../../../../src/service/participant/postgres/postgres.js';
import type { PostgresWork } from '../../../../src/service/participant/postgres/work.js';
import type { Service } from '../cast.js';
import { depotRoom, moveSchema, openingPieces, skus } from '../orders.js';

/** What is in a database before the first order. */
export const schema = `
  CREATE TABLE stock (sku text PRIMARY KEY, pieces bigint NOT NULL CHECK (pieces >= 0));
  CREATE TABLE entries (order_id text NOT NULL, transaction_id text NOT NULL, sku text NOT NULL, pieces int NOT NULL);
  CREATE TABLE seals (seal text UNIQUE DEFERRABLE INITIALLY DEFERRED);
  INSERT INTO stock VALUES ${skus.map((sku) => `('${sku}', ${openingPieces})`).join(', ')};
  INSERT INTO seals VALUES ('broken')`;

/** The participant of this name: its server is where the environment says (`PGHOST` and so on). */
export function stockParticipant(name: Service) {
  return {
    resource: postgres({
      name,
      connection: {},
      onAborted: ({ tid }, reason) => console.error(`${tid} aborts: ${reason.message}`),
    }),
    operations: {
      async take(work: PostgresWork, call: OperationCall) {
        const { id, sku, pieces } = moveSchema.parse(call.payload);
        const { rowCount } = await work.query(
          'UPDATE stock SET pieces = pieces - $2 WHERE sku = $1 AND pieces >= $2',
          [sku, pieces],
        );
        if (rowCount !== 1) throw new Refusal('OutOfStock');
        await enter(work, call, { id, sku, pieces });
      },
      async put(work: PostgresWork, call: OperationCall) {
        const { id, sku, pieces, isSealBroken } = moveSchema.parse(call.payload);
        const { rows } = await work.query<{ pieces: string }>(
          'UPDATE stock SET pieces = pieces + $2 WHERE sku = $1 RETURNING pieces',
          [sku, pieces],
        );
        await enter(work, call, { id, sku, pieces });
        if (Number(rows[0]?.pieces) > depotRoom) throw new Refusal('Full');
        if (isSealBroken) await work.query("INSERT INTO seals VALUES ('broken')");
      },
    },
  };
}

/** No key keeps it from being entered twice: the audit has to see that it is there once. */
async function enter(
  work: PostgresWork,
  { transactionId }: OperationCall,
  { id, sku, pieces }: { readonly id: string; readonly sku: string; readonly pieces: number },
): Promise<void> {
  await work.query('INSERT INTO entries VALUES ($1, $2, $3, $4)', [id, transactionId, sku, pieces]);
}
