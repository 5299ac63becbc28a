import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  batchLeavesMax,
  plainSignature,
  signatureBytesMax,
  signatureLength,
  signBatch,
} from '../../src/kernel/batch.js';
import { batchSigner } from '../../src/kernel/batch-signer.js';
import { Reader, WireError, Writer } from '../../src/kernel/codec/bytes.js';
import { readSignature, writeSignature } from '../../src/kernel/codec/fields.js';
import { sha256 } from '../../src/kernel/digest.js';
import { replicaId } from '../../src/kernel/ids.js';
import { PortableVerifier } from '../../src/kernel/portable-verifier.js';
import { testCluster } from '../support/keys.js';

const { cluster, keyring, replicaSign } = testCluster();
const portable = new PortableVerifier(cluster.resilience, cluster);
const sign = replicaSign(0);
const signer = { role: 'replica', id: replicaId(0) } as const;

const texts = fc.uniqueArray(fc.uint8Array({ maxLength: 40 }), {
  minLength: 1,
  maxLength: batchLeavesMax,
  selector: (text) => Buffer.from(text).toString('hex'),
});
const batch = texts.chain((each) =>
  fc.record({ texts: fc.constant(each), index: fc.nat(each.length - 1) }),
);

function at<Item>(items: readonly Item[], index: number): Item {
  const item = items[index];
  if (item === undefined) throw new RangeError(`no item ${index}`);
  return item;
}

describe('a signature of a batch', () => {
  it('holds for each of its texts, alone, at both verifiers', () => {
    fc.assert(
      fc.property(batch, ({ texts, index }) => {
        const text = at(texts, index);
        const signature = at(signBatch(sign, texts), index);
        expect(signature.length).toBeLessThanOrEqual(signatureBytesMax);
        expect(keyring.verifies(signer, text, signature)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it('holds at the portable verifier', () => {
    fc.assert(
      fc.property(batch, ({ texts, index }) => {
        const signature = at(signBatch(sign, texts), index);
        expect(portable.verifies(signer, at(texts, index), signature)).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  it('holds for no other text of the batch, nor for any other', () => {
    fc.assert(
      fc.property(batch, fc.uint8Array({ maxLength: 40 }), ({ texts, index }, other) => {
        const signature = at(signBatch(sign, texts), index);
        for (const text of [...texts, other]) {
          const isOwn = Buffer.compare(text, at(texts, index)) === 0;
          expect(keyring.verifies(signer, text, signature)).toBe(isOwn);
        }
      }),
    );
  });

  it('holds no more with any of its bits changed', () => {
    const each = [0, 1, 2, 3, 4].map((byte) => new Uint8Array([byte]));
    for (const [index, signature] of signBatch(sign, each).entries()) {
      for (let bit = 0; bit < signature.length * 8; bit += 1) {
        const changed = Uint8Array.from(signature);
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(keyring.verifies(signer, at(each, index), changed)).toBe(false);
      }
    }
  });

  it('is of no other party', () => {
    const each = [new Uint8Array([1]), new Uint8Array([2])];
    const signature = at(signBatch(replicaSign(1), each), 0);
    expect(keyring.verifies(signer, at(each, 0), signature)).toBe(false);
  });

  it('makes no inner node a text', () => {
    const each = [0, 1, 2, 3].map((byte) => new Uint8Array([byte]));
    const signature = at(signBatch(sign, each), 0);
    // The last sibling stands for two leaves: with a path that is one shorter it would pass for a leaf.
    const shorter = Uint8Array.from([
      ...signature.subarray(0, 64),
      2,
      0,
      ...signature.subarray(98),
    ]);
    const left = signature.subarray(66, 98);
    expect(keyring.verifies(signer, left, shorter)).toBe(false);
    expect(plainSignature(left, shorter)).toBeDefined();
  });

  it('is a plain signature where there is one text', () => {
    const text = new Uint8Array([7]);
    const [signature] = signBatch(sign, [text]);
    expect(signature).toEqual(sign(text));
    expect(() => signBatch(sign, Array(batchLeavesMax + 1).fill(text))).toThrow(RangeError);
    expect(() => signBatch(sign, [])).toThrow(RangeError);
  });

  it('signs the root as a text that no statement is', () => {
    const signed: Uint8Array[] = [];
    const each = [new Uint8Array([1]), new Uint8Array([2])];
    signBatch((text) => {
      signed.push(text);
      return new Uint8Array(64);
    }, each);
    const [root] = signed;
    expect(signed).toHaveLength(1);
    expect(Buffer.from(root ?? []).toString('latin1', 0, 11)).toBe('concordat/1');
    expect(root?.[11]).toBe(0xff);
    expect(root?.[12]).toBe(2);
    const [left, right] = each.map((text) => sha256(Uint8Array.from([0, ...text])));
    const node = Buffer.from(`01${left}${right}`, 'hex');
    expect(Buffer.from(root ?? []).toString('hex', 13)).toBe(sha256(node));
  });
});

describe('the form of a signature', () => {
  const two = signBatch(sign, [new Uint8Array([1]), new Uint8Array([2])]);

  it('says where it ends', () => {
    fc.assert(
      fc.property(batch, fc.uint8Array(), ({ texts, index }, rest) => {
        const signature = at(signBatch(sign, texts), index);
        const writer = new Writer();
        writeSignature(writer, signature);
        writer.raw(rest);
        const reader = new Reader(writer.finish());
        expect(readSignature(reader)).toEqual(signature);
        expect(reader.raw(rest.length)).toEqual(rest);
      }),
    );
  });

  it.each([
    ['one leaf', 1, 0],
    ['none', 0, 0],
    ['more leaves than there may be', batchLeavesMax + 1, 0],
    ['a place behind the last', 2, 2],
  ])('is refused with %s', (_, count, index) => {
    const wrong = Uint8Array.from(at(two, 0));
    wrong[64] = count;
    wrong[65] = index;
    expect(signatureLength(wrong)).toBeUndefined();
    expect(plainSignature(new Uint8Array([1]), wrong)).toBeUndefined();
    expect(() => readSignature(new Reader(wrong))).toThrow(WireError);
    expect(() => writeSignature(new Writer(), wrong)).toThrow(WireError);
  });

  it.each([0, 63, 64, 65, 97])('is refused where it ends after %i bytes', (length) => {
    const cut = at(two, 0).slice(0, length);
    expect(plainSignature(new Uint8Array([1]), cut)).toBeUndefined();
    expect(() => readSignature(new Reader(cut))).toThrow(WireError);
    expect(() => writeSignature(new Writer(), cut)).toThrow(WireError);
  });

  it('is refused with bytes after its end', () => {
    const longer = Uint8Array.from([...at(two, 0), 0]);
    expect(plainSignature(new Uint8Array([1]), longer)).toBeUndefined();
    expect(() => writeSignature(new Writer(), longer)).toThrow(WireError);
  });

  it('leaves every signature of Ed25519 what it is', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (text) => {
        const signature = sign(text);
        expect(signatureLength(signature)).toBe(64);
        expect(plainSignature(text, signature)).toEqual({ bytes: text, signature });
      }),
    );
  });
});

describe('a signer of batches', () => {
  function counting() {
    let count = 0;
    const counted = batchSigner((bytes) => {
      count += 1;
      return sign(bytes);
    });
    const { later } = counted;
    if (later === undefined) throw new TypeError('it takes no texts for later');
    return { sign: counted, later, signed: () => count };
  }

  it('signs once for all that waits when the first signature is read', () => {
    const { later, signed } = counting();
    const each = [1, 2, 3].map((byte) => new Uint8Array([byte]));
    const signatures = each.map((text) => later(text));
    expect(signed()).toBe(0);
    const made = signatures.map((signature) => signature());
    expect(signed()).toBe(1);
    for (const [index, text] of each.entries()) {
      expect(keyring.verifies(signer, text, at(made, index))).toBe(true);
      expect(at(signatures, index)()).toBe(at(made, index));
    }
  });

  it('begins another batch after that, and where one is full', () => {
    const { later, signed } = counting();
    later(new Uint8Array([1]))();
    const alone = later(new Uint8Array([2]))();
    expect([signed(), alone.length]).toEqual([2, 64]);
    const many = Array.from({ length: batchLeavesMax + 1 }, (_, index) =>
      later(new Uint8Array([index])),
    );
    expect(
      many.map((signature) => signature().length).filter((length) => length === 64),
    ).toHaveLength(1);
    expect(signed()).toBe(4);
  });

  it('signs at once what is not for later', () => {
    const { sign: batching, signed } = counting();
    expect(batching(new Uint8Array([1]))).toEqual(sign(new Uint8Array([1])));
    expect(signed()).toBe(1);
  });
});
