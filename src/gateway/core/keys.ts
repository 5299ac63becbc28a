import type { EnlistmentKey } from './messages.js';

const volatileMark = 'V-';

/** Begins the key of a volatile participant, which has no right to the outcome of what is forgotten. */
export function enlistmentKey(protocol: 'volatile' | 'durable', secret: string): EnlistmentKey {
  return `${protocol === 'volatile' ? volatileMark : 'D-'}${secret}` as EnlistmentKey;
}

export function isVolatileKey(key: EnlistmentKey): boolean {
  return key.startsWith(volatileMark);
}

/** The peer that a key was made for; `undefined` where that does not sign. */
export function peerOf(key: string): string | undefined {
  const end = key.indexOf('.');
  return end < 0 ? undefined : key.slice(end + 1);
}
