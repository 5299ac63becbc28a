import { randomBytes } from 'node:crypto';
import type { StoredRecord } from '../../kernel/core.js';
import { digest } from '../../kernel/ids.js';
import { lostStoreRecord, nonceOf } from '../../ordering/core/lost-store.js';

const MEMBER = 'member';

/**
 * What a replica's store of sessions holds before its first start, written together with its keys: it
 * has promised and voted nothing yet. A store without it is that of a replica that has lost its disk,
 * which does not know what it must not contradict.
 */
export const newSessionMember: readonly StoredRecord[] = [{ key: MEMBER, value: Uint8Array.of(1) }];

/** Whether the store is one that began so. */
export function isSessionMember(records: readonly StoredRecord[]): boolean {
  return records.some(({ key }) => key === MEMBER);
}

/** Whether the store took the place of one that was lost. */
export function isLostSessionMember(records: readonly StoredRecord[]): boolean {
  return nonceOf(records) !== undefined;
}

/** What an empty store is given that takes the place of a lost one. */
export function lostSessionMember(): readonly StoredRecord[] {
  return [lostStoreRecord(digest(randomBytes(32).toString('hex')))];
}
