import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');

/** State machines, and what is signed and sent between them; `.dependency-cruiser.cjs` has the same list. */
const pure = [
  /^src\/agreement\//,
  /^src\/ordering\//,
  /^src\/transaction\/(coordinator\/core|participant|initiator)\//,
  /^src\/transaction\/[^/]+$/,
  /^src\/session\/(core\/|[^/]+$)/,
  /^src\/kernel\/codec\//,
  /^src\/kernel\/(ids|quorum|core|sequencer|error|invariant|cluster|result|signed)\.ts$/,
];
/** Deterministic, but with crypto of Node's or a cache. */
const checks = /\/(check-certificates|check-instances|check-reports|owners)\.ts$/;

function isPure(file: string): boolean {
  return pure.some((pattern) => pattern.test(file)) && !checks.test(file);
}

/** Whatever makes two runs with the same inputs differ, or waits. */
const impure = new Set([
  'Date',
  'performance',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'process',
  'globalThis',
  'fetch',
  'Promise',
  'crypto',
  'localeCompare',
]);

describe('what is pure', () => {
  const files = sourceFiles('src').filter(isPure);

  it.each(files)('%s has no clock, randomness, input or output, and waits for nothing', (file) => {
    expect(impuritiesOf(readFileSync(join(root, file), 'utf8'))).toEqual([]);
  });

  it('finds what it looks for', () => {
    const bad = "import x from 'node:fs'; async () => { await 1; Date.now(); Math.random(); }";
    expect(impuritiesOf(bad)).toEqual(['node:fs', 'async', 'await', 'Date', 'Math.random']);
  });
});

describe('every folder of src', () => {
  it.each(foldersWithSource('src'))('%s says what lives there', (folder) => {
    expect(existsSync(join(root, folder, 'README.md'))).toBe(true);
  });
});

function impuritiesOf(text: string): string[] {
  const source = ts.createSourceFile('x.ts', text, ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      if (!node.moduleSpecifier.text.startsWith('.')) found.push(node.moduleSpecifier.text);
    }
    if (node.kind === ts.SyntaxKind.AsyncKeyword) found.push('async');
    if (ts.isAwaitExpression(node)) found.push('await');
    if (ts.isPropertyAccessExpression(node) && node.getText() === 'Math.random') {
      found.push('Math.random');
    }
    if (ts.isIdentifier(node) && impure.has(node.text)) found.push(node.text);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function sourceFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${folder}/${name}`);
}

function foldersWithSource(folder: string): string[] {
  return [...new Set(sourceFiles(folder).map((file) => file.slice(0, file.lastIndexOf('/'))))];
}
