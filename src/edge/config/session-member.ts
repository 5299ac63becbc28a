import type { StoredRecord } from '../../core/effects.js';

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
