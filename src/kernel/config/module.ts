import { existsSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ConfigError } from './config-error.js';

/**
 * Loads a module that a node's file names. Throws `ConfigError`, which begins with `what`, where there is no such file
 * or it does not load, and says what to do.
 */
export async function importModule(
  what: string,
  path: string,
): Promise<Readonly<Record<string, unknown>>> {
  if (!existsSync(path)) throw new ConfigError(`${what}: ${path}: no such file; correct the path`);
  try {
    return await import(pathToFileURL(path).href);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const remedy = lacksConcordat(error)
      ? `; put the package beside the module: run "npm install ${packageRoot()}" in its folder`
      : '';
    throw new ConfigError(`${what}: ${path} does not load: ${reason}${remedy}`, { cause: error });
  }
}

/** For people: which names a module exports. */
export function exportsText(module: Readonly<Record<string, unknown>>): string {
  const names = Object.keys(module).sort();
  return names.length === 0 ? 'it exports nothing' : `it exports ${names.join(', ')}`;
}

function lacksConcordat(error: unknown): boolean {
  if (!(error instanceof Error && 'code' in error)) return false;
  return error.code === 'ERR_MODULE_NOT_FOUND' && /package 'concordat'/.test(error.message);
}

/** Of the compiled output; from the sources, too. */
function packageRoot(): string {
  const above = import.meta.url.endsWith('.ts') ? '../../..' : '../../../..';
  return fileURLToPath(new URL(above, import.meta.url)).replace(/\/$/, '');
}
