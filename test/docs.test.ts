import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...['docs', 'src', 'test', 'examples', 'bench'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map(
      (name) => `${folder}/${name}`,
    ),
  ),
].filter((name) => name.endsWith('.md'));

describe.each(pages)('%s', (page) => {
  const text = readFileSync(join(root, page), 'utf8').replace(/```.*?```/gs, '');

  it('links to what is there', () => {
    const links = matches(text, /\]\(([^)#\s]+)(?:#[^)]*)?\)/g).filter(
      (link) => !/^[a-z]+:/.test(link),
    );
    expect(links.filter((link) => !existsSync(join(root, dirname(page), link)))).toEqual([]);
  });

  // Decisions speak of what was.
  it.skipIf(page.startsWith('docs/decisions/'))('names files that are there', () => {
    const named = matches(text, /`((?:src|test|examples|bench|wsdl)\/[\w./-]+)`/g);
    expect(named.filter((path) => !isThere(path))).toEqual([]);
  });

  it.runIf(/^(src|test)\//.test(page))('names files of its folder', () => {
    const named = matches(text, /`([a-z0-9./-]+\.ts)`/g);
    const places = [dirname(page), '.', 'src', 'test'];
    const missing = named.filter((name) => !places.some((place) => isThere(join(place, name))));
    expect(missing).toEqual([]);
  });
});

function matches(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, found]) => found ?? '');
}

function isThere(path: string): boolean {
  return existsSync(join(root, path)) || existsSync(join(root, `${path}.ts`));
}
