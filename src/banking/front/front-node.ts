import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { Cluster } from '../../kernel/cluster.js';
import { type FrontNode, ownMember } from '../../kernel/config/node-file.js';
import { Members } from '../../kernel/enrollment/members.js';
import { registerMembers } from '../../kernel/enrollment/members-port.js';
import { createNodeServer, registerHealth } from '../../kernel/http/http-server.js';
import type { Logger } from '../../kernel/http/logger.js';
import { openExistingStore } from '../../kernel/store/store.js';
import type { SoapMessage } from '../../soap/envelope.js';
import type { Operations } from '../../soap/port.js';
import { registerPort } from '../../soap/server.js';
import { TransferClient } from '../client/transfer-client.js';
import { bankActions, readTransfer, writeTransferResponse } from '../soap.js';
import { serveJson } from './json-port.js';
import { servePage } from './page.js';
import { faultOf } from './problem.js';
import { readPublicFile } from './public-file.js';
import { RequestBook } from './request-book.js';
import { Callers, FrontRefusal, FrontRequests } from './requests.js';

export interface FrontNodeOptions {
  readonly cluster: Cluster;
  readonly node: FrontNode;
  readonly log: Logger;
  /** Sees every envelope that the front door sends to the initiators. */
  readonly onSent?: (text: string) => void;
}

/** Transfers in flight at the cluster, and how many more wait here for a lane. */
const lanes = 64;
const waiting = 192;

/**
 * Starts the front door: serves plain SOAP 1.1 and 1.2 without signatures or WS-Addressing, the same as JSON,
 * and a page for people, and is to the initiators a client that signs. Callers must trust it, and it trusts no
 * single node behind it. More requests than it can hold are answered by HTTP 503 with Retry-After. A request
 * that is sent again under the same key is the same request; `/outcome?key=` says what became of it. Rejects
 * with `StoreDamagedError` where its requests are gone: to a door that has forgotten them, each that is sent
 * again would be a new one.
 */
export async function startFront({ node, log, onSent, ...options }: FrontNodeOptions) {
  const members = await Members.open(options.cluster, node);
  const { cluster } = members;
  const self = ownMember(cluster, node);
  const client = new TransferClient({
    cluster,
    node,
    lanes,
    waiting,
    ...(onSent && { onSent }),
  });
  // A transaction without an outcome by then has run out of time.
  const timeoutMs = cluster.timing.defaultExpiresMs;
  const { resendAfterMs } = cluster.timing;
  const store = await openExistingStore(join(node.dataDir, 'requests'));
  const book = new RequestBook(store, Date.now);
  const requests = new FrontRequests({ book, client, timeoutMs, resendAfterMs, log });
  await requests.start();

  const app = createNodeServer(cluster, self, node, log);
  registerHealth(app, log);
  registerMembers(app, members, self, log);
  const callers = new Callers(app);
  registerPort(app, {
    path: '/transfer',
    wsdl: 'transfer',
    security: { kind: 'plain' },
    operations: frontOperations(requests, callers),
    inFlightMax: lanes + waiting,
  });
  serveOutcomes(app, requests);
  const publicFile = () => readPublicFile(node.clusterFile, options.cluster, cluster);
  serveJson(app, { requests, cluster, publicFile, inFlightMax: lanes + waiting });
  servePage(app);
  const url = await app.listen(node.listen);
  return {
    /** Where it listens. */
    url,
    /** Takes no more requests, lets those under way fail, and closes all connections. */
    stop: async (): Promise<void> => {
      requests.stop();
      await client.close();
      await app.close();
      await store.close();
    },
  };
}

function frontOperations(requests: FrontRequests, callers: Callers): Operations<SoapMessage> {
  return {
    [bankActions.transfer]: {
      kind: 'request-reply',
      replyAction: bankActions.transferResponse,
      handle: async (message) => {
        const order = readTransfer(message.body);
        try {
          const result = await requests.transfer(order, callers.of(message));
          return { body: writeTransferResponse(result) };
        } catch (error) {
          throw error instanceof FrontRefusal ? faultOf(error) : error;
        }
      },
    },
  };
}

/** `GET /outcome?key=`: what became of a request, as far as it is remembered. It moves nothing. */
function serveOutcomes(app: FastifyInstance, requests: FrontRequests): void {
  app.get('/outcome', (request, reply) => {
    const key = new URL(request.url, 'http://host.invalid').searchParams.get('key') ?? '';
    if (key === '') return reply.code(400).send({ error: 'the key is missing' });
    const found = requests.find(key);
    if (found === undefined && requests.isUnderWay(key)) return { key, state: 'open' };
    if (found === undefined) {
      const { rememberedMs } = requests;
      return reply.code(404).send({ key, state: 'unknown, not executed', rememberedMs });
    }
    const { answer, ticket } = found;
    const about = { key, client: ticket.client, timestamp: ticket.timestamp };
    if (answer === undefined) return { ...about, state: 'open' };
    if (answer.kind === 'outcome')
      return { ...about, state: answer.result.outcome, ...answer.result };
    return { ...about, state: answer.kind, reason: answer.reason };
  });
}
