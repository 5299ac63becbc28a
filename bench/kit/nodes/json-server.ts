import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { endWithParent } from '../../support/end-with-parent.js';

/** What is answered. */
export interface JsonAnswer {
  readonly status: number;
  readonly content: unknown;
}

/**
 * Serves JSON on loopback until the process that started this one is gone. `answer` gets the path and the body,
 * `undefined` where there is none; its errors are answered by 500. `/healthz` says that it runs.
 */
export async function serveJson(
  port: number,
  answer: (path: string, body: unknown) => Promise<JsonAnswer>,
): Promise<void> {
  const server = createServer(async (request, response) => {
    const { status, content } = await answerTo(request, answer).catch((error: unknown) => {
      console.error(error);
      return { status: 500, content: { error: String(error) } };
    });
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(content));
  });
  // A connection that is closed as a request comes would make a transfer abort.
  server.keepAliveTimeout = 0;
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  endWithParent();
  process.once('SIGTERM', () => process.exit());
}

async function answerTo(
  request: IncomingMessage,
  answer: (path: string, body: unknown) => Promise<JsonAnswer>,
): Promise<JsonAnswer> {
  const { url: path = '/' } = request;
  if (path === '/healthz') return { status: 200, content: {} };
  const text = (await request.toArray()).join('');
  return answer(path, text === '' ? undefined : JSON.parse(text));
}
