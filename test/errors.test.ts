import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConcordatError } from '../src/kernel/error.js';
import { StoreDamagedError, StoreError } from '../src/kernel/store/mark.js';
import { Declarations, declarationsIn, errorRows } from './support/error-codes.js';

const root = join(import.meta.dirname, '..');
const source = declarationsIn(join(root, 'src'));
const textOf = ({ error, code }: { error: string; code: string }) => `${error} ${code}`;

describe('the tables of docs/errors.md', () => {
  it('have every code of the source, and no other', () => {
    const rows = errorRows(readFileSync(join(root, 'docs/errors.md'), 'utf8'));
    const codes = source.errorCodes(['VerificationError']);
    expect(rows.map(textOf).sort()).toEqual(codes.map(textOf).sort());
  });
});

describe('errors', () => {
  it('are all of one kind', () => {
    expect(source.strayErrors()).toEqual([]);
  });

  it('have a typed code and data, and keep their names', () => {
    const damages = [{ key: 'account/1', what: 'lost' }];
    const error = new StoreDamagedError('damaged', '/store', damages);
    expect(error).toBeInstanceOf(ConcordatError);
    expect(error).toBeInstanceOf(StoreError);
    expect(error).toMatchObject({ name: 'StoreDamagedError', message: 'damaged', code: 'damaged' });
    expect(error.data).toEqual({ directory: '/store', damages });
  });
});

describe('the search for codes', () => {
  it('finds those of a class, of its type, and of a class below', () => {
    const declarations = new Declarations([
      `type Code = 'a' | More; type More = 'b';
       class First extends ConcordatError<Code, NoData> { readonly code: Code = 'a'; }
       class Second extends First { override readonly code = 'b'; }
       class Third extends ConcordatError<string, object> {}
       class Fourth extends Error {}
       type Why = { readonly code: 'x' } | Other; type Other = { readonly code: 'y'; z: 1 };
       class Fifth extends ConcordatError<Why['code'], Why> {}`,
    ]);
    expect(declarations.errorCodes(['Why']).map(textOf)).toEqual([
      'First a',
      'Second b',
      'Third *',
      'Fifth x',
      'Fifth y',
      'Why x',
      'Why y',
    ]);
    expect(declarations.strayErrors()).toEqual(['Fourth']);
  });

  it('reads rows of either form', () => {
    const page = '| `A` | `b-c` | when | what |\n| `D` | any | when | what |\n| error | code |';
    expect(errorRows(page).map(textOf)).toEqual(['A b-c', 'D *']);
  });
});
