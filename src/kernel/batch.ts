import { concatBytes } from '@noble/hashes/utils.js';
import { sha256Bytes } from './digest.js';

/**
 * A signature for several texts: it is over the root of a hash tree whose leaves they are (Merkle 1987; the tree is
 * that of RFC 9162 §2.1), and each text goes with its path to the root. So a signer signs once for all that it has
 * to say at a time, a receiver checks once, and every text is proved without the others.
 *
 * Its bytes: an Ed25519 signature over the root and the number of leaves, that number, the place of this leaf, and the
 * hashes of its path, from the leaf up. The last bit of an Ed25519 signature is never set (RFC 8032 §5.1.7: S is below
 * 2^253); here it is, and that tells one from the other.
 */

/** Texts under one signature. */
export const batchLeavesMax = 16;

const plainBytes = 64;
const hashBytes = 32;
/** So many bytes of a signature say how long it is. */
const signaturePrefixBytes = plainBytes + 2;
/** In the last byte of what would be an Ed25519 signature. */
const batchMark = 0x80;

/** The longest signature there is. */
export const signatureBytesMax = signaturePrefixBytes + hashBytes * Math.log2(batchLeavesMax);

/** A root is no text that is signed for itself: no kind of statement has this number. */
const rootPrefix = new Uint8Array([...new TextEncoder().encode('concordat/1'), 0xff]);
const leafPrefix = new Uint8Array([0]);
const nodePrefix = new Uint8Array([1]);

function leafOf(text: Uint8Array): Uint8Array {
  if (text.length >= leafRoom.length) return sha256Bytes(concatBytes(leafPrefix, text));
  leafRoom.set(text, leafPrefix.length);
  return sha256Bytes(leafRoom.subarray(0, leafPrefix.length + text.length));
}

function nodeOf(left: Uint8Array, right: Uint8Array): Uint8Array {
  return nodeAt(left, 0, right, 0);
}

/** Of the hashes that begin at these places of the bytes. */
function nodeAt(left: Uint8Array, leftAt: number, right: Uint8Array, rightAt: number): Uint8Array {
  for (let at = 0; at < hashBytes; at += 1) {
    nodeRoom[leftStart + at] = left[leftAt + at] ?? 0;
    nodeRoom[rightStart + at] = right[rightAt + at] ?? 0;
  }
  return sha256Bytes(nodeRoom);
}

/** Where texts and hashes are put together, so that not each takes memory of its own: most texts are short. */
const leafRoom = new Uint8Array(2048);
leafRoom.set(leafPrefix);
const leftStart = nodePrefix.length;
const rightStart = leftStart + hashBytes;
const nodeRoom = new Uint8Array(rightStart + hashBytes);
nodeRoom.set(nodePrefix);

/** The largest power of two below `count`: so many leaves are on the left (RFC 9162 §2.1.1). */
function leftOf(count: number): number {
  return 2 ** Math.ceil(Math.log2(count) - 1);
}

type Side = 'left' | 'right';

/** On which side the sibling is at each step from the leaf up. */
function sidesOf(index: number, count: number): readonly Side[] {
  const place = index * (batchLeavesMax + 1) + count;
  const known = knownSides[place];
  if (known !== undefined) return known;
  const left = leftOf(count);
  const sides: readonly Side[] =
    index < left
      ? [...sidesOf(index, left), 'right']
      : [...sidesOf(index - left, count - left), 'left'];
  knownSides[place] = sides;
  return sides;
}

/** By the place and the number of leaves: a batch has few forms. */
const knownSides: (readonly Side[] | undefined)[] = [undefined, []];

/** The root over leaves, and the path of each: the siblings from the leaf up. */
function treeOf(leaves: readonly Uint8Array[]): { root: Uint8Array; paths: Uint8Array[][] } {
  const [only] = leaves;
  if (only === undefined) throw new RangeError('a tree has a leaf at the least');
  if (leaves.length === 1) return { root: only, paths: [[]] };
  const middle = leftOf(leaves.length);
  const left = treeOf(leaves.slice(0, middle));
  const right = treeOf(leaves.slice(middle));
  return {
    root: nodeOf(left.root, right.root),
    paths: [
      ...left.paths.map((path) => [...path, right.root]),
      ...right.paths.map((path) => [...path, left.root]),
    ],
  };
}

/** With the number of leaves: a text has one place in the tree, and one path that leads from there to the root. */
function textOfRoot(root: Uint8Array, leaves: number): Uint8Array {
  return concatBytes(rootPrefix, new Uint8Array([leaves]), root);
}

/**
 * Signs 1 to `batchLeavesMax` texts at once. Returns the signature of each, in their order: Ed25519's own where there
 * is one text.
 */
export function signBatch(
  sign: (bytes: Uint8Array) => Uint8Array,
  texts: readonly Uint8Array[],
): Uint8Array[] {
  const [only] = texts;
  if (only !== undefined && texts.length === 1) return [sign(only)];
  if (texts.length > batchLeavesMax) throw new RangeError(`${texts.length} texts in one batch`);
  const { root, paths } = treeOf(texts.map(leafOf));
  const plain = Uint8Array.from(sign(textOfRoot(root, texts.length)));
  plain[plainBytes - 1] = (plain[plainBytes - 1] ?? 0) | batchMark;
  return paths.map((path, index) =>
    concatBytes(plain, new Uint8Array([texts.length, index]), ...path),
  );
}

/** What a signature of a text comes down to: an Ed25519 signature, and the bytes that it must be over. */
export interface PlainSignature {
  readonly bytes: Uint8Array;
  readonly signature: Uint8Array;
}

/** Undefined where the bytes have the form of no signature. */
export function plainSignature(
  text: Uint8Array,
  signature: Uint8Array,
): PlainSignature | undefined {
  if (signature.length !== signatureLength(signature)) return undefined;
  if (signature.length === plainBytes) return { bytes: text, signature };
  const count = signature[plainBytes] ?? 0;
  const index = signature[plainBytes + 1] ?? 0;
  let root = leafOf(text);
  let at = signaturePrefixBytes;
  for (const side of sidesOf(index, count)) {
    root = side === 'left' ? nodeAt(signature, at, root, 0) : nodeAt(root, 0, signature, at);
    at += hashBytes;
  }
  const plain = signature.slice(0, plainBytes);
  plain[plainBytes - 1] = (plain[plainBytes - 1] ?? 0) & ~batchMark;
  return { bytes: textOfRoot(root, count), signature: plain };
}

/**
 * How long a signature is that begins at this place of the bytes. Undefined where no signature begins like that.
 */
export function signatureLength(bytes: Uint8Array, at = 0): number | undefined {
  const last = bytes[at + plainBytes - 1];
  if (last === undefined) return undefined;
  if ((last & batchMark) === 0) return plainBytes;
  const count = bytes[at + plainBytes];
  const index = bytes[at + plainBytes + 1];
  if (count === undefined || index === undefined) return undefined;
  if (count < 2 || count > batchLeavesMax || index >= count) return undefined;
  return signaturePrefixBytes + hashBytes * sidesOf(index, count).length;
}
