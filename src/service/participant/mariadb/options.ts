import type { SecureContextOptions } from 'node:tls';
import { type ClusterId, type ParticipantId, participantId } from '../../../kernel/ids.js';
import type { EnlistmentRef } from '../../../transaction/participant/messages.js';
import { ownerOf } from './xid.js';

/** Where the server is, in the words of the package `mariadb`. */
export interface MariadbConnection {
  readonly host?: string;
  readonly port?: number;
  /** A Unix socket in place of host and port. */
  readonly socketPath?: string;
  /** Where the participant's tables are, and its table of markers. */
  readonly database: string;
  readonly user?: string;
  readonly password?: string;
  readonly ssl?: boolean | (SecureContextOptions & { readonly rejectUnauthorized?: boolean });
}

/** How serializable the work of a call is; what InnoDB means by it. */
export type MariadbIsolation = 'read committed' | 'repeatable read' | 'serializable';

/** The settings of `mariadb`. */
export interface MariadbOptions {
  /**
   * The participant's id. It is part of the identifiers of its prepared transactions, and so is a digest of its cluster's id
   * and its database: change none of the three while something is in doubt.
   */
  readonly name: string;
  /** To the server itself: no proxy that shares connections in between, and no replica. */
  readonly connection: MariadbConnection;
  /** Calls that are at work at a time; 10 unless given, 256 at most. One more waits. Two more are for outcomes. */
  readonly connectionsMax?: number;
  /** How long a call waits for a connection before it is refused, in milliseconds; 5,000 unless given. */
  readonly connectionWaitMs?: number;
  /** `repeatable read` unless given. */
  readonly isolation?: MariadbIsolation;
  /**
   * `innodb_lock_wait_timeout` of the work: how long a statement waits for a lock, in milliseconds; 5,000 unless given.
   * The server counts whole seconds: it is rounded up.
   */
  readonly lockWaitMs?: number;
  /** `max_statement_time` of the work: how long a statement may take, in milliseconds; 30,000 unless given. */
  readonly statementMs?: number;
  /**
   * `wait_timeout` of the work: how long it waits for its next statement, or for the vote, in milliseconds; 60,000 unless
   * given. The server counts whole seconds: it is rounded up.
   */
  readonly idleMs?: number;
  /**
   * Called where the server did not let a call vote for its work, with the reason: votes to abort have none. Must not
   * throw.
   */
  readonly onAborted?: (ref: EnlistmentRef, reason: Error) => void;
}

/** The settings with all that was left out. */
export interface Settings {
  readonly participant: ParticipantId;
  /** What tells its transactions and locks from those of others at the server. */
  readonly owner: string;
  readonly connection: MariadbConnection;
  readonly connectionsMax: number;
  readonly connectionWaitMs: number;
  readonly isolation: MariadbIsolation;
  readonly lockWaitMs: number;
  readonly statementMs: number;
  readonly idleMs: number;
  readonly onAborted: (ref: EnlistmentRef, reason: Error) => void;
}

const limits = {
  connections: 10,
  connectionWaitMs: 5_000,
  lockWaitMs: 5_000,
  statementMs: 30_000,
  idleMs: 60_000,
};
/** What `connectionsMax` may be: so many locks a start looks at. */
export const slotsMax = 256;
/** A day, in milliseconds: the longest time among the settings. */
const timeMax = 86_400_000;

/** Throws `RangeError` where a setting is none. */
export function settingsOf(options: MariadbOptions, cluster?: ClusterId): Settings {
  const number = (name: keyof MariadbOptions, otherwise: number, most = timeMax) => {
    const value = options[name] ?? otherwise;
    if (typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= most) {
      return value;
    }
    throw new RangeError(`${name}: not a whole number from 1 to ${most}: ${String(value)}`);
  };
  const participant = participantId(options.name);
  const { connection } = options;
  return {
    ...{ participant, connection },
    owner: ownerOf(participant, connection.database, cluster),
    connectionsMax: number('connectionsMax', limits.connections, slotsMax),
    connectionWaitMs: number('connectionWaitMs', limits.connectionWaitMs),
    isolation: isolationOf(options.isolation),
    lockWaitMs: number('lockWaitMs', limits.lockWaitMs),
    statementMs: number('statementMs', limits.statementMs),
    idleMs: number('idleMs', limits.idleMs),
    onAborted: options.onAborted ?? (() => {}),
  };
}

/** It becomes part of a statement: only what the type names. */
function isolationOf(isolation: MariadbIsolation = 'repeatable read'): MariadbIsolation {
  switch (isolation) {
    case 'read committed':
    case 'repeatable read':
    case 'serializable':
      return isolation;
    default:
      throw new RangeError(`isolation: not one of InnoDB's: ${String(isolation)}`);
  }
}
