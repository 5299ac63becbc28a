import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`),
].filter((name) => name.endsWith('.md'));

/** Decisions are left out: they speak of what was. */
describe.each(pages)('%s', (page) => {
  const text = readFileSync(join(root, page), 'utf8');

  it('names files that are there', () => {
    const named = text.matchAll(/`((?:src|test|examples|bench|wsdl)\/[\w./-]+)`/g);
    const missing = [...named].map(([, path]) => path ?? '').filter((path) => !isThere(path));
    expect(missing).toEqual([]);
  });
});

function isThere(path: string): boolean {
  return existsSync(join(root, path)) || existsSync(join(root, `${path}.ts`));
}
