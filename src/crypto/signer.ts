import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import type { ClusterId } from '../vocabulary/ids.js';
import type { Signed } from '../vocabulary/statements.js';
import { type AnyStatement, encodeStatement } from '../wire/index.js';

/** Signs bytes with one party's statement key. Deterministic (RFC 8032). */
export type Sign = (bytes: Uint8Array) => Uint8Array;

/** A signer for a PKCS #8 key in PEM. Throws `TypeError` unless it is an Ed25519 key. */
export function ed25519Signer(privateKeyPem: string): Sign {
  const key = createPrivateKey(privateKeyPem);
  if (key.asymmetricKeyType !== 'ed25519') {
    throw new TypeError(`a statement key is an Ed25519 key, not ${key.asymmetricKeyType}`);
  }
  return (bytes) => new Uint8Array(sign(null, bytes, key));
}

/** A statement as it travels: its bytes under this cluster, and the signature over them. */
export function signStatement<S extends AnyStatement>(
  sign: Sign,
  cluster: ClusterId,
  statement: S,
): Signed<S> {
  const bytes = encodeStatement(cluster, statement);
  return { statement, bytes, signature: sign(bytes) };
}

/** A fresh statement key: the secret in PEM (PKCS #8), the public key as 64 hexadecimal digits. */
export function generateStatementKey(): { privateKeyPem: string; publicKeyHex: string } {
  const { privateKey } = generateKeyPairSync('ed25519');
  const privateKeyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return { privateKeyPem, publicKeyHex: publicStatementKey(privateKeyPem) };
}

/** The raw public key of a statement key, 64 hexadecimal digits, as the cluster file lists it. */
export function publicStatementKey(privateKeyPem: string): string {
  const spki = createPublicKey(privateKeyPem).export({ type: 'spki', format: 'der' });
  return spki.subarray(-32).toString('hex');
}
