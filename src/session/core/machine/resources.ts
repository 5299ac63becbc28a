import { ConcordatError, type NoData, noData } from '../../../kernel/error.js';
import { type CallResult, sessionLimits } from '../../types.js';

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
/** Brackets within brackets in a payload: what reads it may need stack for each. */
const payloadDepthMax = 64;

/** What one call may do to the state. The counts are the same at every replica. */
export const workLimits = {
  /** Reads and writes, and keys listed. */
  accesses: 10_000,
  /** Characters of keys and values written. */
  writtenLength: 1024 * 1024,
} as const;

/**
 * The application ran out of stack or memory at this replica, or threw what is no error. How much of that there
 * is differs from replica to replica, so it must not become an outcome: the replica stops.
 */
export class ApplicationFault extends ConcordatError<'application-failed', NoData> {
  override readonly name = 'ApplicationFault';
  readonly code = 'application-failed';
  readonly data = noData;

  /** Throws where the error is one of those. */
  static check(error: unknown): void {
    const isOfCode = error instanceof Error && !resourceErrors.has(error.name);
    if (isOfCode) return;
    throw new ApplicationFault(`the application failed: ${String(error)}`, { cause: error });
  }
}

/** What V8 and others throw for a full stack, and for strings, arrays and buffers that are too large. */
const resourceErrors = new Set(['RangeError', 'InternalError', 'ApplicationFault']);

/** Whether the payload nests brackets deeper than any application reads, whatever else it holds. */
export function isTooDeep(payload: string): boolean {
  let depth = 0;
  for (let index = 0; index < payload.length; index += 1) {
    const letter = payload[index];
    if (letter === '[' || letter === '{') depth += 1;
    else if (letter === ']' || letter === '}') depth -= 1;
    if (depth > payloadDepthMax) return true;
  }
  return false;
}
