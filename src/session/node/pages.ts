import { realpath } from 'node:fs/promises';
import { sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { send } from '@fastify/send';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ApplicationModule } from './applications.js';

/** `concordat/verify` in one file, as the build makes it. Compiled modules stand one folder deeper. */
const browserFiles = fileURLToPath(
  new URL(
    import.meta.url.endsWith('.ts') ? '../../../dist/browser/' : '../../../browser/',
    import.meta.url,
  ),
);

/**
 * Serves an application's pages under `/<name>/`: the files of its folder, `verify.js`, with which they
 * check proofs, and nothing else. They may load what is in there, and ask the coordinators of these origins.
 */
export function registerPages(
  app: FastifyInstance,
  { application, pages }: ApplicationModule,
  origins: ReadonlySet<string>,
): void {
  if (pages === undefined) return;
  const root = fileURLToPath(pages);
  const headers = {
    'content-security-policy': policy(origins),
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
  };
  app.get(`/${application.name}`, (_request, reply) => reply.redirect(`/${application.name}/`));
  const serve = async (request: FastifyRequest, reply: FastifyReply, folder: string) => {
    // Encoded as it came: `send` decodes it, once.
    const path = request.raw.url?.slice(application.name.length + 1) ?? '/';
    const found = await send(request.raw, path.split('?', 1)[0] ?? '/', {
      root: folder,
      dotfiles: 'ignore',
      index: 'index.html',
      // Browsers ask each time, and mostly receive that nothing has changed.
      maxAge: 0,
      onFile: (file) => requireInside(folder, file),
    });
    reply.headers(headers);
    if (found.type !== 'file') {
      found.stream.destroy();
      return reply
        .code(found.statusCode === 200 ? 404 : found.statusCode)
        .send({ error: 'no such page' });
    }
    return reply.code(found.statusCode).headers(found.headers).send(found.stream);
  };
  app.get(`/${application.name}/verify.js`, (request, reply) =>
    serve(request, reply, browserFiles),
  );
  app.get(`/${application.name}/*`, (request, reply) => serve(request, reply, root));
}

/** A link in the folder may lead anywhere. */
async function requireInside(root: string, file: string): Promise<void> {
  const folder = await realpath(root);
  const real = await realpath(file);
  if (!real.startsWith(`${folder}${sep}`)) {
    throw Object.assign(new Error('no such page'), { statusCode: 404 });
  }
}

function policy(origins: ReadonlySet<string>): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    `connect-src 'self' ${[...origins].join(' ')}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
