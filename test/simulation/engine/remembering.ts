import { createHash } from 'node:crypto';
import type { Sign } from '../../../src/kernel/keys.js';

/** Signatures remembered; of all replicas and some cycles. */
const REMEMBERED = 4096;

/** The same signature for the same bytes, as Ed25519 makes it, at a fraction of the cost. */
export function remembering(sign: Sign): Sign {
  const known = new Map<string, Uint8Array>();
  return (bytes) => {
    const key = createHash('sha256').update(bytes).digest('base64');
    const before = known.get(key);
    if (before) return before;
    const signature = sign(bytes);
    known.set(key, signature);
    const [oldest] = known.keys();
    if (known.size > REMEMBERED && oldest !== undefined) known.delete(oldest);
    return signature;
  };
}
