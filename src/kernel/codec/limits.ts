/** Enlistments of one transaction, all participants together: what one certificate may hold. */
export const enlistmentsMax = 256;

/**
 * What one message may hold. Far above what a transfer needs, and low enough that a Byzantine sender
 * cannot make a replica allocate without bound. A length is checked against what is left of the input
 * before anything of that length is made.
 */
export const limits = {
  /** Replicas, and likewise initiators: `f` up to 21. Bounds every list with one entry for each. */
  replicas: 64,
  /** Enlistments of one transaction. Each record is some 1 kB where `f` is 1; for the most see `sizes.ts`. */
  participants: enlistmentsMax,
  /** Open slots that one view change can carry, where they have room in its share of a new view. */
  preparedCertificates: 4096,
  /** Entries on one page of an inventory, some 60 kB. */
  inventoryEntries: 2048,
  /** Floors on one page of an inventory, each shown by `f + 1` requests: 140 kB where `f` is 1, 1.6 MB at the most. */
  inventoryFloors: 256,
  /** UTF-8 bytes of a participant's address. */
  addressBytes: 512,
  /** ASCII bytes of a name, client id or enlistment id; the last is the longest of them. */
  nameBytes: 127,
  /** One peer message, all included. A new-view of many open slots is the largest: `newViewBytesMax`. */
  peerMessageBytes: 16 * 1024 * 1024,
} as const;
