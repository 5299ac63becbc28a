import { setTimeout as pause } from 'node:timers/promises';
import type { Connection, TextRow } from './connections.js';
import { PostgresError, sqlStateOf } from './error.js';
import { applicationNameOf, prefixOf } from './gid.js';
import type { Settings } from './options.js';

const tableName = 'concordat_done';
/** The first version with `pg_current_xact_id_if_assigned`. */
const oldestVersion = 130_000;
/** How much longer than a statement may take the connections of an earlier process are waited for. */
const leavingMs = 2_000;
const lookMs = 100;

/**
 * Makes the server ready for a participant: checks its settings, waits until no connection of an earlier run is left,
 * and gives up what that run left and the participant has not on record (`kept`: the global identifiers of the rest).
 * The name of the table of markers.
 */
export async function takeOver(
  connection: Connection,
  settings: Settings,
  kept: readonly string[],
): Promise<string> {
  const schema = await checkedSchema(connection, settings);
  await awaitAlone(connection, settings);
  const table = await madeTable(connection, settings, schema);
  await giveUpOthers(connection, settings, kept);
  await connection.rows(
    `DELETE FROM ${table} WHERE pg_catalog.starts_with(gid, $1) AND gid <> ALL($2::text[])`,
    [prefixOf(settings.participant), kept],
  );
  return table;
}

/** Checks the settings. The schema of the table. */
async function checkedSchema(connection: Connection, settings: Settings): Promise<string> {
  const [row] = await connection.rows(
    `SELECT current_setting('server_version_num') AS version,
       current_setting('max_prepared_transactions') AS prepared,
       current_setting('fsync') AS fsync,
       current_setting('transaction_read_only') AS readonly,
       pg_is_in_recovery()::text AS recovery,
       current_setting('application_name') AS application,
       current_schema()::text AS schema`,
  );
  const { schema: first, ...found } = row ?? {};
  const fault = faultOf(found, settings);
  if (fault !== undefined) throw unusable(settings, fault);
  const schema = settings.schema ?? first;
  if (schema != null) return schema;
  throw unusable(settings, 'no schema of search_path is there: name one in the option schema');
}

function faultOf(row: TextRow, settings: Settings): string | undefined {
  const { version, prepared, fsync, readonly, recovery, application } = row;
  if (Number(version) < oldestVersion) {
    return 'its version is older than 13: use a later one';
  }
  if (recovery === 'true') return 'it is a standby: connect to the primary';
  if (prepared === '0') {
    return (
      'max_prepared_transactions is 0, so nothing can be prepared: set it to the number of transactions that may be in ' +
      'doubt at a time, for example by ALTER SYSTEM SET max_prepared_transactions = 100, and restart the server'
    );
  }
  if (fsync !== 'on') {
    return 'fsync is off, so what is prepared may be lost with the machine: set fsync = on';
  }
  if (readonly !== 'off') {
    return 'transactions are read-only: set default_transaction_read_only = off for this role and database';
  }
  const own = applicationNameOf(settings.participant);
  if (application === own) return undefined;
  return `the application_name is ${application}, not ${own}: leave it out of the connection string`;
}

/**
 * Waits until no other connection of this participant is left: a process of the server whose client was killed may still
 * prepare what it was asked to.
 */
async function awaitAlone(connection: Connection, settings: Settings): Promise<void> {
  const name = applicationNameOf(settings.participant);
  const until = performance.now() + settings.statementMs + leavingMs;
  for (;;) {
    const others = await connection.rows(
      `SELECT pid::text FROM pg_stat_activity
       WHERE application_name = $1 AND datname = current_database() AND pid <> pg_backend_pid()`,
      [name],
    );
    if (others.length === 0) return;
    if (performance.now() > until) throw inUse(settings, others);
    await pause(lookMs);
  }
}

function inUse({ participant }: Settings, others: readonly TextRow[]): PostgresError {
  const pids = others.map(({ pid }) => pid).join(', ');
  const message =
    `the server has other connections of participant ${participant} (processes ${pids}): stop the other process that ` +
    'runs as this participant. If there is none, and its machine is gone, end them by SELECT pg_terminate_backend(…)';
  return new PostgresError('in-use', message, { name: participant });
}

/** The table's name with its schema. It is made where it is missing. */
async function madeTable(
  connection: Connection,
  settings: Settings,
  schema: string,
): Promise<string> {
  const table = `"${schema.replaceAll('"', '""')}".${tableName}`;
  const making =
    `CREATE TABLE IF NOT EXISTS ${table} ` +
    '(gid text PRIMARY KEY, at timestamptz NOT NULL DEFAULT current_timestamp)';
  const remedy = `as its owner: ${making}; GRANT SELECT, INSERT, DELETE ON ${table} TO the participant's role`;
  try {
    const found = await connection.rows(
      'SELECT name::text FROM to_regclass($1) AS name WHERE name IS NOT NULL',
      [table],
    );
    if (found.length === 0) await connection.execute([making]).catch(unlessMade);
    const [rights] = await connection.rows(
      `SELECT (has_table_privilege($1, 'SELECT') AND has_table_privilege($1, 'INSERT')
         AND has_table_privilege($1, 'DELETE'))::text AS granted`,
      [table],
    );
    const { granted } = rights ?? {};
    if (granted === 'true') return table;
  } catch (cause) {
    const message = `the table ${table} cannot be made (${String(cause)}). Make it ${remedy}`;
    throw unusable(settings, message, cause);
  }
  throw unusable(settings, `the role may not use the table ${table}. Allow it ${remedy}`);
}

/**
 * Another participant of the database has made the table at the same time: `unique_violation` in the catalog,
 * `duplicate_object` of its row type, or `duplicate_table`. Whether the table is there is asked next.
 */
const madeMeanwhile: ReadonlySet<unknown> = new Set(['23505', '42710', '42P07']);

function unlessMade(error: unknown): void {
  if (!madeMeanwhile.has(sqlStateOf(error))) throw error;
}

/** Rolls back what is prepared under the participant's name, and not on record: it has not voted for that. */
async function giveUpOthers(
  connection: Connection,
  settings: Settings,
  kept: readonly string[],
): Promise<void> {
  const others = await connection.rows(
    `SELECT gid, owner::text FROM pg_prepared_xacts
     WHERE database = current_database() AND starts_with(gid, $1) AND gid <> ALL($2::text[])`,
    [prefixOf(settings.participant), kept],
  );
  for (const { gid, owner } of others) {
    try {
      await connection.execute([`ROLLBACK PREPARED '${gid}'`]);
    } catch (cause) {
      const message = `${gid} is left from an earlier run, and role ${owner} must roll it back (${String(cause)})`;
      throw unusable(settings, message, cause);
    }
  }
}

function unusable({ participant }: Settings, fault: string, cause?: unknown): PostgresError {
  const message = `the PostgreSQL server of participant ${participant} cannot be used: ${fault}`;
  return new PostgresError('unusable-server', message, { name: participant }, { cause });
}
