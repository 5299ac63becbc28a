import { setTimeout as pause } from 'node:timers/promises';
import type { Connections } from './connections.js';
import { MariadbError } from './error.js';
import type { Settings } from './options.js';
import { deleteMarkers, finish, preparedXids } from './prepared.js';
import type { Row, Session } from './session.js';
import { isOf } from './xid.js';

const tableName = 'concordat_done';
/** The first version that keeps what is prepared when its connection ends. */
const oldestVersion = [10, 5] as const;
/** How much longer than a statement may take the connections of an earlier process are waited for. */
const leavingMs = 2_000;
const lookMs = 100;
/** Markers that a start deletes at a time. */
const sweptMax = 1_024;

/**
 * Makes the server ready for a participant: checks its settings, waits until no connection of an earlier run is left,
 * and gives up what that run left and the participant has not on record (`kept`: the identifiers of the rest). The name
 * of the table of markers.
 */
export async function takeOver(
  session: Session,
  { lockNames }: Pick<Connections, 'lockNames'>,
  settings: Settings,
  kept: readonly string[],
): Promise<string> {
  await checkServer(session, settings);
  await awaitAlone(session, settings, lockNames);
  await checkEngines(session, settings);
  const table = await madeTable(session, settings);
  await giveUpOthers(session, settings, kept);
  await deleteEnded(session, settings, table, kept);
  return table;
}

async function checkServer(session: Session, settings: Settings): Promise<void> {
  const [version] = await session.rows('SELECT VERSION() AS version, DATABASE() AS base');
  const rows = await session.rows(
    `SHOW VARIABLES WHERE Variable_name IN ('innodb_flush_log_at_trx_commit', 'innodb_flush_method', 'log_bin',
       'sync_binlog', 'read_only', 'innodb_read_only', 'tx_read_only', 'wsrep_on')`,
  );
  const variables = Object.fromEntries(
    rows.map((row) => {
      const { Variable_name: name, Value: value } = row;
      return [String(name), String(value)];
    }),
  );
  const fault = faultOfVersion(version ?? {}) ?? faultOf(variables);
  if (fault !== undefined) throw unusable(settings, fault);
}

function faultOfVersion({ version, base }: Row): string | undefined {
  const text = String(version);
  if (base == null) return 'no database is chosen: name one in the connection';
  if (!/mariadb/i.test(text)) {
    return `it is no MariaDB (${text}): this resource is made for, and tested with, MariaDB alone`;
  }
  const [major = 0, minor = 0] = text
    .replace(/^5\.5\.5-/, '')
    .split('.')
    .map(Number);
  const [oldestMajor, oldestMinor] = oldestVersion;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return undefined;
  return `its version ${text} is older than 10.5, and loses what is prepared when its connection ends: use a later one`;
}

function faultOf(variables: Readonly<Record<string, string>>): string | undefined {
  const {
    innodb_flush_log_at_trx_commit: flush,
    innodb_flush_method: method,
    log_bin: binlog,
    sync_binlog: sync,
    read_only: readOnly,
    innodb_read_only: engineReadOnly,
    tx_read_only: transactionReadOnly,
    wsrep_on: galera,
  } = variables;
  if (flush !== '1' || method === 'nosync') {
    return (
      'what is prepared may be lost with the machine: set innodb_flush_log_at_trx_commit = 1, and innodb_flush_method not ' +
      'to nosync'
    );
  }
  if (binlog === 'ON' && sync !== '1') {
    return 'the binary log may lose what is prepared, and the server then rolls it back: set sync_binlog = 1';
  }
  if (galera === 'ON') return 'Galera has no XA: connect to a server with wsrep_on = OFF';
  if (readOnly !== 'OFF' || engineReadOnly === 'ON') {
    return 'it is read-only, so probably a replica: connect to the primary';
  }
  if (transactionReadOnly === 'ON') return 'transactions are read-only: set tx_read_only = OFF';
  return undefined;
}

/**
 * Waits until no other connection of this participant is left: a thread of the server whose client was killed may still
 * prepare what it was asked to.
 */
async function awaitAlone(
  session: Session,
  settings: Settings,
  lockNames: readonly string[],
): Promise<void> {
  const until = performance.now() + settings.statementMs + leavingMs;
  const holders = lockNames.map((name) => `SELECT IS_USED_LOCK('${name}') AS thread`);
  const text = `SELECT thread FROM (${holders.join(' UNION ALL ')}) AS locks WHERE thread <> CONNECTION_ID()`;
  for (;;) {
    const others = await session.rows(text);
    if (others.length === 0) return;
    if (performance.now() > until) throw inUse(settings, others);
    await pause(lookMs);
  }
}

function inUse({ participant }: Settings, others: readonly Row[]): MariadbError {
  const threads = others.map(({ thread }) => String(thread)).join(', ');
  const message =
    `the server has other connections of participant ${participant} (threads ${threads}): stop the other process that ` +
    'runs as this participant. If there is none, and its machine is gone, end them by KILL …';
  return new MariadbError('in-use', message, { name: participant });
}

/** A change of such a table stays, whatever comes of its transaction. */
async function checkEngines(session: Session, settings: Settings): Promise<void> {
  const found = await session.rows(
    `SELECT table_name AS name, engine FROM information_schema.tables
     WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' AND engine <> 'InnoDB' LIMIT 5`,
  );
  if (found.length === 0) return;
  const names = found.map(({ name, engine }) => `${String(name)} (${String(engine)})`).join(', ');
  const remedy = 'ALTER TABLE … ENGINE = InnoDB, or keep them in another database';
  throw unusable(settings, `tables of its database cannot be rolled back: ${names}. ${remedy}`);
}

/** The table's name with its database. It is made where it is missing, and tried. */
async function madeTable(session: Session, settings: Settings): Promise<string> {
  const { database } = settings.connection;
  const table = `\`${database.replaceAll('`', '``')}\`.${tableName}`;
  const making =
    `CREATE TABLE IF NOT EXISTS ${table} (xid VARCHAR(101) CHARACTER SET ascii COLLATE ascii_bin PRIMARY KEY, ` +
    'at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP) ENGINE = InnoDB';
  const remedy = `as its owner: ${making}; GRANT SELECT, INSERT, DELETE ON ${table} TO the participant's user`;
  try {
    const found = await session.rows(
      'SELECT 1 FROM information_schema.tables WHERE table_schema = ? AND table_name = ?',
      [database, tableName],
    );
    if (found.length === 0) await session.run(making);
    await tryTable(session, settings, table);
    return table;
  } catch (cause) {
    const message = `the table ${table} cannot be made or used (${String(cause)}). Make it ${remedy}`;
    throw unusable(settings, message, cause);
  }
}

async function tryTable(session: Session, settings: Settings, table: string): Promise<void> {
  const own = `start:${settings.participant}`;
  await session.run('START TRANSACTION');
  try {
    await session.run(`INSERT INTO ${table} (xid) VALUES (?)`, [own]);
    await session.run(`DELETE FROM ${table} WHERE xid = ?`, [own]);
  } finally {
    await session.run('ROLLBACK');
  }
}

/** Rolls back what is prepared and the participant's own, and not on record: it has not voted for that. */
async function giveUpOthers(
  session: Session,
  settings: Settings,
  kept: readonly string[],
): Promise<void> {
  for (const xid of await preparedXids(session)) {
    if (!isOf(settings.owner, xid) || kept.includes(xid)) continue;
    // A thread that is about to end may have it yet.
    while ((await finish(session, 'ROLLBACK', xid)) === 'attached') await pause(lookMs);
  }
}

async function deleteEnded(
  session: Session,
  settings: Settings,
  table: string,
  kept: readonly string[],
): Promise<void> {
  const rows = await session.rows(`SELECT xid FROM ${table}`);
  const ended = rows
    .map(({ xid }) => String(xid))
    .filter((xid) => isOf(settings.owner, xid) && !kept.includes(xid));
  for (let at = 0; at < ended.length; at += sweptMax) {
    await deleteMarkers(session, table, ended.slice(at, at + sweptMax));
  }
}

function unusable({ participant }: Settings, fault: string, cause?: unknown): MariadbError {
  const message = `the MariaDB server of participant ${participant} cannot be used: ${fault}`;
  return new MariadbError('unusable-server', message, { name: participant }, { cause });
}
