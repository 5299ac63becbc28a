import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';
import { afterAll, beforeAll } from 'vitest';

const modules = [
  ...['store', 'ledger', 'mark'].map((name) => `kernel/store/${name}`),
  'kernel/ids',
  'kernel/costs',
  'kernel/error',
];

let made = 0;

/** Compiles the store before the tests, for processes of their own: the URL of its module. */
export function compiledStore(): { readonly compiled: string } {
  made += 1;
  // Beside the packages, so that a process finds them as the source does.
  const cache = join(import.meta.dirname, '../../../node_modules/.cache');
  const scratch = join(cache, `store-${process.pid}-${made}`);

  beforeAll(async () => {
    await mkdir(join(scratch, 'kernel/store'), { recursive: true });
    await writeFile(join(scratch, 'package.json'), '{ "type": "module" }');
    for (const name of modules) {
      const source = join(import.meta.dirname, '../../../src', `${name}.ts`);
      const { outputText } = ts.transpileModule(await readFile(source, 'utf8'), {
        compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
      });
      await writeFile(join(scratch, `${name}.js`), outputText);
    }
  });
  afterAll(() => rm(scratch, { recursive: true, force: true }));
  return { compiled: pathToFileURL(join(scratch, 'kernel/store/store.js')).href };
}
