import { z } from 'zod';
import { durationField, isBaseUrl, isOrigin } from './cluster-file.js';

/** Origins that a participant may call besides its own machine. */
export const allowedOriginsMax = 16;

/** A service that speaks plain HTTP, as the participant in front of it knows it. */
export const httpServiceSchema = z
  .strictObject({
    url: z
      .string()
      .refine(
        isBaseUrl,
        'must be an http or https address without "/" at the end, query or fragment',
      ),
    allowedOrigins: z
      .array(z.string().refine(isOrigin, 'must be an origin: scheme://host:port'))
      .max(allowedOriginsMax, `must be at most ${allowedOriginsMax}`)
      .optional(),
    hasPrepare: z.boolean('must be true or false').optional(),
    timeoutMs: durationField.optional(),
    checkAfterMs: durationField.optional(),
    startTimeoutMs: durationField.optional(),
  })
  .refine(({ url, allowedOrigins = [] }) => mayCall(url, allowedOrigins), {
    path: ['url'],
    message: 'must be on 127.0.0.1 or [::1], or its origin must be in "allowedOrigins"',
  });

/** What is sent there has no signature: unless an operator says so, it stays on this machine. */
function mayCall(url: string, allowedOrigins: readonly string[]): boolean {
  if (!URL.canParse(url)) return true;
  const { hostname, origin } = new URL(url);
  const isLoopback = /^127\.\d+\.\d+\.\d+$/.test(hostname) || hostname === '[::1]';
  return isLoopback || allowedOrigins.includes(origin);
}
