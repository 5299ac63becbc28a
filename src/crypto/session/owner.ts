import { createPrivateKey, sign } from 'node:crypto';
import { type ClusterId, clientId, type Digest } from '../../vocabulary/ids.js';
import type {
  SessionHeader,
  SessionId,
  SessionOperation,
  SessionRun,
} from '../../vocabulary/session.js';
import type { Sign } from '../signer.js';
import { headsOf, ownerText, sessionIdOf } from './chain.js';

/** How far an owner has come in a session. */
export interface SessionChain {
  readonly header: SessionHeader;
  readonly session: SessionId;
  /** The number that the next operation will have. */
  readonly next: number;
  readonly head: Digest;
}

/** Signs as owners do. Throws `TypeError` unless the key (PKCS #8 in PEM) is on P-256. */
export function ownerSigner(privateKeyPem: string): Sign {
  const key = createPrivateKey(privateKeyPem);
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new TypeError('an owner signs with a key on P-256');
  }
  return (text) => new Uint8Array(sign('sha256', text, { key, dsaEncoding: 'ieee-p1363' }));
}

/** The header of a new session. `random`: 8 bytes. Later sessions of an owner need later times. */
export function newHeader(options: {
  readonly application: string;
  readonly owner: string;
  /** DER. */
  readonly certificate: Uint8Array;
  readonly nowMs: number;
  readonly random: Uint8Array;
}): SessionHeader {
  const { application, owner, certificate, nowMs, random } = options;
  const nonce = new Uint8Array(16);
  new DataView(nonce.buffer).setBigUint64(0, BigInt(Math.floor(nowMs)));
  nonce.set(random.subarray(0, 8), 8);
  return { application, owner: clientId(owner), certificate: new Uint8Array(certificate), nonce };
}

export function beginChain(cluster: ClusterId, header: SessionHeader): SessionChain {
  const session = sessionIdOf(cluster, header);
  return { header, session, next: 1, head: session };
}

/** Signs the next operations; returns the run, the head after each, and the chain after them. */
export function signRun(
  cluster: ClusterId,
  chain: SessionChain,
  operations: readonly SessionOperation[],
  signAsOwner: Sign,
): { readonly run: SessionRun; readonly heads: readonly Digest[]; readonly chain: SessionChain } {
  const { header, session, next: first, head: before } = chain;
  const heads = headsOf({ first, before, operations });
  const next = first + operations.length;
  const head = heads.at(-1) ?? before;
  const signature = signAsOwner(ownerText(cluster, session, next - 1, head));
  const run = { header, first, before, operations, signature };
  return { run, heads, chain: { header, session, next, head } };
}
