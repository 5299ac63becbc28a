import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The applications that come with this package: folders of `examples`. */
export const builtInApplications = ['supply-chain', 'banking'] as const;

/**
 * The module of an application that comes with this package, found from the sources as well as from
 * the compiled output. `undefined` where there is none of that name.
 */
export function builtInModule(name: string): string | undefined {
  if (!builtInApplications.some((known) => known === name)) return undefined;
  return ['application.js', 'application.ts']
    .map((file) => fileURLToPath(new URL(`../../../examples/${name}/${file}`, import.meta.url)))
    .find((path) => existsSync(path));
}
