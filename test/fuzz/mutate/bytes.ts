import type { Random } from '../support/random.js';

type Mutator = (random: Random, bytes: Buffer) => Buffer;

/** Lengths, counts and tags at which programs go wrong. */
const notableBytes = [0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff, 0x3c, 0x3e, 0x26, 0x22, 0x0a, 0x0d];
const notableWords = [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x00ff_ffff, 0x0001_0000];

const mutators: readonly Mutator[] = [
  function flipBit(random, bytes) {
    const at = random.below(bytes.length);
    return withByte(bytes, at, (bytes[at] ?? 0) ^ (1 << random.below(8)));
  },
  function stepByte(random, bytes) {
    const at = random.below(bytes.length);
    return withByte(bytes, at, (bytes[at] ?? 0) + (random.oneIn(2) ? 1 : 255));
  },
  function setByte(random, bytes) {
    return withByte(bytes, random.below(bytes.length), random.pick(notableBytes));
  },
  function setWord(random, bytes) {
    if (bytes.length < 4) return bytes;
    const copy = Buffer.from(bytes);
    copy.writeUInt32BE(random.pick(notableWords), random.below(bytes.length - 3));
    return copy;
  },
  function cutOut(random, bytes) {
    const { from, to } = range(random, bytes);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  },
  function repeat(random, bytes) {
    const { from, to } = range(random, bytes);
    return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]);
  },
  function putIn(random, bytes) {
    const at = random.below(bytes.length + 1);
    const added = random.bytes(random.between(1, 32));
    return Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at)]);
  },
  function truncate(random, bytes) {
    return bytes.subarray(0, random.below(bytes.length));
  },
  function lengthen(random, bytes) {
    return Buffer.concat([bytes, random.bytes(random.between(1, 64))]);
  },
  function exchange(random, bytes) {
    const length = random.between(1, Math.max(1, Math.min(64, bytes.length >> 1)));
    const [a, b] = [
      random.below(bytes.length - length + 1),
      random.below(bytes.length - length + 1),
    ];
    const copy = Buffer.from(bytes);
    bytes.copy(copy, a, b, b + length);
    bytes.copy(copy, b, a, a + length);
    return copy;
  },
];

/** Other bytes, made by one to four small changes. Never those that came in. */
export function mutateBytes(random: Random, original: Uint8Array): Buffer {
  const start = Buffer.from(original);
  let bytes: Buffer = start;
  for (let left = random.oneIn(2) ? 1 : random.between(1, 4); left > 0; left -= 1) {
    bytes = bytes.length === 0 ? random.bytes(8) : random.pick(mutators)(random, bytes);
  }
  return bytes.equals(start) ? Buffer.concat([start, Buffer.of(0)]) : bytes;
}

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** The text with one to three letters or digits changed, and so likely to be as well-formed as before. */
export function mutateLetters(random: Random, original: string): string {
  const characters = [...original];
  for (let left = random.between(1, 3); left > 0; left -= 1) {
    let at = random.below(characters.length);
    while (!/[A-Za-z0-9]/.test(characters[at] ?? 'x')) at = (at + 1) % characters.length;
    const now = characters[at] ?? '';
    characters[at] = letters.charAt(
      (letters.indexOf(now) + random.between(1, 61)) % letters.length,
    );
  }
  const text = characters.join('');
  return text === original ? `${original}A` : text;
}

function withByte(bytes: Buffer, at: number, value: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = value & 0xff;
  return copy;
}

function range(random: Random, bytes: Buffer): { from: number; to: number } {
  const from = random.below(bytes.length);
  return { from, to: Math.min(bytes.length, from + random.between(1, 1 << random.below(9))) };
}
