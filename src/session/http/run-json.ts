import { z } from 'zod';
import { base64Of } from '../../kernel/codec/base64.js';
import { WireError } from '../../kernel/codec/bytes.js';
import { clientId, type Digest } from '../../kernel/ids.js';
import { encodeRun, RunSizeError } from '../run.js';
import { type SessionRun, sessionLimits } from '../types.js';
import { applicationField, base64, digestText, sequenceField } from './fields.js';
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

const operation = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('call'), payload: z.string() }),
  z.strictObject({ kind: z.literal('end') }),
]);

const run = z.strictObject({
  header: z.strictObject({
    application: applicationField,
    owner: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'must be a name'),
    certificate: base64,
    nonce: z.string().regex(/^[0-9a-f]{32}$/, 'must be 16 bytes in lower-case hexadecimal'),
  }),
  first: sequenceField,
  before: digestText,
  operations: z.array(operation).min(1, 'must not be empty'),
  signature: base64,
});

const submission = z.strictObject({ run, commit: z.boolean().default(false) });

/** What a client hands in, and whether to order it at once. */
export interface RunSubmission {
  readonly run: SessionRun;
  readonly commit: boolean;
}

export function submissionJson({
  run: { header, signature, ...rest },
  commit,
}: RunSubmission): object {
  const { application, owner, certificate, nonce } = header;
  return {
    run: {
      header: {
        application,
        owner,
        certificate: base64Of(certificate),
        nonce: Buffer.from(nonce).toString('hex'),
      },
      ...rest,
      signature: base64Of(signature),
    },
    commit,
  };
}

/** Throws `SessionProblemError` (`malformed`), which names the field. Checks no signature and no size. */
export function readSubmission(json: unknown): RunSubmission {
  const { run, commit } = checked(submission, json);
  const { header, first, before, operations, signature } = run;
  return {
    run: {
      header: {
        application: header.application,
        owner: clientId(header.owner),
        certificate: header.certificate,
        nonce: new Uint8Array(Buffer.from(header.nonce, 'hex')),
      },
      first,
      before: before as Digest,
      operations,
      signature,
    },
    commit,
  };
}

/** Throws `SessionProblemError` (`malformed`) with the first fault. */
export function checked<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [fault] = parsed.error.issues;
  const where = fault?.path.map(String).join('.') ?? '';
  const reason = where === '' ? `${fault?.message}` : `${where}: ${fault?.message}`;
  throw new SessionProblemError({ code: 'malformed', reason });
}
