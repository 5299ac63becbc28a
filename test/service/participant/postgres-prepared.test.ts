import { expect, it } from 'vitest';
import { participantId } from '../../../src/kernel/ids.js';
import type {
  Connection,
  Connections,
} from '../../../src/service/participant/postgres/connections.js';
import { PreparedTransactions } from '../../../src/service/participant/postgres/prepared.js';

/** A server whose other process has the prepared transaction for so many statements. */
function server(busyStatements: number) {
  const asked: string[] = [];
  const connection: Pick<Connection, 'execute'> = {
    execute: async ([statement = '']) => {
      asked.push(statement);
      if (asked.length > busyStatements) return;
      throw Object.assign(new Error('prepared transaction is busy'), {
        code: '55006',
        severity: 'ERROR',
      });
    },
  };
  const connections: Pick<Connections, 'run'> = {
    run: (work) => work(connection as Connection),
  };
  const prepared = new PreparedTransactions(
    connections as Connections,
    participantId('warehouse'),
    'markers',
  );
  return { prepared, asked };
}

it('asks again while another process of the server has the prepared transaction', async () => {
  const { prepared, asked } = server(2);
  await prepared.rollBack('gid');
  expect(asked).toEqual([
    "ROLLBACK PREPARED 'gid'",
    "ROLLBACK PREPARED 'gid'",
    "ROLLBACK PREPARED 'gid'",
  ]);
});

it('gives up where that process does not let go of it', async () => {
  const { prepared } = server(Number.POSITIVE_INFINITY);
  await expect(prepared.commit('gid')).rejects.toThrow('busy');
});
