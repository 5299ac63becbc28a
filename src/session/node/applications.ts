import { z } from 'zod';
import { builtInApplications, builtInModule } from '../../kernel/config/built-in.js';
import { ConfigError } from '../../kernel/config/config-error.js';
import { exportsText, importModule } from '../../kernel/config/module.js';
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
const moduleSchema = z.object(
  {
    application: z.looseObject(
      {
        name: z.string('must be its name'),
        simulate: operation,
        apply: operation,
        interferes: operation,
      },
      'must be an object',
    ),
    pages: z
      .instanceof(URL, { error: 'must be a URL' })
      .refine(({ protocol }) => protocol === 'file:', 'must be a file: URL')
      .optional(),
  },
  'must be an object',
);

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
  const module = await importModule(what, path);
  const { default: exported } = module;
  const found = moduleSchema.safeParse(exported);
  if (!found.success) {
    const [fault] = found.error.issues;
    const where = ['default', ...(fault?.path ?? [])].map(String).join('.');
    throw new ConfigError(
      `${what}: ${path}: export ${where} ${fault?.message}; ${exportsText(module)}; export as default ` +
        'an object with "application" (name, simulate, apply, interferes) and, where it has pages, "pages"',
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
  return path;
}
