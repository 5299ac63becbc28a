import type { FastifyInstance } from 'fastify';
import type { Store } from '../../edge/store/store.js';
import { transactionId } from '../../vocabulary/ids.js';

/** Serves `/status`, figures as JSON, and `/proof/:tid`, the outcome's proof as it can be verified offline. */
export function registerPublicPages(
  app: FastifyInstance,
  store: Store,
  status: () => object,
): void {
  app.get('/status', () => status());
  app.get<{ Params: { tid: string } }>('/proof/:tid', async (request, reply) => {
    const tid = parseTransactionId(request.params.tid);
    if (!tid) return reply.code(400).send({ error: 'not a transaction id' });
    const [record] = await store.load(`decided/o:${tid}`);
    if (!record) return reply.code(404).send({ error: 'no outcome of this transaction here' });
    return reply.type('application/octet-stream').send(Buffer.from(record.value));
  });
}

function parseTransactionId(text: string) {
  try {
    return transactionId(text);
  } catch {
    return undefined;
  }
}
