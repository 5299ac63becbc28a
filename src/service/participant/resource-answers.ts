import type { ApplicationVote, ApplicationWrite } from '../../transaction/participant/messages.js';

/*
 * What a resource gives, seen at runtime: a module that the node's file names was not compiled here, and what is not as
 * its type says would end the core.
 */

/** Throws `RangeError` where it is no vote. */
export function checkedVote(vote: ApplicationVote): ApplicationVote {
  switch (vote.vote) {
    case 'prepared':
      if (!(vote.record instanceof Uint8Array)) throw new RangeError('the record is not bytes');
      return vote;
    case 'readOnly':
    case 'aborted':
      return vote;
    default:
      throw new RangeError('not a vote');
  }
}

/** None where the resource gives nothing. Throws `RangeError` where they cannot be stored. */
export function checkedWrites(
  writes: readonly ApplicationWrite[] | undefined,
): readonly ApplicationWrite[] {
  if (writes === undefined) return [];
  for (const { key, value } of writes) {
    const isKey = typeof key === 'string' && !/\p{Surrogate}/u.test(key);
    if (!isKey) throw new RangeError('the key of a write is not a text of whole letters');
    if (value !== null && !(value instanceof Uint8Array)) throw new RangeError('not bytes');
  }
  return writes;
}
