import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Cluster } from '../../kernel/cluster.js';
import { originOf } from '../../kernel/http/addresses.js';
import { principalOf, Shares } from '../../kernel/http/shares.js';
import { type TransactionId, transactionId } from '../../kernel/ids.js';
import { fetchProof } from '../../service/client/proof-fetch.js';
import { loadOpenApi } from '../../soap/wsdl.js';
import { type Problem, type ProblemCode, problemOf, sendProblem } from './problem.js';
import { bookLimits } from './request-book.js';
import { FrontRefusal, type FrontRequests, isKey, keyIn } from './requests.js';
import { readTransferJson } from './transfer-json.js';

export interface JsonPortOptions {
  readonly requests: FrontRequests;
  readonly cluster: Cluster;
  /** The text of the cluster's public file. */
  readonly publicFile: () => Promise<string>;
  /** Transfers under way at a time; more are answered by HTTP 503. */
  readonly inFlightMax: number;
}

/** Of a transfer in JSON; the largest that is valid has some 4 kB. */
const transferBytesMax = 16_384;
/** Proofs that are fetched at a time. */
const proofsMax = 16;
/** For each coordinator that is asked for a proof. */
const proofTimeoutMs = 3000;

/**
 * Serves the transfer as JSON, proofs of outcomes, and the cluster's public file; `wsdl/front.openapi.json`
 * describes all of it. Pages of other origins cannot make a transfer: they may not send JSON without being
 * allowed to, and are refused by their `Origin`.
 */
export function serveJson(app: FastifyInstance, options: JsonPortOptions): void {
  const { requests, cluster, publicFile, inFlightMax } = options;
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    const json = scope.getDefaultJsonParser('error', 'error');
    scope.addContentTypeParser('application/json', { parseAs: 'string' }, json);
    scope.setErrorHandler((error, request, reply) => refuse(error, request, reply));
    scope.addHook('onRequest', async (_request, reply) => {
      reply.header('x-content-type-options', 'nosniff');
    });

    const transfers = new Shares(inFlightMax);
    scope.post('/transfers', { bodyLimit: transferBytesMax }, async (request, reply) => {
      if (isForeign(app, request)) return sendProblem(reply, foreign);
      return bounded(app, transfers, inFlightMax, request, reply, () =>
        transfer(requests, request, reply),
      );
    });
    const proofs = new Shares(proofsMax);
    scope.get<{ Params: { transaction: string } }>('/proof/:transaction', (request, reply) => {
      const tid = readTransactionId(request.params.transaction);
      if (tid === undefined) {
        return sendProblem(reply, { code: 'malformed', detail: 'not a transaction id' });
      }
      return bounded(app, proofs, proofsMax, request, reply, () => sendProof(cluster, tid, reply));
    });
    scope.get('/cluster.json', async (_request, reply) =>
      reply.type('application/json').send(await publicFile()),
    );
    const openApi = loadOpenApi('front');
    scope.get('/openapi.json', (_, reply) => reply.type('application/json').send(openApi));
  });
}

const foreign: Problem = {
  code: 'foreign-origin',
  detail:
    'transfers are made from pages of this front door only; behind a proxy, say in "publicUrl" of its ' +
    'file how browsers call it',
};

/** A page of another origin, as browsers say of each POST. */
function isForeign(
  { ownAddresses }: FastifyInstance,
  { headers: { origin }, protocol, host }: FastifyRequest,
): boolean {
  if (origin === undefined) return false;
  const asked = { protocol, host };
  const own = [originOf(asked), ownAddresses?.reachable(asked)];
  return !own.some((address) => address !== undefined && new URL(address).origin === origin);
}

async function bounded(
  app: FastifyInstance,
  places: Shares,
  max: number,
  { ip }: FastifyRequest,
  reply: FastifyReply,
  work: () => Promise<FastifyReply>,
): Promise<FastifyReply> {
  const release = places.take(principalOf(ip), app.addressShares.partOf(max, ip));
  if (release === undefined) {
    return sendProblem(reply, { code: 'busy', detail: 'too much is under way for this address' });
  }
  try {
    return await work();
  } finally {
    release();
  }
}

async function transfer(
  requests: FrontRequests,
  { headers, ip, body }: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const key = keyIn(headers);
  if (key === undefined || !isKey(key)) {
    const detail = `send a header Idempotency-Key of 1 to ${bookLimits.keyLength} characters`;
    return sendProblem(reply, { code: 'invalid-key', detail });
  }
  const order = readTransferJson(body);
  if (!order.ok) return sendProblem(reply, { code: 'malformed', detail: order.error });
  try {
    return reply.send(await requests.transfer(order.value, { address: ip, key }));
  } catch (error) {
    if (error instanceof FrontRefusal) return sendProblem(reply, problemOf(error));
    throw error;
  }
}

async function sendProof(
  cluster: Cluster,
  tid: TransactionId,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const search = await fetchProof(cluster, tid, { timeoutMs: proofTimeoutMs });
  if (search.kind === 'none') {
    const code = search.answered ? 'unknown-transaction' : 'no-answer';
    return sendProblem(reply, { code, detail: search.said.join('; ') });
  }
  return reply
    .type('application/octet-stream')
    .header('content-disposition', `attachment; filename="${tid}.proof"`)
    .send(Buffer.from(search.bytes));
}

const codesByStatus: ReadonlyMap<unknown, ProblemCode> = new Map([
  [413, 'too-large'],
  [415, 'unsupported-media-type'],
]);

/** What the HTTP server refuses is the body. */
function refuse(error: unknown, { log }: FastifyRequest, reply: FastifyReply): FastifyReply {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : 500;
  if (error instanceof Error && typeof status === 'number' && status < 500) {
    return sendProblem(reply, {
      code: codesByStatus.get(status) ?? 'malformed',
      detail: status === 413 ? `a transfer has at most ${transferBytesMax} bytes` : error.message,
    });
  }
  log.error({ err: error }, 'front-request-failed');
  return sendProblem(reply, { code: 'internal', detail: 'internal error' });
}

function readTransactionId(text: string): TransactionId | undefined {
  try {
    return transactionId(text);
  } catch {
    return undefined;
  }
}
