import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import { servePages } from '../../kernel/http/pages.js';
import type { ApplicationModule } from './applications.js';

/**
 * Serves an application's pages under `/<name>/`. They may load what is in there, and ask the coordinators of
 * these origins.
 */
export function registerPages(
  app: FastifyInstance,
  { application, pages }: ApplicationModule,
  origins: ReadonlySet<string>,
): void {
  if (pages === undefined) return;
  const path = `/${application.name}`;
  app.get(path, (_request, reply) => reply.redirect(`${path}/`));
  servePages(app, { path, root: fileURLToPath(pages), origins });
}
