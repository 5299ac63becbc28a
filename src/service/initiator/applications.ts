import { z } from 'zod';
import { ConfigError } from '../../kernel/config/config-error.js';
import { exportsText, importModule } from '../../kernel/config/module.js';
import { type InitiatorApplication, procedureCallsMax } from './procedures.js';

const schema = z.object(
  {
    name: z.string('must be its name'),
    procedures: z.record(
      z.string(),
      z.custom<(...args: never[]) => unknown>(
        (value) => typeof value === 'function' && !isAsynchronous(value),
        'must be a generator function, and not asynchronous',
      ),
      'must be an object of generator functions',
    ),
    callsMax: z
      .int('must be a whole number')
      .min(1, 'must be at least 1')
      .max(procedureCallsMax, `must be at most ${procedureCallsMax}`)
      .optional(),
  },
  'must be an object',
);

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
  const module = await importModule(what, path);
  const { application } = module;
  const found = schema.safeParse(application);
  if (!found.success) {
    const [fault] = found.error.issues;
    const where = ['application', ...(fault?.path ?? [])].map(String).join('.');
    throw new ConfigError(
      `${what}: ${path}: export ${where} ${fault?.message}; ${exportsText(module)}, and must export ` +
        '"application": an object with "name" and "procedures" (generator functions)',
    );
  }
  if (found.data.name !== name) {
    throw new ConfigError(`${what}: ${path} is the application "${found.data.name}"; list it so`);
  }
  // Zod has seen that the parts are there; what they take and give, only running them shows.
  return found.data as unknown as InitiatorApplication;
}
