import type { ClusterId, Digest } from '../../vocabulary/ids.js';
import type {
  CallResult,
  HistoryStatement,
  SessionStanding,
  SessionStatement,
  SessionTransfer,
} from '../../vocabulary/session.js';
import type { Signed } from '../../vocabulary/statements.js';
import {
  encodeCallResult,
  encodeSessionStatement,
  encodeStanding,
  encodeTransfers,
} from '../../wire/session/index.js';
import { sha256 } from '../digest.js';
import type { Sign } from '../signer.js';

/** A statement as it travels: its bytes under this cluster, and the signature over them. */
export function signSession<S extends SessionStatement>(
  sign: Sign,
  cluster: ClusterId,
  statement: S,
): Signed<S> {
  const bytes = encodeSessionStatement(cluster, statement);
  return { statement, bytes, signature: sign(bytes) };
}

export function digestOfResult(result: CallResult): Digest {
  return sha256(encodeCallResult(result));
}

export function digestOfTransfers(transfers: readonly SessionTransfer[]): Digest {
  return sha256(encodeTransfers(transfers));
}

export function digestOfStanding(standing: SessionStanding): Digest {
  return sha256(encodeStanding(standing));
}

/** The history's digest after a position; the next one's `before`. */
export function digestOfHistory(cluster: ClusterId, statement: HistoryStatement): Digest {
  return sha256(encodeSessionStatement(cluster, statement));
}
