import { createPrivateKey, hash, type KeyObject, sign, verify, X509Certificate } from 'node:crypto';
import {
  type Finding,
  mismatchUnless,
  type VerificationError,
} from '../agreement/check-signature.js';
import type { Cluster } from '../kernel/cluster.js';
import { WireError } from '../kernel/codec/bytes.js';
import { type ClusterId, clientId, type Digest, failed, ok, type Result } from '../kernel/ids.js';
import type { Sign } from '../kernel/keys.js';
import { encodeRun, headsOf, ownerText, sessionIdOf } from './run.js';
import {
  lastOf,
  type SessionHeader,
  type SessionId,
  type SessionOperation,
  type SessionRun,
  type VerifiedRun,
} from './types.js';

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

/** An owner's certificate (DER), and how it signs. */
export interface OwnerKeys {
  readonly certificate: Uint8Array;
  readonly sign: Sign;
}

interface OwnerCredentials {
  readonly certificate: string;
  readonly privateKey: string;
}

/** Reading keys takes longer than signing with them, and an owner has many sessions. */
const ownerKeys = new WeakMap<OwnerCredentials, OwnerKeys>();

/** What an owner's certificate and key (PEM) hold. Throws as `ownerSigner`. */
export function ownerKeysOf(credentials: OwnerCredentials): OwnerKeys {
  const known = ownerKeys.get(credentials);
  if (known) return known;
  const certificate = new X509Certificate(credentials.certificate).raw;
  const keys = { certificate, sign: ownerSigner(credentials.privateKey) };
  ownerKeys.set(credentials, keys);
  return keys;
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

/** The holder of a certificate that the cluster's authority issued to a client. */
export interface Owner {
  readonly name: string;
  readonly publicKey: KeyObject;
  /** When the certificate is in force: milliseconds since 1970. */
  readonly validFromMs: number;
  readonly validToMs: number;
}

const certificatesRemembered = 1024;
/** Enough for what is under way at once: an operation is verified up to three times. */
const signaturesRemembered = 16_384;
const ownerNameForm = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** The clients of a cluster, by their certificates. Remembers, within bounds, what it has verified. */
export class Owners {
  readonly cluster: ClusterId;
  readonly #authority: X509Certificate;
  readonly #known = new RecentMap<Owner>(certificatesRemembered);
  readonly #verified = new RecentMap<true>(signaturesRemembered);

  private constructor(cluster: Cluster) {
    this.cluster = cluster.id;
    this.#authority = new X509Certificate(cluster.authority);
  }

  /** Throws where the cluster's authority is no certificate. */
  static of(cluster: Cluster): Owners {
    return new Owners(cluster);
  }

  /** Whose certificate (DER) it is, now or formerly; `undefined` where it is no client's. */
  ownerOf(certificate: Uint8Array): Owner | undefined {
    const key = hash('sha256', certificate, 'base64');
    const known = this.#known.get(key);
    if (known) return known;
    const owner = this.#read(certificate);
    if (owner) this.#known.set(key, owner);
    return owner;
  }

  /** Whether the owner signed the text: ECDSA with SHA-256, IEEE P1363. */
  verifies(owner: Owner, text: Uint8Array, signature: Uint8Array): boolean {
    const { publicKey: key, name } = owner;
    const memory = hash(
      'sha256',
      Buffer.concat([Buffer.from(`${name}\n`), signature, text]),
      'base64',
    );
    if (this.#verified.get(memory)) return true;
    if (!verify('sha256', text, { key, dsaEncoding: 'ieee-p1363' }, signature)) return false;
    this.#verified.set(memory, true);
    return true;
  }

  #read(der: Uint8Array): Owner | undefined {
    let certificate: X509Certificate;
    try {
      certificate = new X509Certificate(der);
    } catch {
      return undefined;
    }
    const { publicKey } = certificate;
    const isIssued =
      certificate.checkIssued(this.#authority) && certificate.verify(this.#authority.publicKey);
    const isP256 = publicKey.asymmetricKeyDetails?.namedCurve === 'prime256v1';
    // A name that is there twice comes as an array.
    const { OU, CN }: Readonly<Record<string, unknown>> = certificate.toLegacyObject().subject;
    const isClient = OU === 'client' && typeof CN === 'string' && ownerNameForm.test(CN);
    if (!isIssued || !isP256 || !isClient) return undefined;
    const validFromMs = Date.parse(certificate.validFrom);
    const validToMs = Date.parse(certificate.validTo);
    return { name: CN, publicKey, validFromMs, validToMs };
  }
}

/** A map that forgets what was put in first. */
export class RecentMap<Value> {
  readonly #max: number;
  readonly #entries = new Map<string, Value>();

  constructor(max: number) {
    this.#max = max;
  }

  get(key: string): Value | undefined {
    return this.#entries.get(key);
  }

  set(key: string, value: Value): void {
    this.#entries.set(key, value);
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > this.#max && oldest !== undefined) this.#entries.delete(oldest);
  }
}

/**
 * Checks a run's form and bounds, that the certificate is the owner's and a client's of the cluster, and
 * that the owner signed the last head. Whether it fits the session is the core's to judge.
 */
export function verifyRun(owners: Owners, run: SessionRun): Result<VerifiedRun, VerificationError> {
  const form = formOf(run);
  if (form) return failed(form);
  const session = sessionIdOf(owners.cluster, run.header);
  const heads = headsOf(run);
  const finding =
    mismatchUnless(run.first > 1 || run.before === session, 'session and head before a run') ??
    signatureOf(owners, run, ownerText(owners.cluster, session, lastOf(run), lastHead(run, heads)));
  return finding ? failed(finding) : ok({ run, session, heads } as unknown as VerifiedRun);
}

function lastHead(run: SessionRun, heads: readonly Digest[]): Digest {
  return heads.at(-1) ?? run.before;
}

function formOf(run: SessionRun): Finding {
  try {
    encodeRun(run);
  } catch (error) {
    if (error instanceof WireError) return { code: 'mismatch', what: `form: ${error.message}` };
    throw error;
  }
  return mismatchUnless(Number.isSafeInteger(lastOf(run) + 1), 'numbers of a run');
}

function signatureOf(owners: Owners, run: SessionRun, text: Uint8Array): Finding {
  const owner = owners.ownerOf(run.header.certificate);
  if (!owner) return { code: 'mismatch', what: 'certificate and authority' };
  return (
    mismatchUnless(owner.name === run.header.owner, 'certificate and owner') ??
    mismatchUnless(owners.verifies(owner, text, run.signature), 'signature and owner')
  );
}
