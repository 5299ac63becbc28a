import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import { servePages } from '../../kernel/http/pages.js';

/** Serves the page for people at `/`. What it loads is below `/pages/`. */
export function servePage(app: FastifyInstance): void {
  const { index } = servePages(app, { path: '/pages', root: folder(), origins: new Set() });
  app.get('/', index);
}

/** The pages are not compiled: they are found from the sources as well as from the compiled output. */
function folder(): string {
  const candidates = ['./pages/', '../../../../src/banking/front/pages/'];
  const found = candidates
    .map((path) => fileURLToPath(new URL(path, import.meta.url)))
    .find((path) => existsSync(path));
  if (found === undefined) throw new Error('the pages of the front door are missing');
  return found;
}
