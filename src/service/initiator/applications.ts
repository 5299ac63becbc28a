import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { ConfigError } from '../../kernel/config/config-error.js';
import { type InitiatorApplication, procedureCallsMax } from './procedures.js';

const schema = z.object({
  name: z.string(),
  procedures: z.record(
    z.string(),
    z.custom<(...args: never[]) => unknown>(
      (value) => typeof value === 'function' && !isAsynchronous(value),
      'must be a generator function, and not asynchronous',
    ),
  ),
  callsMax: z
    .int('must be a whole number')
    .min(1, 'must be at least 1')
    .max(procedureCallsMax, `must be at most ${procedureCallsMax}`)
    .optional(),
});

/** What comes of it later would not be the same at all initiators. */
function isAsynchronous(value: unknown): boolean {
  return /^\[object Async/.test(Object.prototype.toString.call(value));
}

/**
 * Loads the applications that an initiator's file names, with the paths of their modules. Throws `ConfigError` where
 * one is not found or not an application, and says what to do.
 */
export async function loadInitiatorApplications(
  node: string,
  modules: Readonly<Record<string, string>>,
): Promise<ReadonlyMap<string, InitiatorApplication>> {
  const loaded = Object.entries(modules).map(
    async ([name, path]) =>
      [name, await load(`${node}: application "${name}"`, name, path)] as const,
  );
  return new Map(await Promise.all(loaded));
}

async function load(what: string, name: string, path: string): Promise<InitiatorApplication> {
  if (!existsSync(path)) throw new ConfigError(`${what}: ${path}: no such file; correct the path`);
  const found = schema.safeParse((await imported(what, path)).application);
  if (!found.success) {
    const [fault] = found.error.issues;
    const where = ['application', ...(fault?.path ?? [])].map(String).join('.');
    throw new ConfigError(
      `${what}: ${path}: export ${where} ${fault?.message}; export "application" with "name" and "procedures"`,
    );
  }
  if (found.data.name !== name) {
    throw new ConfigError(`${what}: ${path} is the application "${found.data.name}"; list it so`);
  }
  // Zod has seen that the parts are there; what they take and give, only running them shows.
  return found.data as unknown as InitiatorApplication;
}

async function imported(what: string, path: string): Promise<{ readonly application?: unknown }> {
  try {
    return await import(pathToFileURL(path).href);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError(`${what}: ${path} does not load: ${reason}`, { cause: error });
  }
}
