import { ed25519 } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { hexToBytes } from '@noble/hashes/utils.js';
import { plainSignature } from './batch.js';
import type { AgreementName } from './cluster.js';
import type { Resilience } from './ids.js';
import type { Signer, Verifier } from './verifier.js';

const { Point } = ed25519;
const pointBytes = 32;

/** The statement key of a member, as the cluster file lists it. */
export interface MemberKey<Id extends number | string = number | string> {
  /** As the cluster file has it. */
  readonly id: Id;
  /** Raw Ed25519 public key, 64 lower-case hexadecimal digits. */
  readonly statementKey: string;
}

/** The statement keys of a cluster, by role. */
export interface MemberKeys {
  /** Of coordinators, by their ids. */
  readonly coordinators: readonly MemberKey<number>[];
  /** Of initiators, by their ids. */
  readonly initiators: readonly MemberKey<number>[];
  /** Of participants, by their names. */
  readonly participants: readonly MemberKey<string>[];
}

interface Key {
  readonly bytes: Uint8Array;
  /** `undefined` where the bytes are no point: nothing verifies under them. */
  readonly point: InstanceType<typeof Point> | undefined;
}

/**
 * Verifies signatures of a cluster's members without anything of Node's. It judges each as `Keyring`
 * does, but remembers none.
 */
export class PortableVerifier implements Verifier {
  readonly resilience: Resilience;
  readonly agreement: AgreementName;
  readonly #keys: Readonly<Record<Signer['role'], ReadonlyMap<number | string, Key>>>;

  /** Throws `TypeError` where a statement key is not 64 hexadecimal digits. */
  constructor(
    resilience: Resilience,
    members: MemberKeys,
    agreement: AgreementName = 'three-phase',
  ) {
    this.resilience = resilience;
    this.agreement = agreement;
    this.#keys = {
      replica: keysById(members.coordinators),
      initiator: keysById(members.initiators),
      participant: keysById(members.participants),
    };
  }

  knows(signer: Signer): boolean {
    return this.#keys[signer.role].has(signer.id);
  }

  verifies(signer: Signer, bytes: Uint8Array, signature: Uint8Array): boolean {
    const key = this.#keys[signer.role].get(signer.id);
    const plain = plainSignature(bytes, signature);
    return key !== undefined && plain !== undefined && holds(key, plain.bytes, plain.signature);
  }
}

/**
 * RFC 8032 §5.1.7 without the cofactor, as OpenSSL verifies: R is the encoding of [S]B - [k]A. A signer
 * that lies can make a signature that holds with the cofactor only, and no two verifiers may differ on it.
 */
function holds(key: Key, bytes: Uint8Array, signature: Uint8Array): boolean {
  const { Fn } = Point;
  if (key.point === undefined) return false;
  const r = signature.subarray(0, pointBytes);
  const s = littleEndian(signature.subarray(pointBytes));
  if (s >= Fn.ORDER) return false;
  const hashed = sha512.create().update(r).update(key.bytes).update(bytes).digest();
  const k = Fn.create(littleEndian(hashed));
  const expected = Point.BASE.multiplyUnsafe(s).subtract(key.point.multiplyUnsafe(k)).toBytes();
  return expected.every((byte, at) => byte === r[at]);
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((number, byte) => (number << 8n) | BigInt(byte), 0n);
}

function keysById(members: readonly MemberKey[]): Map<number | string, Key> {
  return new Map(members.map(({ id, statementKey }) => [id, keyOf(statementKey)]));
}

function keyOf(hex: string): Key {
  if (!/^[0-9a-f]{64}$/.test(hex)) throw new TypeError(`not a raw Ed25519 public key: ${hex}`);
  const bytes = hexToBytes(hex);
  return { bytes, point: pointOf(bytes) };
}

function pointOf(bytes: Uint8Array): Key['point'] {
  try {
    return Point.fromBytes(bytes, true);
  } catch {
    return undefined;
  }
}
