import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { mutants } from './list.js';

const root = join(import.meta.dirname, '../..');
const files = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts'))
  .map((file) => `test/${file}`);

describe('the list of mutants', () => {
  it('names each mutant once', () => {
    const names = mutants.map(({ name }) => name);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  it('has a place in the code for each, and tests', () => {
    const strays = mutants.flatMap(({ name, file, find, replace, tests }) => {
      const places = readFileSync(join(root, file), 'utf8').split(find).length - 1;
      return [
        ...(places === 1 ? [] : [`${name}: ${places} places match in ${file}`]),
        ...(find === replace ? [`${name}: breaks nothing`] : []),
        ...tests
          .filter((path) => !files.some((file) => file.startsWith(path)))
          .map((path) => `${name}: ${path}`),
      ];
    });
    expect(strays).toEqual([]);
  });
});
