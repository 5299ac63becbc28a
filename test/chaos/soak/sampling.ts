import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Memory and disk of one process at one time. */
export interface Sample {
  readonly atMs: number;
  readonly rssBytes: number;
  readonly diskBytes: number;
}

const bytesOfKb = 1024;

/** Resident memory, from `/proc`. Throws where there is no such process, or no Linux. */
export function residentBytes(pid: number): number {
  const kb = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
  return Number(kb) * bytesOfKb;
}

/** Sizes of all files in a directory and below; 0 where there is none. */
export function bytesIn(directory: string): number {
  let bytes = 0;
  for (const entry of readdirSyncOrNone(directory)) {
    const path = join(directory, entry.name);
    // Files come and go while we look.
    if (entry.isDirectory()) bytes += bytesIn(path);
    else bytes += statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}

function readdirSyncOrNone(directory: string) {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    return [];
  }
}
