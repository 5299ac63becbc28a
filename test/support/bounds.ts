import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

/** A bound as the source has it: a constant, or a property of an object of limits. */
export interface Bound {
  /** `file:name`, or `file:name.property`; the file below `src`, or below the root in `examples`. */
  readonly key: string;
  /** `undefined` where the source derives it from other bounds. */
  readonly value: number | undefined;
}

const boundName = /(^|_)MAX(_|$)|^max[A-Z]|[a-z]Max([A-Z]\w*)?$/;
const limitsName = /^(limits|[a-z]\w*Limits)$/;

/**
 * Every bound in a tree, by the names that the house gives them: `…Max`, `max…`, `…_MAX` and objects
 * called `…limits`.
 */
export function boundsIn(root: string, folders: readonly string[]): Bound[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .sort()
      .flatMap((name) => {
        const path = `${folder}/${name}`;
        const file = path.replace(/^src\//, '');
        return boundsOf(file, readFileSync(join(root, path), 'utf8'));
      }),
  );
}

/** The bounds that one file declares outside of functions and classes. */
export function boundsOf(file: string, text: string): Bound[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  return source.statements.filter(ts.isVariableStatement).flatMap((statement) =>
    statement.declarationList.declarations.flatMap(({ name, initializer }) => {
      if (!ts.isIdentifier(name) || !initializer) return [];
      const value = withoutConst(initializer);
      const key = `${file}:${name.text}`;
      if (limitsName.test(name.text) && ts.isObjectLiteralExpression(value)) {
        return value.properties.filter(ts.isPropertyAssignment).map((property) => ({
          key: `${key}.${property.name.getText()}`,
          value: numberOf(property.initializer),
        }));
      }
      return boundName.test(name.text) ? [{ key, value: numberOf(value) }] : [];
    }),
  );
}

/** A row of a table of bounds: its key, and the number in its column of values. */
export interface BoundRow {
  readonly key: string;
  readonly value: number | undefined;
}

/** The rows of all tables in a page whose last column is a key, as `` `file:name` ``. */
export function rowsOf(page: string): BoundRow[] {
  return page.split('\n').flatMap((line) => {
    const cells = line.split('|').map((cell) => cell.trim());
    const [, , value = ''] = cells;
    const key = /^`([\w./-]+\.ts:[\w.]+)`$/.exec(cells.at(-2) ?? '')?.[1];
    return key === undefined ? [] : [{ key, value: readValue(value) }];
  });
}

/** `4,096`, `16 MiB` or `2 s` as a number of pieces, bytes or milliseconds. */
function readValue(cell: string): number | undefined {
  const [, digits, unit = ''] = /^([\d,.]+) ?(KiB|MiB|GiB|s|h)?$/.exec(cell) ?? [];
  if (digits === undefined) return undefined;
  const units: Readonly<Record<string, number>> = {
    KiB: 2 ** 10,
    MiB: 2 ** 20,
    GiB: 2 ** 30,
    s: 1000,
    h: 3_600_000,
  };
  return Number(digits.replaceAll(',', '')) * (units[unit] ?? 1);
}

function withoutConst(node: ts.Expression): ts.Expression {
  return ts.isAsExpression(node) || ts.isSatisfiesExpression(node) ? node.expression : node;
}

function numberOf(node: ts.Expression): number | undefined {
  if (ts.isNumericLiteral(node)) return Number(node.text);
  if (ts.isParenthesizedExpression(node)) return numberOf(node.expression);
  if (!ts.isBinaryExpression(node)) return undefined;
  const left = numberOf(node.left);
  const right = numberOf(node.right);
  if (left === undefined || right === undefined) return undefined;
  switch (node.operatorToken.kind) {
    case ts.SyntaxKind.AsteriskToken:
      return left * right;
    case ts.SyntaxKind.AsteriskAsteriskToken:
      return left ** right;
    case ts.SyntaxKind.PlusToken:
      return left + right;
    case ts.SyntaxKind.MinusToken:
      return left - right;
    case ts.SyntaxKind.SlashToken:
      return left / right;
    default:
      return undefined;
  }
}
