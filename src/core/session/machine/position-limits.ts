import { type CallResult, sessionLimits } from '../../../vocabulary/session.js';

const utf8 = new TextEncoder();
const { lanes, openOperations, payloadBytes, runOperations } = sessionLimits;

/** A run takes no further operations of a position that has so many outcomes, or bytes of results. */
const outcomesBeforeRun = 8000;
const bytesBeforeRun = 1024 * 1024;
/** Calls that waited for an order are not made once a position's results have so many bytes. */
const bytesBeforeReport = 4 * 1024 * 1024;
/** Characters of operations that wait for orders, of all sessions together. */
const waitingLength = 1024 * 1024;
/** Bytes of the machine's own words for a call that it does not make. */
const ownWordsBytes = 64;
/** Each lane's open order may end in one position; the next one opens after it. */
const settledByReports = lanes * openOperations;
const outcomes = outcomesBeforeRun + runOperations + settledByReports;

/**
 * What becomes final in one position, derived from what brings it, so that its outcomes always fit into one
 * message (`SessionMessage`'s `final`), and each one into a proof.
 */
export const positionLimits = {
  outcomesBeforeRun,
  bytesBeforeRun,
  bytesBeforeReport,
  waitingLength,
  outcomes,
  /** Of all results: those of calls, with the last run and the last call; what waited, in UTF-8; refused calls. */
  bytes:
    bytesBeforeReport +
    (runOperations + 1) * payloadBytes +
    3 * (waitingLength + payloadBytes) +
    lanes * payloadBytes +
    outcomes * ownWordsBytes,
} as const;

/** Bytes of a result's text. */
export function resultBytes(result: CallResult): number {
  return utf8.encode(result.kind === 'done' ? result.result : result.reason).length;
}
