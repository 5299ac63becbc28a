import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readAll, Writer } from '../../src/kernel/codec/bytes.js';
import { ClientTable, NUMBERS_REMEMBERED } from '../../src/ordering/core/client-table.js';
import { makeRequest } from '../support/ordering-rig.js';

function encoded(table: ClientTable): Uint8Array {
  const writer = new Writer();
  table.write(writer);
  return writer.finish();
}

describe('the client table', () => {
  it('lets numbers overtake each other, and each through once', () => {
    const table = new ClientTable();
    const batch = [3, 1, 3, 2].map((number) => makeRequest('a', number, ''));
    expect(table.execute(batch).map(({ number }) => number)).toEqual([3, 1, 2]);
    expect(table.execute(batch)).toEqual([]);
  });

  it('takes what is older than it remembers for executed', () => {
    const table = new ClientTable();
    table.execute([makeRequest('a', NUMBERS_REMEMBERED + 5, '')]);
    expect(table.has(makeRequest('a', 5, ''))).toBe(true);
    expect(table.has(makeRequest('a', 6, ''))).toBe(false);
  });

  it('remembers no more of one client, however its numbers rise', () => {
    const table = new ClientTable();
    for (const number of [1, 3, 200, 256, 257, 300, 1000, 1001, 1255]) {
      table.execute([makeRequest('a', number, '')]);
    }
    expect(encoded(table).length).toBe(
      encoded(new ClientTable()).length + 3 + 8 + 1 + NUMBERS_REMEMBERED / 8,
    );
    for (const number of [1, 200, 300, 999, 1000, 1001, 1255]) {
      expect(table.has(makeRequest('a', number, ''))).toBe(true);
    }
    expect(table.has(makeRequest('a', 1002, ''))).toBe(false);
  });

  it('says of every number what a list of all that were executed says', () => {
    const step = fc.integer({ min: -NUMBERS_REMEMBERED - 2, max: NUMBERS_REMEMBERED + 2 });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
        const table = new ClientTable();
        const executed = new Set<number>();
        let highest = 0;
        for (const by of steps) {
          const number = Math.max(1, highest + by);
          const isNew = !executed.has(number) && number > highest - NUMBERS_REMEMBERED;
          expect(table.execute([makeRequest('a', number, '')])).toHaveLength(isNew ? 1 : 0);
          executed.add(number);
          highest = Math.max(highest, number);
          for (let each = 1; each <= highest + 2; each += 1) {
            const isOld = each <= highest - NUMBERS_REMEMBERED;
            expect(table.has(makeRequest('a', each, ''))).toBe(isOld || executed.has(each));
          }
        }
      }),
      { numRuns: 30 },
    );
  });

  it('forgets clients that have been silent longest, and none that were there lately', () => {
    const table = new ClientTable();
    for (let client = 0; client < 10_000; client += 1) {
      table.execute([makeRequest(`c${client}`, 1, ''), makeRequest('steady', client + 1, '')]);
    }
    const known = Array.from({ length: 10_000 }, (_, client) => client).filter((client) =>
      table.has(makeRequest(`c${client}`, 1, '')),
    );
    expect(known.length).toBeLessThanOrEqual(4096);
    expect(known.length).toBeGreaterThanOrEqual(2047);
    expect(known[0]).toBe(10_000 - known.length);
    expect(table.has(makeRequest('steady', 9990, ''))).toBe(true);
    expect(table.has(makeRequest('steady', 10_001, ''))).toBe(false);
  });

  it('survives a snapshot, byte for byte', () => {
    const table = new ClientTable();
    table.execute([makeRequest('b', 9, ''), makeRequest('a', 2, ''), makeRequest('b', 4, '')]);
    const copy = new ClientTable();
    readAll(encoded(table), (reader) => copy.read(reader));
    expect(encoded(copy)).toEqual(encoded(table));
    expect(copy.has(makeRequest('b', 4, ''))).toBe(true);
  });
});
