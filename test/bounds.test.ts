import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { boundsIn, boundsOf, rowsOf } from './support/bounds.js';

const root = join(import.meta.dirname, '..');

describe('the table of bounds in docs/operations.md', () => {
  const bounds = boundsIn(root, ['src', 'examples/supply-chain', 'examples/banking']);
  const rows = rowsOf(readFileSync(join(root, 'docs/operations.md'), 'utf8'));

  it('has every bound of the source, and no other', () => {
    expect(rows.map(({ key }) => key).sort()).toEqual(bounds.map(({ key }) => key).sort());
  });

  it('has the value of each that the source does not derive from others', () => {
    const values = new Map(rows.map(({ key, value }) => [key, value]));
    const fixed = bounds.filter(({ value }) => value !== undefined);
    expect(fixed.map(({ key }) => ({ key, value: values.get(key) }))).toEqual(fixed);
  });
});

describe('the search for bounds', () => {
  it('finds constants and limits by their names, and what they come to', () => {
    const text = `
      const TRIES_MAX = 8;
      export const maxBytes = 16 * 1024 * 1024;
      const waitingMax = 4 * limits.runBytes;
      export const pageLimits = { entries: 2 ** 4, bytes: 100 - 1 } as const;
      const patienceMs = 3;
    `;
    expect(boundsOf('a.ts', text)).toEqual([
      { key: 'a.ts:TRIES_MAX', value: 8 },
      { key: 'a.ts:maxBytes', value: 16_777_216 },
      { key: 'a.ts:waitingMax', value: undefined },
      { key: 'a.ts:pageLimits.entries', value: 16 },
      { key: 'a.ts:pageLimits.bytes', value: 99 },
    ]);
  });

  it('reads rows with units, and passes over other lines', () => {
    const page = ['| a | 16 MiB | x | `a.ts:maxBytes` |', '| no | row |', 'text', '|---|---|'];
    expect(rowsOf(page.join('\n'))).toEqual([{ key: 'a.ts:maxBytes', value: 16_777_216 }]);
  });
});
