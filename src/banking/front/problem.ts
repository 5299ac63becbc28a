import type { FastifyReply } from 'fastify';
import { SoapFault } from '../../soap/faults.js';
import { cc, namespaces } from '../../soap/vocabulary.js';
import { element, type XmlElement } from '../../soap/xml.js';
import type { FrontRequest } from './request-book.js';
import type { FrontRefusal, FrontRefusalCode } from './requests.js';

/** Why the front door does not do what it is asked. */
export type ProblemCode =
  | FrontRefusalCode
  | 'invalid-key'
  | 'malformed'
  | 'foreign-origin'
  | 'unknown-transaction'
  | 'too-large'
  | 'unsupported-media-type'
  | 'internal'
  | 'no-answer';

interface Description {
  /** The local name of the SOAP fault, and the end of the problem's `type`. */
  readonly name: string;
  /** Of the HTTP answer in JSON. From 500 on it is not the caller's doing: a SOAP fault of the receiver. */
  readonly status: number;
  readonly title: string;
}

/** The refusals, described once for SOAP and for JSON. */
const descriptions: Readonly<Record<ProblemCode, Description>> = {
  busy: { name: 'Busy', status: 503, title: 'The front door is busy' },
  conflict: { name: 'ConflictingKey', status: 422, title: 'The key names another request' },
  refused: { name: 'Refused', status: 422, title: 'The initiators refuse the request' },
  'too-old': { name: 'TooOld', status: 502, title: 'The outcome cannot be known any more' },
  'outcome-unknown': { name: 'OutcomeUnknown', status: 504, title: 'The outcome is not known yet' },
  'invalid-key': { name: 'InvalidKey', status: 400, title: 'The key is missing or is none' },
  malformed: { name: 'Malformed', status: 400, title: 'The request is malformed' },
  'foreign-origin': { name: 'ForeignOrigin', status: 403, title: 'Foreign pages may not ask here' },
  'unknown-transaction': { name: 'UnknownTransaction', status: 404, title: 'There is no proof' },
  'too-large': { name: 'TooLarge', status: 413, title: 'The request is too large' },
  'unsupported-media-type': {
    name: 'UnsupportedMediaType',
    status: 415,
    title: 'The body is not JSON',
  },
  internal: { name: 'Internal', status: 500, title: 'The front door failed' },
  'no-answer': { name: 'NoAnswer', status: 504, title: 'No coordinator answered' },
};

export interface Problem {
  readonly code: ProblemCode;
  /** What is wrong with this request, for people. */
  readonly detail: string;
  /** What the request can be asked for by. */
  readonly key?: string | undefined;
  /** The initiators' request that it became. */
  readonly request?: FrontRequest | undefined;
}

const retryAfterSeconds = '1';

/** Answers with a problem (RFC 9457). */
export function sendProblem(
  reply: FastifyReply,
  { code, detail, key, request }: Problem,
): FastifyReply {
  const { name, status, title } = descriptions[code];
  if (code === 'busy') reply.header('retry-after', retryAfterSeconds);
  const { client, timestamp } = request?.ticket ?? {};
  const type = `${namespaces.concordat}:${name}`;
  return reply
    .code(status)
    .type('application/problem+json')
    .send({ type, title, status, detail, code, key, client, timestamp });
}

export function problemOf({ code, message, data: { key, request } }: FrontRefusal): Problem {
  return { code, detail: message, key, request };
}

/** What can be asked for is in the detail. */
export function faultOf({ code, message, data: { key, request } }: FrontRefusal): SoapFault {
  const { name, status } = descriptions[code];
  const ask =
    key !== undefined && code === 'outcome-unknown' ? `; ask GET /outcome?key=${key}` : '';
  return new SoapFault({
    soapCode: status < 500 ? 'Sender' : 'Receiver',
    namespace: namespaces.concordat,
    code: name,
    reason: message + ask,
    detail:
      key === undefined
        ? undefined
        : element(cc('AskBy'), [], element(cc('Key'), [], key), ...ticketOf(request)),
  });
}

/** What the initiators know a request by, once it was sent to them. */
function ticketOf(request: FrontRequest | undefined): XmlElement[] {
  if (!request) return [];
  const { client, timestamp } = request.ticket;
  return [element(cc('Client'), [], client), element(cc('Timestamp'), [], String(timestamp))];
}
