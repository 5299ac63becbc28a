import { z } from 'zod';
import { bytesOfBase64 } from '../../kernel/codec/base64.js';
import { type Digest, type ReplicaId, replicaId } from '../../kernel/ids.js';
import { applicationName, type CallResult, type SessionId, sessionLimits } from '../types.js';

// Values as JSON has them: digests and nonces in lower-case hexadecimal, other bytes in base64.

const digestField = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in lower-case hexadecimal');

export const digestText = digestField.transform((text) => text as Digest);
export const sessionIdField = digestField.transform((text) => text as SessionId);
export const replica = z
  .int()
  .min(0)
  .max(65_535)
  .transform((number): ReplicaId => replicaId(number));
export const sequenceField = z.int('must be a whole number').min(1, 'must be at least 1');
export const position = z.int().min(0);

/** Base64 in its one canonical form. */
export const base64 = z.string().transform((text, context) => {
  const bytes = bytesOfBase64(text);
  if (bytes === undefined) context.addIssue({ code: 'custom', message: 'must be base64' });
  return bytes ?? new Uint8Array();
});

/** Text that has UTF-8: half a surrogate pair has none, and would be hashed as another character. */
const wellFormed = z
  .string()
  .refine((text) => !/\p{Surrogate}/u.test(text), 'must be text in Unicode');

const encoder = new TextEncoder();

/** Of at most so many bytes of UTF-8. */
export function textUpTo(bytesMax: number) {
  const isShort = (text: string) => encoder.encode(text).length <= bytesMax;
  return wellFormed.refine(isShort, `must be at most ${bytesMax} bytes`);
}

const resultText = textUpTo(sessionLimits.payloadBytes);

export const callResult: z.ZodType<CallResult> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('done'), result: resultText }),
  z.object({ kind: z.literal('rejected'), reason: resultText }),
]);

export const applicationField = z
  .string()
  .refine(holds(applicationName), 'must be the name of an application');

/** Whether a parser that throws `RangeError` takes the text. */
function holds(parse: (text: string) => unknown): (text: string) => boolean {
  return (text) => {
    try {
      parse(text);
      return true;
    } catch (error) {
      if (error instanceof RangeError) return false;
      throw error;
    }
  };
}
