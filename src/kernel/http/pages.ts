import { realpath } from 'node:fs/promises';
import { sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { send } from '@fastify/send';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** `concordat/verify` in one file, as the build makes it. Compiled modules stand one folder deeper. */
const browserFiles = fileURLToPath(
  new URL(
    import.meta.url.endsWith('.ts') ? '../../../dist/browser/' : '../../../browser/',
    import.meta.url,
  ),
);

export interface PagesOptions {
  /** Where they are served: `/orders` for all below `/orders/`. */
  readonly path: string;
  /** The folder of their files. */
  readonly root: string;
  /** What they may ask besides the server that serves them. */
  readonly origins: ReadonlySet<string>;
}

/** Answers with a page. */
type ServePage = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>;

/**
 * Serves the files of a folder, `verify.js`, with which pages check proofs, and nothing else. Pages may load
 * what is in there, and ask these origins. `index` answers with the folder's `index.html` at any other path.
 */
export function servePages(
  app: FastifyInstance,
  { path, root, origins }: PagesOptions,
): { readonly index: ServePage } {
  const headers = {
    'content-security-policy': policy(origins),
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
  };
  const serve = async (
    request: FastifyRequest,
    reply: FastifyReply,
    folder: string,
    file = fileOf(request, path),
  ) => {
    const found = await send(request.raw, file, {
      root: folder,
      dotfiles: 'ignore',
      index: 'index.html',
      // Browsers ask each time, and mostly receive that nothing has changed.
      maxAge: 0,
      onFile: (name) => requireInside(folder, name),
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
  app.get(`${path}/verify.js`, (request, reply) => serve(request, reply, browserFiles));
  app.get(`${path}/*`, (request, reply) => serve(request, reply, root));
  return { index: (request, reply) => serve(request, reply, root, '/') };
}

/** Encoded as it came: `send` decodes it, once. */
function fileOf({ raw }: FastifyRequest, path: string): string {
  return raw.url?.slice(path.length).split('?', 1)[0] ?? '/';
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
    `connect-src ${["'self'", ...origins].join(' ')}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
