import type { ClusterId, Digest } from '../../vocabulary/ids.js';
import type {
  Batch,
  CycleValue,
  OrderingStatement,
  SnapshotManifest,
} from '../../vocabulary/ordering.js';
import type { Signed } from '../../vocabulary/statements.js';
import {
  encodeBatch,
  encodeCycleValue,
  encodeManifest,
  encodeOrderingStatement,
} from '../../wire/ordering/index.js';
import { sha256 } from '../digest.js';
import type { Sign } from '../signer.js';

/** A statement as it travels: its bytes under this cluster, and the signature over them. */
export function signOrdering<S extends OrderingStatement>(
  sign: Sign,
  cluster: ClusterId,
  statement: S,
): Signed<S> {
  const bytes = encodeOrderingStatement(cluster, statement);
  return { statement, bytes, signature: sign(bytes) };
}

export function digestOfBatch(batch: Batch): Digest {
  return sha256(encodeBatch(batch));
}

/** What a checkpoint is signed for. */
export function digestOfManifest(manifest: SnapshotManifest): Digest {
  return sha256(encodeManifest(manifest));
}

export function digestOfCycleValue(value: CycleValue): Digest {
  return sha256(encodeCycleValue(value));
}
