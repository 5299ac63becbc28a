import { hash, type KeyObject, verify, X509Certificate } from 'node:crypto';
import type { Cluster } from '../../vocabulary/cluster.js';
import type { ClusterId } from '../../vocabulary/ids.js';

/** Who holds a certificate that the cluster's authority issued to a client. */
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
