import { ED25519_TORSION_SUBGROUP, ed25519 } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { concatBytes } from '@noble/hashes/utils.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { participantId, replicaId } from '../../src/kernel/ids.js';
import { Keyring } from '../../src/kernel/keys.js';
import { PortableVerifier } from '../../src/kernel/portable-verifier.js';
import type { Signer } from '../../src/kernel/verifier.js';
import { testCluster } from '../support/keys.js';

const { cluster, replicaSign } = testCluster();
const signer: Signer = { role: 'replica', id: replicaId(1) };
const text = new TextEncoder().encode('text');
const { Point } = ed25519;
const { Fn } = Point;

/** Both verifiers, of a cluster in which replica 1 has this key. */
function verifiers(key?: Uint8Array) {
  const coordinators = cluster.coordinators.map((member) =>
    member.id === 1 && key !== undefined
      ? { ...member, statementKey: Buffer.from(key).toString('hex') }
      : member,
  );
  const changed = { ...cluster, coordinators };
  return [Keyring.of(changed), new PortableVerifier(cluster.resilience, changed)] as const;
}

/** What both say, where they agree. */
function verdict(
  signature: Uint8Array,
  { key, bytes = text }: { key?: Uint8Array; bytes?: Uint8Array } = {},
) {
  const [node, portable] = verifiers(key).map((one) => one.verifies(signer, bytes, signature));
  expect(portable).toBe(node);
  return portable;
}

describe('the portable verifier judges as the keyring does', () => {
  const good = replicaSign(1)(text);

  it('members and strangers', () => {
    const portable = verifiers()[1];
    expect(portable.knows(signer)).toBe(true);
    expect(portable.knows({ role: 'replica', id: replicaId(9) })).toBe(false);
    expect(portable.knows({ role: 'participant', id: participantId('bank-z') })).toBe(false);
    expect(portable.verifies({ role: 'replica', id: replicaId(9) }, text, good)).toBe(false);
    expect(portable.verifies({ role: 'replica', id: replicaId(2) }, text, good)).toBe(false);
    const broken = { ...cluster, participants: [{ id: 'x', statementKey: 'AB' }] };
    expect(() => new PortableVerifier(cluster.resilience, broken)).toThrow(TypeError);
  });

  it('good signatures and changed ones', () => {
    expect(verdict(good)).toBe(true);
    expect(verdict(good.subarray(1))).toBe(false);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(511), (bytes, bit) => {
        const signature = replicaSign(1)(bytes);
        expect(verdict(signature, { bytes })).toBe(true);
        const changed = signature.map((byte, at) =>
          at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte,
        );
        expect(verdict(changed, { bytes })).toBe(false);
      }),
      { numRuns: 25 },
    );
  });

  it('an S that is not reduced', () => {
    const s = littleEndian(good.subarray(32)) + Fn.ORDER;
    expect(verdict(concatBytes(good.subarray(0, 32), bytesOf(s)))).toBe(false);
  });

  it.each(ED25519_TORSION_SUBGROUP.slice(1))('an R with a part of small order, %s', (torsion) => {
    // Holds with the cofactor, which a liar can arrange; not without it.
    const secret = 7n;
    const key = Point.BASE.multiply(secret).toBytes();
    const r = Point.BASE.multiply(11n).add(Point.fromHex(torsion)).toBytes();
    const k = Fn.create(littleEndian(sha512(concatBytes(r, key, text))));
    const signature = concatBytes(r, bytesOf(Fn.create(11n + k * secret)));
    expect(ed25519.verify(signature, text, key)).toBe(true);
    expect(verdict(signature, { key })).toBe(false);
  });

  it.each(ED25519_TORSION_SUBGROUP)('a key of small order, %s', (torsion) => {
    const key = new Uint8Array(Buffer.from(torsion, 'hex'));
    for (let seed = 1n; seed < 9n; seed += 1n) {
      const r = Point.BASE.multiply(seed).toBytes();
      verdict(concatBytes(r, bytesOf(seed)), { key });
    }
  });

  it('a key that is no point', () => {
    const key = new Uint8Array(32).fill(2);
    expect(() => Point.fromBytes(key)).toThrow();
    expect(verdict(good, { key })).toBe(false);
  });
});

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((number, byte) => (number << 8n) | BigInt(byte), 0n);
}

function bytesOf(number: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, at) => Number((number >> BigInt(8 * at)) & 0xffn));
}
