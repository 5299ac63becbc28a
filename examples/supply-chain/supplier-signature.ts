import { createPublicKey, verify } from 'node:crypto';
import { LRUCache } from 'lru-cache';

/** What a supplier says of a package and signs. */
export interface PackageStatement {
  readonly package: string;
  readonly supplier: string;
  readonly contents: string;
  readonly weightGrams: number;
}

/** The text whose UTF-8 bytes the supplier signs with Ed25519. */
export function packageText(statement: PackageStatement): string {
  const { package: id, supplier, contents, weightGrams } = statement;
  return `concordat/1 supply-chain package\n${id}\n${supplier}\n${weightGrams}\n${contents}`;
}

/** Each step is simulated and applied at every replica, and one process may hold several of them. */
const known = new LRUCache<string, boolean>({ max: 4096 });

/** Whether the signature (hex) is that of the raw Ed25519 public key (hex) over the statement. */
export function isSupplierSignature(
  statement: PackageStatement,
  publicKey: string,
  signature: string,
): boolean {
  const text = packageText(statement);
  const question = `${publicKey}${signature}${text}`;
  let answer = known.get(question);
  if (answer === undefined) {
    const x = Buffer.from(publicKey, 'hex').toString('base64url');
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    answer = verify(null, Buffer.from(text), key, Buffer.from(signature, 'hex'));
    known.set(question, answer);
  }
  return answer;
}
