import type { ParticipantId } from '../vocabulary/ids.js';
import type { Signer } from './keyring.js';

/** Why something signed is not believed. */
export type VerificationError =
  /** The cluster file names no such party. */
  | { readonly code: 'unknown-signer'; readonly signer: Signer }
  | { readonly code: 'bad-signature'; readonly signer: Signer }
  /** The signature may be good, but the rule calls for somebody else's. */
  | { readonly code: 'wrong-signer'; readonly signer: Signer; readonly rule: string }
  /** A phase or slot of another kind than belongs here. */
  | { readonly code: 'wrong-kind'; readonly expected: string; readonly found: string }
  /** Too few, or where the number is fixed, too many. */
  | {
      readonly code: 'wrong-count';
      readonly what: string;
      readonly count: number;
      readonly needed: number;
    }
  /** A list that means a set is not sorted, or names somebody twice. */
  | { readonly code: 'unordered'; readonly what: string }
  /** Two things that must say the same do not. */
  | { readonly code: 'mismatch'; readonly what: string }
  /** A participant registers without the invitations that it takes. */
  | {
      readonly code: 'uninvited';
      readonly participant: ParticipantId;
      readonly reason: string;
    }
  /** The outcome does not follow from its certificate. */
  | { readonly code: 'unfounded-outcome'; readonly reason: string };

/** What a check found wrong, if anything. Checks chain with `??`, the cheap ones first. */
export type Finding = VerificationError | undefined;

export function mismatchUnless(same: boolean, what: string): Finding {
  return same ? undefined : { code: 'mismatch', what };
}

export function kindUnless<Kind extends string>(expected: Kind, found: Kind): Finding {
  return found === expected ? undefined : { code: 'wrong-kind', expected, found };
}

export function atLeast(needed: number, items: readonly unknown[], what: string): Finding {
  const count = items.length;
  return count >= needed ? undefined : { code: 'wrong-count', what, count, needed };
}

export function exactly(needed: number, items: readonly unknown[], what: string): Finding {
  const count = items.length;
  return count === needed ? undefined : { code: 'wrong-count', what, count, needed };
}

/** Sorted by key, no key twice. */
export function rising(keys: readonly (number | string)[], what: string): Finding {
  const inOrder = keys.every((key, index) => {
    const previous = keys[index - 1];
    return previous === undefined || previous < key;
  });
  return inOrder ? undefined : { code: 'unordered', what };
}

export function distinct(keys: readonly unknown[], what: string): Finding {
  return new Set(keys).size === keys.length ? undefined : { code: 'unordered', what };
}

/** The first finding among the items, in their order; looks no further. */
export function firstFinding<T>(items: readonly T[], check: (item: T) => Finding): Finding {
  for (const item of items) {
    const finding = check(item);
    if (finding !== undefined) return finding;
  }
  return undefined;
}
