import type { ConnectionOptions } from 'node:tls';
import { type ParticipantId, participantId } from '../../../kernel/ids.js';
import type { EnlistmentRef } from '../../../transaction/participant/messages.js';

/** Where the server is, in the words of `pg`. What is left out comes from the environment (`PGHOST` and so on). */
export interface PostgresConnection {
  /** A name, an address, or the folder of a Unix socket. */
  readonly host?: string;
  readonly port?: number;
  readonly database?: string;
  readonly user?: string;
  /** The password, or what gives it for each new connection. */
  readonly password?: string | (() => string | Promise<string>);
  readonly ssl?: boolean | ConnectionOptions;
}

/** How serializable the work of a call is; what PostgreSQL means by it. */
export type PostgresIsolation = 'read committed' | 'repeatable read' | 'serializable';

/** The settings of `postgres`. */
export interface PostgresOptions {
  /**
   * The participant's id. It is part of the global identifiers of its prepared transactions: never give it to another
   * process with the same database, nor change it while something is in doubt.
   */
  readonly name: string;
  /** A connection string, or its parts. To the server itself: no pooler in between, and no read replica. */
  readonly connection: string | PostgresConnection;
  /** Calls that are at work at a time; 10 unless given. One more waits. Two connections more are for outcomes. */
  readonly connectionsMax?: number;
  /** How long a call waits for a connection before it is refused, in milliseconds; 5,000 unless given. */
  readonly connectionWaitMs?: number;
  /** `read committed` unless given. */
  readonly isolation?: PostgresIsolation;
  /** `lock_timeout` of the work: how long a statement waits for a lock, in milliseconds; 5,000 unless given. */
  readonly lockWaitMs?: number;
  /** `statement_timeout` of the work: how long a statement may take, in milliseconds; 30,000 unless given. */
  readonly statementMs?: number;
  /**
   * `idle_in_transaction_session_timeout` of the work: how long it waits for its next statement, or for the vote, in
   * milliseconds; 60,000 unless given.
   */
  readonly idleMs?: number;
  /** Where the table `concordat_done` is; the first schema of the connection's `search_path` unless given. */
  readonly schema?: string;
  /**
   * Called where the server did not let a call vote for its work, with the reason: votes to abort have none. Must not
   * throw.
   */
  readonly onAborted?: (ref: EnlistmentRef, reason: Error) => void;
}

/** The settings with all that was left out. */
export interface Settings {
  readonly participant: ParticipantId;
  readonly connection: PostgresConnection | { readonly connectionString: string };
  readonly connectionsMax: number;
  readonly connectionWaitMs: number;
  readonly isolation: PostgresIsolation;
  readonly lockWaitMs: number;
  readonly statementMs: number;
  readonly idleMs: number;
  readonly schema: string | undefined;
  readonly onAborted: (ref: EnlistmentRef, reason: Error) => void;
}

const limits = {
  connections: 10,
  connectionWaitMs: 5_000,
  lockWaitMs: 5_000,
  statementMs: 30_000,
  idleMs: 60_000,
};
/** Of an `integer` of PostgreSQL, and of a timer of Node's. */
const numberMax = 2 ** 31 - 1;

/** Throws `RangeError` where a setting is none. */
export function settingsOf(options: PostgresOptions): Settings {
  const { connection } = options;
  const number = (name: keyof PostgresOptions, otherwise: number) => {
    const value = options[name] ?? otherwise;
    if (typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= numberMax) {
      return value;
    }
    throw new RangeError(`${name}: not a whole number from 1 to ${numberMax}: ${String(value)}`);
  };
  return {
    participant: participantId(options.name),
    connection: typeof connection === 'string' ? { connectionString: connection } : connection,
    connectionsMax: number('connectionsMax', limits.connections),
    connectionWaitMs: number('connectionWaitMs', limits.connectionWaitMs),
    isolation: isolationOf(options.isolation),
    lockWaitMs: number('lockWaitMs', limits.lockWaitMs),
    statementMs: number('statementMs', limits.statementMs),
    idleMs: number('idleMs', limits.idleMs),
    schema: options.schema,
    onAborted: options.onAborted ?? (() => {}),
  };
}

/** It becomes part of a statement: only what the type names. */
function isolationOf(isolation: PostgresIsolation = 'read committed'): PostgresIsolation {
  switch (isolation) {
    case 'read committed':
    case 'repeatable read':
    case 'serializable':
      return isolation;
    default:
      throw new RangeError(`isolation: not one of PostgreSQL's: ${String(isolation)}`);
  }
}
