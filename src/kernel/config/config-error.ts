import { readFile } from 'node:fs/promises';
import type { z } from 'zod';
import { ConcordatError, type NoData, noData } from '../error.js';

/**
 * A configuration that cannot be used. The message names file, field and remedy.
 *
 * @example
 * ```ts
 * import { ConfigError, loadCluster } from 'concordat/client';
 *
 * try {
 *   const { coordinators } = await loadCluster('cluster.json');
 *   console.log(`${coordinators.length} coordinators`);
 * } catch (error) {
 *   if (!(error instanceof ConfigError)) throw error;
 *   console.error(error.message);
 * }
 * ```
 */
export class ConfigError extends ConcordatError<'unusable-configuration', NoData> {
  override readonly name = 'ConfigError';
  readonly code = 'unusable-configuration';
  readonly data = noData;
}

/** Reads a JSON file and checks it. Throws `ConfigError` with one line per fault. */
export async function readJson<Schema extends z.ZodType>(
  file: string,
  schema: Schema,
): Promise<z.output<Schema>> {
  const text = await readText(file);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The parser's own message may quote the file, and the file may hold a private key.
    throw new ConfigError(`${file}: not valid JSON; restore the file or make it anew`);
  }
  return check(file, schema, json);
}

/** Checks a value from `source`. Throws `ConfigError` with one line per fault. */
export function check<Schema extends z.ZodType>(
  source: string,
  schema: Schema,
  value: unknown,
): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => {
    return path.length === 0 ? message : `${fieldName(path)}: ${message}`;
  });
  throw new ConfigError(
    faults.length === 1
      ? `${source}: ${faults[0]}`
      : [`${source}:`, ...faults.map((fault) => `  ${fault}`)].join('\n'),
  );
}

/** Whether a file system error says that there is no such file. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const remedy = isMissing(error) ? 'no such file; "concordat init" makes one' : String(error);
    throw new ConfigError(`${file}: ${remedy}`, { cause: error });
  }
}

/** `['coordinators', 1, 'url']` as `coordinators[1].url`. */
function fieldName(path: readonly PropertyKey[]): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
}
