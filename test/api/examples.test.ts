import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const json = readFileSync(join(root, 'package.json'), 'utf8');
const { exports } = JSON.parse(json) as { exports: Record<string, string | { types: string }> };
const entries = Object.values(exports)
  .flatMap((entry) => (typeof entry === 'string' ? [] : [entry.types]))
  .map((types) => join(root, types.replace('/dist/', '/').replace(/[.]d[.]ts$/, '.ts')));

const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile);
const options: ts.CompilerOptions = {
  ...ts.parseJsonConfigFileContent(config, ts.sys, root).options,
  noEmit: true,
  incremental: false,
};

interface Documented {
  /** Of the entry point, and of what it exports. */
  readonly name: string;
  /** Whether a program can call or construct it. */
  readonly isValue: boolean;
  readonly examples: readonly string[];
}

/** What the package exports, with the examples of its docstring. */
function documented(program: ts.Program): Documented[] {
  const checker = program.getTypeChecker();
  return entries.flatMap((entry) => {
    const file = program.getSourceFile(entry);
    const module = file && checker.getSymbolAtLocation(file);
    if (module === undefined) throw new Error(`${entry} is no module`);
    return checker
      .getExportsOfModule(module)
      .map((symbol) =>
        symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol,
      )
      .map((symbol) => ({
        name: `${basename(entry, '.ts')} ${symbol.name}`,
        isValue: (symbol.flags & ts.SymbolFlags.Value) !== 0,
        examples: examplesOf(symbol, checker),
      }));
  });
}

function examplesOf(symbol: ts.Symbol, checker: ts.TypeChecker): string[] {
  return symbol
    .getJsDocTags(checker)
    .filter(({ name }) => name === 'example')
    .map(({ text }) => ts.displayPartsToString(text))
    .flatMap((text) => [...text.matchAll(/```ts\n(.*?)\n```/gs)].map(([, code = '']) => code));
}

/** What the compiler says of a program of a user that is each of these texts. */
function faultsOf(texts: readonly string[], before: ts.Program): string[][] {
  const files = new Map(
    texts.map((text, index) => [join(import.meta.dirname, `example-${index}.ts`), text]),
  );
  const host = ts.createCompilerHost(options);
  const { readFile, fileExists } = host;
  host.readFile = (name) => files.get(name) ?? readFile(name);
  host.fileExists = (name) => files.has(name) || fileExists(name);
  const program = ts.createProgram([...files.keys()], options, host, before);
  return [...files.keys()].map((name) => {
    const file = program.getSourceFile(name);
    const found = [
      ...program.getSyntacticDiagnostics(file),
      ...program.getSemanticDiagnostics(file),
    ];
    return found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
  });
}

const program = ts.createProgram(entries, options);
const all = documented(program);
const examples = [...new Set(all.flatMap((each) => each.examples))];

describe('what the package exports', () => {
  it.each(all.filter(({ isValue }) => isValue))('has an example: $name', ({ examples: own }) => {
    expect(own.length).toBeGreaterThan(0);
  });

  it('finds mistakes in examples', () => {
    const [faults] = faultsOf(
      ["import { noSuchThing } from 'concordat';\nnoSuchThing();"],
      program,
    );
    expect(faults).toEqual([expect.stringContaining('no exported member')]);
  });

  const faults = faultsOf(examples, program);
  it.each(examples.map((text, index) => ({ text, faults: faults[index] })))(
    'has examples that compile: $text',
    (example) => {
      expect(example.faults).toEqual([]);
      expect(example.text).toMatch(/ from 'concordat/);
    },
  );
});
