import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { builtInApplications, builtInModule } from '../../kernel/config/built-in.js';
import { ConfigError } from '../../kernel/config/config-error.js';
import { type CoordinatorNode, isPath } from '../../kernel/config/node-file.js';
import type { Application } from '../core/application.js';

/** What the default export of an application's module is. */
export interface ApplicationModule {
  readonly application: Application;
  /** A folder (`file:` URL) of static files, which are served under `/<name>/`. */
  readonly pages?: URL | undefined;
}

const operation = z.custom<(...args: never[]) => unknown>(
  (value) => typeof value === 'function',
  'must be a function',
);
const moduleSchema = z.object({
  application: z.looseObject({
    name: z.string(),
    simulate: operation,
    apply: operation,
    interferes: operation,
  }),
  pages: z
    .instanceof(URL, { error: 'must be a URL' })
    .refine(({ protocol }) => protocol === 'file:', 'must be a file: URL')
    .optional(),
});

/**
 * Loads the modules of the applications that the cluster has sessions for, in its order. Throws
 * `ConfigError` where one is not listed, not found, or not an application, and says what to do.
 */
export async function loadApplications(
  names: readonly string[],
  node: Pick<CoordinatorNode, 'name' | 'applications'>,
): Promise<ApplicationModule[]> {
  return Promise.all(names.map((name) => load(name, node)));
}

async function load(
  name: string,
  { name: node, applications = {} }: Pick<CoordinatorNode, 'name' | 'applications'>,
): Promise<ApplicationModule> {
  const listed = applications[name];
  if (listed === undefined) {
    throw new ConfigError(
      `${node}: "applications" has no "${name}", for which the cluster file has sessions; ` +
        `add "${name}" with the path of its module`,
    );
  }
  const what = `${node}: application "${name}"`;
  const path = pathOf(what, listed);
  const found = moduleSchema.safeParse((await imported(what, path)).default);
  if (!found.success) {
    const [fault] = found.error.issues;
    const where = ['default', ...(fault?.path ?? [])].map(String).join('.');
    throw new ConfigError(
      `${what}: ${path}: export ${where} ${fault?.message}; export as default an object ` +
        'with "application" and, where it has pages, "pages"',
    );
  }
  const { application, pages } = found.data;
  if (application.name !== name) {
    throw new ConfigError(`${what}: ${path} is the application "${application.name}"; list it so`);
  }
  // Zod has seen that the parts are there; what they take and give, only running them shows.
  return { application: application as unknown as Application, pages };
}

function pathOf(what: string, listed: string): string {
  const path = isPath(listed) ? listed : builtInModule(listed);
  if (path === undefined) {
    const known = builtInApplications.join(', ');
    throw new ConfigError(
      `${what}: "${listed}" is not built in (${known} are); give the path of a module`,
    );
  }
  if (!existsSync(path)) throw new ConfigError(`${what}: ${path}: no such file; correct the path`);
  return path;
}

async function imported(what: string, path: string): Promise<{ readonly default?: unknown }> {
  try {
    return await import(pathToFileURL(path).href);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError(`${what}: ${path} does not load: ${reason}`, { cause: error });
  }
}
