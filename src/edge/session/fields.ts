import { z } from 'zod';
import { type Digest, type ReplicaId, replicaId } from '../../vocabulary/ids.js';
import { applicationName, type CallResult, type SessionId } from '../../vocabulary/session.js';

// Values as JSON has them: digests and nonces in lower-case hexadecimal, other bytes in base64.

const digestField = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in lower-case hexadecimal');

export const digest = digestField.transform((text) => text as Digest);
export const sessionIdField = digestField.transform((text) => text as SessionId);
export const replica = z
  .int()
  .min(0)
  .max(65_535)
  .transform((number): ReplicaId => replicaId(number));
export const sequenceField = z.int('must be a whole number').min(1, 'must be at least 1');
export const position = z.int().min(0);

export const applicationField = z
  .string()
  .refine(holds(applicationName), 'must be the name of an application');

/** Base64 in its one canonical form. */
export const base64 = z
  .string()
  .refine((text) => Buffer.from(text, 'base64').toString('base64') === text, 'must be base64')
  .transform((text) => new Uint8Array(Buffer.from(text, 'base64')));

export const callResult: z.ZodType<CallResult> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('done'), result: z.string() }),
  z.object({ kind: z.literal('rejected'), reason: z.string() }),
]);

export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

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
