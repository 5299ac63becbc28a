import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

/** A code that errors of a class may have. */
export interface ErrorCode {
  readonly error: string;
  /** `*` where any text may be one. */
  readonly code: string;
}

/** The declarations of all files below a folder. */
export function declarationsIn(folder: string): Declarations {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .filter((text) => /^export type|^type|class \w+ extends/m.test(text));
  return new Declarations(files);
}

/** Classes and types of some sources, by their names. */
export class Declarations {
  readonly #types = new Map<string, ts.TypeNode>();
  readonly #classes = new Map<string, ts.ClassDeclaration>();

  constructor(texts: readonly string[]) {
    for (const text of texts) {
      const { statements } = ts.createSourceFile('x.ts', text, ts.ScriptTarget.Latest, true);
      for (const statement of statements) {
        if (ts.isTypeAliasDeclaration(statement)) {
          this.#types.set(statement.name.text, statement.type);
        }
        if (ts.isClassDeclaration(statement) && statement.name) {
          this.#classes.set(statement.name.text, statement);
        }
      }
    }
  }

  /** Every class of errors with its codes, and those of types whose values say why not. */
  errorCodes(values: readonly string[]): ErrorCode[] {
    const thrown = [...this.#classes.keys()].filter((name) => this.#isError(name));
    return [
      ...thrown.flatMap((error) => this.#codesOf(error).map((code) => ({ error, code }))),
      ...values.flatMap((error) =>
        this.#codesOfObjects(this.#types.get(error)).map((code) => ({ error, code })),
      ),
    ];
  }

  /** Classes that extend `Error` and are not of the one kind. */
  strayErrors(): string[] {
    return [...this.#classes.keys()].filter(
      (name) => this.#baseOf(name) === 'Error' && name !== 'ConcordatError',
    );
  }

  #isError(name: string): boolean {
    const base = this.#baseOf(name);
    return base === 'ConcordatError' || (base !== undefined && this.#isError(base));
  }

  #baseOf(name: string): string | undefined {
    const [clause] = this.#classes.get(name)?.heritageClauses ?? [];
    const isBase = clause?.token === ts.SyntaxKind.ExtendsKeyword;
    return isBase ? clause.types[0]?.expression.getText() : undefined;
  }

  /** A class that fixes one value has that; other classes have all of the type, but for what a class below fixes. */
  #codesOf(name: string): string[] {
    const fixed = this.#fixedCode(name);
    if (fixed !== undefined) return [fixed];
    const below = [...this.#classes.keys()].filter((other) => this.#baseOf(other) === name);
    const taken = below.map((other) => this.#fixedCode(other));
    const [clause] = this.#classes.get(name)?.heritageClauses ?? [];
    const [codeType] = clause?.types[0]?.typeArguments ?? [];
    // A class below that has the type of its base has its codes, too.
    const codes = codeType ? this.#literals(codeType) : this.#codesOf(this.#baseOf(name) ?? '');
    return codes.filter((code) => !taken.includes(code));
  }

  #fixedCode(name: string): string | undefined {
    const members = [...(this.#classes.get(name)?.members ?? [])];
    const code = members
      .filter(ts.isPropertyDeclaration)
      .find((it) => it.name.getText() === 'code');
    const isFixed = code?.type === undefined && code?.initializer !== undefined;
    return isFixed && ts.isStringLiteral(code.initializer) ? code.initializer.text : undefined;
  }

  #literals(type: ts.TypeNode): string[] {
    if (ts.isUnionTypeNode(type)) return type.types.flatMap((one) => this.#literals(one));
    if (ts.isLiteralTypeNode(type) && ts.isStringLiteral(type.literal)) return [type.literal.text];
    if (ts.isIndexedAccessTypeNode(type)) return this.#codesOfObjects(type.objectType);
    if (type.kind === ts.SyntaxKind.StringKeyword) return ['*'];
    const named = ts.isTypeReferenceNode(type)
      ? this.#types.get(type.typeName.getText())
      : undefined;
    if (named === undefined) throw new Error(`a code of the type ${type.getText()}`);
    return this.#literals(named);
  }

  /** Of a union of objects: what `code` may be in them. */
  #codesOfObjects(type: ts.TypeNode | undefined): string[] {
    if (type === undefined) throw new Error('no such type');
    if (ts.isUnionTypeNode(type)) return type.types.flatMap((one) => this.#codesOfObjects(one));
    if (ts.isTypeReferenceNode(type)) {
      return this.#codesOfObjects(this.#types.get(type.typeName.getText()));
    }
    const members = ts.isTypeLiteralNode(type) ? [...type.members] : [];
    return members
      .filter(ts.isPropertySignature)
      .flatMap((it) => (it.name.getText() === 'code' && it.type ? this.#literals(it.type) : []));
  }
}

const rowForm = /^\| `(\w+)` \| (?:`([^`]+)`|(any)) \|/;

/** The rows of the tables in docs/errors.md. */
export function errorRows(page: string): ErrorCode[] {
  return page.split('\n').flatMap((line) => {
    const [, error, code] = rowForm.exec(line) ?? [];
    return error === undefined ? [] : [{ error, code: code ?? '*' }];
  });
}
