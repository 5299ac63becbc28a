import { type SessionRun, sessionLimits } from '../../vocabulary/session.js';
import { WireError } from '../../wire/index.js';
import { encodeRun, RunSizeError } from '../../wire/session/index.js';
import { SessionProblemError } from './problem.js';

const { runOperations, payloadBytes, certificateBytes } = sessionLimits;

/** Throws `SessionProblemError` (`too-large`), which says what is too large and what to do about it. */
export function requireSize(run: SessionRun): void {
  const { first, header, operations } = run;
  if (operations.length > runOperations) {
    const count = `${operations.length} operations in a run; at most ${runOperations}`;
    throw tooLarge(`${count}: send the rest in further runs`);
  }
  if (header.certificate.length > certificateBytes) {
    throw tooLarge(`the certificate has more than ${certificateBytes} bytes: use a smaller one`);
  }
  for (const [index, operation] of operations.entries()) {
    const bytes = operation.kind === 'call' ? Buffer.byteLength(operation.payload) : 0;
    if (bytes > payloadBytes) {
      const size = `operation ${first + index} has ${bytes} bytes; at most ${payloadBytes}`;
      throw tooLarge(`${size}: split what it does`);
    }
  }
  requireRunSize(run);
}

function requireRunSize(run: SessionRun): void {
  try {
    encodeRun(run);
  } catch (error) {
    if (error instanceof RunSizeError) throw tooLarge(`${error.message}: send several`);
    // What else is wrong with it is for the verification to say.
    if (!(error instanceof WireError)) throw error;
  }
}

function tooLarge(reason: string): SessionProblemError {
  return new SessionProblemError({ code: 'too-large', reason });
}
