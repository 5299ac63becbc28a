import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Json,
  jsonDepthMax,
  jsonText,
  jsonTextOf,
  parseJson,
  payloadBytesMax,
  resultBytesMax,
  serviceNameRule,
} from '../../src/service/json.js';

const json = fc.jsonValue({ noUnicodeString: false }) as fc.Arbitrary<Json>;
/** Any UTF-16 code units, lone surrogates among them. */
const oddText = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 })
  .map((units) => String.fromCharCode(...units));

describe('the JSON text of a value', () => {
  it('is ASCII on one line, and reads back as the value', () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = jsonText(value, 1e6);
        expect(text).toMatch(/^[\x20-\x7e]*$/);
        expect(jsonTextOf(1e6)(text)).toBe(text);
        expect(jsonText(parseJson(text, 1e6), 1e6)).toBe(text);
        expect(parseJson(text, 1e6)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('keeps odd letters, lone surrogates among them, in texts and in keys', () => {
    fc.assert(
      fc.property(oddText, (odd) => {
        const value = { [`k${odd}`]: odd };
        expect(parseJson(jsonText(value, 1e6), 1e6)).toEqual(value);
      }),
    );
    expect(jsonText('\ud800\u0000\u007f\u2028é😀', 99)).toBe(
      '"\\ud800\\u0000\\u007f\\u2028\\u00e9\\ud83d\\ude00"',
    );
  });

  it('keeps a key __proto__ as a key, and changes no prototype', () => {
    const text = '{"__proto__":{"isAdmin":true},"constructor":1}';
    const read = parseJson(text, 99) as { readonly isAdmin?: boolean };
    expect(read.isAdmin).toBeUndefined();
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
    expect(jsonText(read as Json, 99)).toBe(text);
  });

  it.each([payloadBytesMax, resultBytesMax])('has %d bytes at most, as it is sent', (bytesMax) => {
    const largest = 'a'.repeat(bytesMax - 2);
    expect(jsonText(largest, bytesMax)).toHaveLength(bytesMax);
    expect(parseJson(jsonText(largest, bytesMax), bytesMax)).toBe(largest);
    expect(() => jsonText(`${largest}a`, bytesMax)).toThrow(RangeError);
    expect(() => jsonText('é'.repeat(1 + bytesMax / 6), bytesMax)).toThrow(RangeError);
    expect(() => parseJson(' '.repeat(bytesMax + 1), bytesMax)).toThrow(RangeError);
    expect(() => jsonTextOf(bytesMax)(jsonText(`${largest}a`, bytesMax + 1))).toThrow(RangeError);
  });

  it('is none of what JSON has no form for', () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    let deep: unknown = 0;
    for (let depth = 0; depth < 1e5; depth += 1) deep = [deep];
    for (const value of [undefined, () => 0, Symbol('s'), 7n, [7n], cycle, deep]) {
      expect(() => jsonText(value as Json, 1e6)).toThrow(RangeError);
    }
  });

  it('is read as deep as it may be, and no deeper: a stack that overflows would stop a participant', () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
    const flat = `["${'['.repeat(100)}\\"${'{'.repeat(100)}"]`;
    for (const text of [nested(jsonDepthMax), flat, `[${nested(jsonDepthMax - 1)},{}]`]) {
      expect(jsonTextOf(payloadBytesMax)(text)).toBe(text);
    }
    for (const text of [
      nested(jsonDepthMax + 1),
      nested(payloadBytesMax / 2),
      '{"a":'.repeat(65),
    ]) {
      expect(() => jsonTextOf(payloadBytesMax)(text), text.slice(0, 80)).toThrow(RangeError);
    }
    expect(() => jsonText(JSON.parse(nested(jsonDepthMax + 1)), payloadBytesMax)).toThrow(/deeper/);
  });

  it('is refused where it is not JSON, not ASCII, or on two lines', () => {
    for (const text of [
      '',
      ' ',
      '{',
      'undefined',
      'NaN',
      "'a'",
      '{a:1}',
      '1,2',
      '"é"',
      '[1,\n2]',
      '"\t"',
    ]) {
      expect(() => jsonTextOf(99)(text), text).toThrow(RangeError);
    }
  });
});

it('a name is a letter or digit, and then at most 62 of a few letters', () => {
  for (const name of ['a', '0', 'Room.2_a-b', 'a'.repeat(63)]) {
    expect(name).toMatch(serviceNameRule);
  }
  for (const name of ['', '.a', '-', 'a b', 'å', 'a\n', 'a/b', '__proto__', 'a'.repeat(64)]) {
    expect(name).not.toMatch(serviceNameRule);
  }
});
