import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import ts from 'typescript';

/** Every file of ours that an entry reaches when it runs, and what each imports; not what is but a type. */
export function valueImports(root: string, entry: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  const open = [entry];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (found.has(file)) continue;
    const folder = dirname(file);
    const names = importsOf(readFileSync(join(root, file), 'utf8')).map((name) =>
      name.startsWith('.') ? normalize(join(folder, name)).replace(/[.]js$/, '.ts') : name,
    );
    found.set(file, names);
    open.push(...names.filter((name) => name.startsWith('src/')));
  }
  return found;
}

function importsOf(text: string): string[] {
  const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ESNext };
  const compilerOptions = { ...options, verbatimModuleSyntax: true };
  const { outputText } = ts.transpileModule(text, { compilerOptions });
  const source = ts.createSourceFile('x.js', outputText, ts.ScriptTarget.Latest);
  return source.statements.flatMap((statement) => {
    const isFrom = ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement);
    const from = isFrom ? statement.moduleSpecifier : undefined;
    return from !== undefined && ts.isStringLiteral(from) ? [from.text] : [];
  });
}
