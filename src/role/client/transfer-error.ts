/**
 * - `busy`: too many transfers are under way here already; nothing was sent.
 * - `refused`: the initiators refused the request.
 * - `disagreement`: the initiators' answers differ, so that no `f + 1` of them say the same.
 * - `timeout`: not enough initiators answered in time.
 *
 * After the last two the transfer may or may not have been made.
 */
export type TransferErrorCode = 'busy' | 'refused' | 'disagreement' | 'timeout';

/** A transfer without a known outcome. */
export class TransferError extends Error {
  override readonly name = 'TransferError';

  constructor(
    readonly code: TransferErrorCode,
    message: string,
    /** What each initiator said or how it failed, as far as known; for people. */
    readonly details: readonly string[] = [],
  ) {
    super(details.length === 0 ? message : `${message} (${details.join('; ')})`);
  }
}
