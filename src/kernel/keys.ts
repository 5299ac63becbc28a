import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { type PlainSignature, plainSignature } from './batch.js';
import type { AgreementName, Cluster, Member } from './cluster.js';
import { costs } from './costs.js';
import { sha256 } from './digest.js';
import type { Digest, InitiatorId, ParticipantId, ReplicaId, Resilience } from './ids.js';
import { ofParticipants } from './participants.js';
import type { Signer, Verifier } from './verifier.js';

/** SubjectPublicKeyInfo of Ed25519 up to the raw key (RFC 8410 §4). */
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex');
/** Enough for some thousand open transactions; some 15 MB when full. */
const rememberedSignatures = 32_768;

/** A signature that holds. */
export interface ProvedSignature {
  /** Whose it is. */
  readonly signer: Signer;
  /** A character for each byte. */
  readonly signature: string;
  /** Of the bytes that it is over. */
  readonly digest: Digest;
}

/**
 * The statement keys of a cluster, and a bounded memory of the signatures that they verified: the same
 * statement comes in several messages and certificates, and Ed25519 is what verification costs.
 *
 * @example
 * ```ts
 * import { loadCluster } from 'concordat/client';
 * import { Keyring } from 'concordat/ordering';
 *
 * const keyring = Keyring.of(await loadCluster('cluster.json'));
 * console.log(`${keyring.resilience.f} replicas may lie`);
 * ```
 */
export class Keyring implements Verifier {
  static readonly #shared = new WeakMap<Cluster, Keyring>();
  readonly cluster: Cluster;
  readonly #replicas: ReadonlyMap<ReplicaId, KeyObject>;
  readonly #initiators: ReadonlyMap<InitiatorId, KeyObject>;
  readonly #participants: () => ReadonlyMap<ParticipantId, KeyObject>;
  /** By the signature: under which key it held, and over what. A digest, as a statement may have megabytes. */
  readonly #verified = new LRUCache<string, { key: KeyObject; digest: Digest }>({
    max: rememberedSignatures,
  });

  readonly #onProved: ((proved: ProvedSignature) => void) | undefined;

  private constructor(cluster: Cluster, onProved?: (proved: ProvedSignature) => void) {
    this.cluster = cluster;
    this.#onProved = onProved;
    this.#replicas = keysById(cluster.coordinators);
    this.#initiators = keysById(cluster.initiators);
    this.#participants = ofParticipants(cluster, keysById);
  }

  /**
   * Throws `TypeError` where a member's statement key is not 64 hexadecimal digits. `onProved` receives each signature that
   * was checked and holds.
   */
  static of(cluster: Cluster, onProved?: (proved: ProvedSignature) => void): Keyring {
    return new Keyring(cluster, onProved);
  }

  /** One for all that come and go in this process, such as clients. Throws as `of`. */
  static shared(cluster: Cluster): Keyring {
    const keyring = Keyring.#shared.get(cluster) ?? Keyring.of(cluster);
    Keyring.#shared.set(cluster, keyring);
    return keyring;
  }

  get resilience(): Resilience {
    return this.cluster.resilience;
  }

  get agreement(): AgreementName {
    return this.cluster.agreement;
  }

  replica(id: ReplicaId): KeyObject | undefined {
    return this.#replicas.get(id);
  }

  initiator(id: InitiatorId): KeyObject | undefined {
    return this.#initiators.get(id);
  }

  participant(id: ParticipantId): KeyObject | undefined {
    return this.#participants().get(id);
  }

  knows(signer: Signer): boolean {
    return this.#keyOf(signer) !== undefined;
  }

  #keyOf(signer: Signer): KeyObject | undefined {
    switch (signer.role) {
      case 'replica':
        return this.replica(signer.id);
      case 'initiator':
        return this.initiator(signer.id);
      case 'participant':
        return this.participant(signer.id);
    }
  }

  /** Whether the party is known and the signature is its own. Only what verified is remembered. */
  verifies(signer: Signer, bytes: Uint8Array, signature: Uint8Array): boolean {
    const key = this.#keyOf(signer);
    if (key === undefined) return false;
    const text = new SignedText(bytes, signature);
    if (this.#remembers(key, text)) return true;
    const plain = plainSignature(bytes, signature);
    if (plain === undefined) return false;
    if (plain.signature.length === signature.length) return this.#check(signer, key, plain, text);
    // Those of one batch come down to one signature, which is checked once.
    const root = new SignedText(plain.bytes, plain.signature);
    if (!this.#remembers(key, root) && !this.#check(signer, key, plain, root)) return false;
    this.#keep(key, text);
    return true;
  }

  /** Takes over what another keyring of this cluster has proved. */
  remember({ signer, signature, digest }: ProvedSignature): void {
    const key = this.#keyOf(signer);
    if (key !== undefined) this.#keep(key, { name: signature, digest });
  }

  #keep(key: KeyObject, { name, digest }: SignedText): void {
    this.#verified.set(name, { key, digest });
  }

  #remembers(key: KeyObject, { name, digest }: SignedText): boolean {
    const known = this.#verified.get(name);
    return known?.key === key && known.digest === digest;
  }

  #check(
    signer: Signer,
    key: KeyObject,
    { bytes, signature }: PlainSignature,
    text: SignedText,
  ): boolean {
    costs.statementsChecked += 1;
    if (!verify(null, bytes, key, signature)) return false;
    this.#keep(key, text);
    this.#onProved?.({ signer, signature: text.name, digest: text.digest });
    return true;
  }
}

/** What a signature is remembered by. */
class SignedText {
  readonly name: string;
  readonly digest: Digest;

  constructor(bytes: Uint8Array, { buffer, byteOffset, length }: Uint8Array) {
    this.name = Buffer.from(buffer, byteOffset, length).toString('latin1');
    this.digest = sha256(bytes);
  }
}

function keysById<Id>(
  members: readonly (Member & { readonly id: Id })[],
): ReadonlyMap<Id, KeyObject> {
  return new Map(members.map(({ id, statementKey }) => [id, statementPublicKey(statementKey)]));
}

/** The public key of 64 hexadecimal digits, as the cluster file lists it. Throws `TypeError` for anything else. */
export function statementPublicKey(hex: string): KeyObject {
  if (!/^[0-9a-f]{64}$/.test(hex)) throw new TypeError(`not a raw Ed25519 public key: ${hex}`);
  const key = Buffer.concat([spkiPrefix, Buffer.from(hex, 'hex')]);
  return createPublicKey({ key, format: 'der', type: 'spki' });
}

/** Signs bytes with one party's statement key. Deterministic (RFC 8032). */
export interface Sign {
  (bytes: Uint8Array): Uint8Array;
  /** Where there is such: takes bytes to be signed by the time that the result is called, several at once. */
  readonly later?: (bytes: Uint8Array) => () => Uint8Array;
}

/**
 * A signer for a PKCS #8 key in PEM. Throws `TypeError` unless it is an Ed25519 key.
 *
 * @example
 * ```ts
 * import { loadNode } from 'concordat/client';
 * import { ed25519Signer } from 'concordat/ordering';
 *
 * const node = await loadNode('.concordat/nodes/coordinator-0.json');
 * if (node.role !== 'coordinator') throw new Error('not the file of a coordinator');
 * const sign = ed25519Signer(node.statementKey);
 * console.log(sign(new TextEncoder().encode('what is signed')).length);
 * ```
 */
export function ed25519Signer(privateKeyPem: string): Sign {
  const key = createPrivateKey(privateKeyPem);
  if (key.asymmetricKeyType !== 'ed25519') {
    throw new TypeError(`a statement key is an Ed25519 key, not ${key.asymmetricKeyType}`);
  }
  return (bytes) => {
    costs.statementsSigned += 1;
    return new Uint8Array(sign(null, bytes, key));
  };
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
