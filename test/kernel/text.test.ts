import fc from 'fast-check';
import { expect, it } from 'vitest';
import { base64Of, bytesOfBase64 } from '../../src/kernel/codec/base64.js';
import { asciiOf, hexOf, uuidOf } from '../../src/kernel/codec/text.js';

const anyBytes = fc.uint8Array({ maxLength: 300 });

it('hexadecimal digits and base64 are those of Node', () => {
  fc.assert(
    fc.property(anyBytes, fc.nat(20), (bytes, start) => {
      const from = Math.min(start, bytes.length);
      const node = Buffer.from(bytes);
      expect(hexOf(bytes, from, bytes.length)).toBe(node.toString('hex', from));
      expect(base64Of(bytes)).toBe(node.toString('base64'));
      expect(bytesOfBase64(node.toString('base64'))).toEqual(bytes);
    }),
  );
});

it('a UUID has its dashes', () => {
  const bytes = Uint8Array.from({ length: 18 }, (_, at) => 16 * at + 1);
  expect(uuidOf(bytes, 1)).toBe('11213141-5161-7181-91a1-b1c1d1e1f101');
});

it('ASCII is read whether short or long', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(127), { maxLength: 100 }), (codes) => {
      const bytes = Uint8Array.from(codes);
      expect(asciiOf(bytes, 0, bytes.length)).toBe(String.fromCharCode(...codes));
    }),
  );
});

it('base64 has one form', () => {
  const texts = fc.string({ unit: fc.constantFrom(...'AQg4/+=-_ é'), maxLength: 12 });
  fc.assert(
    fc.property(texts, (text) => {
      const isCanonical = Buffer.from(text, 'base64').toString('base64') === text;
      expect(bytesOfBase64(text) !== undefined).toBe(isCanonical);
    }),
    { numRuns: 2000 },
  );
});
