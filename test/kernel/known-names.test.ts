import { describe, expect, it } from 'vitest';
import { Reader, readAll, Writer } from '../../src/kernel/codec/bytes.js';
import { KnownNames, knownNamesMax } from '../../src/kernel/codec/known-names.js';
import { clientId } from '../../src/kernel/ids.js';

function encoded(name: string): Uint8Array {
  const writer = new Writer();
  writer.text(name, 127);
  return writer.finish();
}

describe('names that are known', () => {
  it('are read as they were written, also where two share a place', () => {
    const known = new KnownNames(clientId);
    const names = Array.from({ length: 2 * knownNamesMax }, (_, index) => `c${index}`);
    for (const name of [...names, ...names]) {
      expect(known.of(name)).toBe(name);
      expect(readAll(encoded(name), (reader) => reader.name(known, 127))).toBe(name);
    }
  });

  it('have their form checked, each time that they are not known', () => {
    const known = new KnownNames(clientId);
    for (const name of ['', '-a', 'a b', 'ä', 'a\u0000']) {
      for (let time = 0; time < 2; time += 1) {
        expect(() => known.of(name)).toThrow(RangeError);
        expect(() => readAll(encoded(name), (reader) => reader.name(known, 127))).toThrow();
      }
    }
  });

  it('end with the input, and are no longer than they may be', () => {
    const known = new KnownNames(clientId);
    known.of('client');
    const bytes = encoded('client');
    expect(() => new Reader(bytes.subarray(0, 7)).name(known, 127)).toThrow('too early');
    expect(() => new Reader(bytes).name(known, 5)).toThrow('more than 5 bytes');
  });

  it('differ where their bytes do, though their places be the same', () => {
    const known = new KnownNames((text: string) => text);
    known.of('\u0161');
    expect(readAll(encoded('a'), (reader) => reader.name(known, 127))).toBe('a');
  });
});
