/** Bounds of what is said about sessions; see `../limits.ts` for why there are any. */
export const sessionWireLimits = {
  /** One message, all included; a position's outcomes are the largest. */
  messageBytes: 16 * 1024 * 1024,
  /** Digests on the way from a leaf to the root. */
  pathDigests: 32,
  /** UTF-8 bytes of a currency's code. */
  currencyBytes: 8,
} as const;
