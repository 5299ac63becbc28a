/** Bounds of the ordering messages; see `../limits.ts` for why there are any. */
export const orderingLimits = {
  /** Requests in one batch. */
  batchRequests: 4096,
  /**
   * Bytes of the payloads of one batch, also in a cycle's value: what a correct replica puts into one
   * (`batchBytesMax`, or one request), so that a liar's takes no more.
   */
  batchBytes: 1024 * 1024,
  /** Bytes of one request's payload. */
  payloadBytes: 1024 * 1024,
  /** Sequence numbers between the watermarks, so prepared certificates in a view change. */
  window: 1024,
  /** Complaints in one cycle's value. */
  complaints: 1024,
  /** One chunk of a snapshot, and the chunks of one: states of up to 1 GiB. */
  chunkBytes: 256 * 1024,
  chunks: 4096,
  /** One message, all included; a new view with many prepared certificates is the largest. */
  messageBytes: 16 * 1024 * 1024,
} as const;
