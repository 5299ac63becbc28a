import { readAll } from '../../../src/kernel/codec/bytes.js';
import type { Digest } from '../../../src/kernel/ids.js';
import type { Signed } from '../../../src/kernel/signed.js';
import { decodeReports } from '../../../src/ordering/report-codec.js';
import type { ReportStatement } from '../../../src/ordering/types.js';
import type { Cast } from '../kit/cast.js';

/** How a replica's disk says that a cycle was decided. */
export interface DecidedRecord {
  readonly cycle: number;
  readonly vector: readonly (Digest | null)[];
  /** What proves it, where the fast path was taken. */
  readonly reports: readonly Signed<ReportStatement>[] | undefined;
}

const decidedKey = /^antipaxos\/decided\/(\d+)$/;
const DIGEST_BYTES = 32;

/** Reads the form on disk of a decided cycle; undefined for any other record. */
export function readDecided(
  { cluster }: Pick<Cast, 'cluster'>,
  key: string,
  bytes: Uint8Array,
): DecidedRecord | undefined {
  const found = decidedKey.exec(key);
  if (!found) return undefined;
  const cycle = Number(found[1]);
  return readAll(bytes, (reader) => {
    if (reader.flag()) {
      const reports = decodeReports(cluster.id, reader.bytes());
      const vector = reports[0]?.statement.entries.map((entry) => entry?.digest ?? null) ?? [];
      return { cycle, vector, reports };
    }
    const vector = Array.from({ length: cluster.resilience.n }, () =>
      reader.flag() ? (reader.hex(DIGEST_BYTES) as Digest) : null,
    );
    return { cycle, vector, reports: undefined };
  });
}
