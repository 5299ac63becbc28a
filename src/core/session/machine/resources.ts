/** Brackets within brackets in a payload: what reads it may need stack for each. */
export const payloadDepthMax = 64;

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
export class ApplicationFault extends Error {
  override readonly name = 'ApplicationFault';

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
