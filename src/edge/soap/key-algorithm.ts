import type { KeyObject } from 'node:crypto';
import { algorithms } from './vocabulary.js';

const rsaBitsMin = 2048;
const rsaBitsMax = 8192;

/** The one signature algorithm for a key. Throws `TypeError` where it is neither P-256 nor RSA. */
export function signatureMethodOf(key: KeyObject): string {
  const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'ec' && namedCurve === 'prime256v1') return algorithms.ecdsaSha256;
  if (
    key.asymmetricKeyType === 'rsa' &&
    modulusLength >= rsaBitsMin &&
    modulusLength <= rsaBitsMax
  ) {
    return algorithms.rsaSha256;
  }
  throw new TypeError('the key must be P-256, or RSA of 2048 to 8192 bits');
}
