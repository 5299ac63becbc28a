import { z } from 'zod';
import { ConcordatError } from '../../kernel/error.js';
import { unreachable } from '../../kernel/ids.js';
import type { SessionRefusal } from '../core/outbox.js';

/** Why a request about sessions is not done. */
export type SessionProblem =
  | SessionRefusal
  | { readonly code: 'malformed'; readonly reason: string }
  /** The run is not signed by its owner, or the owner is no client of the cluster's authority. */
  | { readonly code: 'not-owner'; readonly reason: string }
  /** `reason` says what may be how large, and what to do. */
  | { readonly code: 'too-large'; readonly reason: string }
  | { readonly code: 'unknown-key' };

/** Thrown to answer a request with its problem, or received as an answer. */
export class SessionProblemError extends ConcordatError<SessionProblem['code'], SessionProblem> {
  override readonly name = 'SessionProblemError';
  readonly code: SessionProblem['code'];

  constructor(readonly data: SessionProblem) {
    super(describe(data));
    this.code = data.code;
  }
}

/** HTTP status of an answer that carries the problem. */
export function httpStatusOf({ code }: SessionProblem): number {
  switch (code) {
    case 'malformed':
      return 400;
    case 'not-owner':
      return 403;
    case 'unknown-application':
    case 'unknown-session':
    case 'unknown-key':
      return 404;
    case 'gap':
    case 'conflict':
    case 'ended':
      return 409;
    case 'too-large':
      return 413;
    case 'busy':
      return 429;
    case 'unavailable':
      return 503;
    default:
      return unreachable(code);
  }
}

export function problemJson(problem: SessionProblem): object {
  const { code, ...fields } = problem;
  return { error: code, message: describe(problem), ...fields };
}

const problemSchema = z.discriminatedUnion('error', [
  z.object({ error: z.literal('gap'), next: z.int().min(1) }),
  z.object({ error: z.literal('conflict'), sequence: z.int().min(1) }),
  z.object({ error: z.literal('ended') }),
  z.object({ error: z.literal('unknown-application'), name: z.string() }),
  z.object({ error: z.literal('unknown-session') }),
  z.object({ error: z.literal('unknown-key') }),
  z.object({ error: z.literal('busy'), retryAfterMs: z.number().min(0), reason: z.string() }),
  z.object({ error: z.literal('malformed'), reason: z.string() }),
  z.object({ error: z.literal('not-owner'), reason: z.string() }),
  z.object({ error: z.literal('too-large'), reason: z.string() }),
  z.object({ error: z.literal('unavailable'), reason: z.string() }),
]);

/** The problem that an answer carries; `undefined` where it is none that we know. */
export function readProblem(json: unknown): SessionProblem | undefined {
  const parsed = problemSchema.safeParse(json);
  if (!parsed.success) return undefined;
  const { error: code, ...fields } = parsed.data;
  return { code, ...fields } as SessionProblem;
}

function describe(problem: SessionProblem): string {
  switch (problem.code) {
    case 'gap':
      return `operations from ${problem.next} on are missing here; send them, too`;
    case 'conflict':
      return `another operation has the number ${problem.sequence}, or the heads do not fit`;
    case 'ended':
      return 'the session has ended; start another';
    case 'unknown-application':
      return `there are no sessions for "${problem.name}" here`;
    case 'unknown-session':
      return 'no such session is known here';
    case 'unknown-key':
      return 'the application has nothing under this key';
    case 'busy':
      return `too much is under way: ${problem.reason}; try again in ${problem.retryAfterMs} ms`;
    case 'too-large':
    case 'malformed':
    case 'not-owner':
    case 'unavailable':
      return problem.reason;
    default:
      return unreachable(problem);
  }
}
