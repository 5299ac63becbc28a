import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isReferenceParameter } from './addressing.js';
import type { SoapClient } from './client.js';
import { readUnprotected, type SoapMessage, writeEnvelope } from './envelope.js';
import { addressingFaults, type SoapFault, soapFaults } from './faults.js';
import { charsetOf, httpAction, soapMediaTypes, versionOfContentType } from './http-binding.js';
import { type HttpAnswer, type Operation, type Operations, Port, type Posted } from './port.js';
import type { MessageSigner, MessageVerifier, ReceivedMessage } from './security.js';
import { decodeXml, TextEncodingError } from './text-encoding.js';
import type { OnSent } from './transport.js';
import { namespaces, type SoapVersion } from './vocabulary.js';
import { loadSchema, loadWsdl, type WsdlName } from './wsdl.js';
import { isNamed, type XmlElement } from './xml.js';

export type { Operation, Operations, Reply } from './port.js';

interface CommonOptions {
  /** Where on the server, for example `/registration`. */
  readonly path: string;
  /** The document served at `<path>?wsdl`. */
  readonly wsdl: WsdlName;
  /** Sends replies and faults to real ReplyTo and FaultTo addresses. */
  readonly client?: SoapClient | undefined;
  /** Messages under way at a time; more are answered by HTTP 503. 256 unless given. */
  readonly inFlightMax?: number | undefined;
  /** Sees what leaves on HTTP answers. */
  readonly onSent?: OnSent | undefined;
}

/** A port where every message is signed, both ways, and addressed. */
export interface SignedPortOptions extends CommonOptions {
  readonly security: {
    readonly kind: 'signed';
    readonly verifier: MessageVerifier;
    readonly signer: MessageSigner;
    /** The address that callers use; a message signed for another address is refused. */
    readonly address: string;
  };
  readonly operations: Operations<ReceivedMessage>;
}

/** A port for anybody, where WS-Addressing is not needed and nothing is signed. */
export interface PlainPortOptions extends CommonOptions {
  readonly security: { readonly kind: 'plain' };
  readonly operations: Operations<SoapMessage>;
}

const inFlightMaxDefault = 256;
const retryAfterSeconds = '1';

/** Serves a SOAP 1.1 and 1.2 port and its WSDL. Answers come in the version of the question. */
export function registerPort(app: FastifyInstance, options: SignedPortOptions): void;
export function registerPort(app: FastifyInstance, options: PlainPortOptions): void;
export function registerPort(
  app: FastifyInstance,
  options: SignedPortOptions | PlainPortOptions,
): void {
  if (isSigned(options)) serve(app, options, signedPort(app, options));
  else serve(app, options, plainPort(app, options));
}

function isSigned(options: SignedPortOptions | PlainPortOptions): options is SignedPortOptions {
  return options.security.kind === 'signed';
}

function signedPort(app: FastifyInstance, options: SignedPortOptions): Port<ReceivedMessage> {
  const { operations, client, onSent } = options;
  const { verifier, signer, address } = options.security;
  return new Port({
    operations,
    read: (envelope, text) => verifier.authenticate(envelope, text),
    write: (message) => signer.sign(message),
    checkAddressing: (message, kind) => requireAddressing(message, kind, address),
    client,
    onSent,
    log: app.log,
  });
}

function plainPort(app: FastifyInstance, options: PlainPortOptions): Port<SoapMessage> {
  const { operations, client, onSent } = options;
  return new Port({
    operations,
    read: (envelope) => ({
      message: readUnprotected(envelope, understoodByPlainPorts),
      admit: () => undefined,
    }),
    write: writeEnvelope,
    checkAddressing: () => undefined,
    client,
    onSent,
    log: app.log,
  });
}

function understoodByPlainPorts(block: XmlElement): boolean {
  return (
    block.namespaceURI === namespaces.wsa ||
    isNamed(block, wcfWithoutAddressing, 'Action') ||
    isReferenceParameter(block)
  );
}

/** WCF's action of messages without WS-Addressing; it repeats what the HTTP headers say. */
const wcfWithoutAddressing = 'http://schemas.microsoft.com/ws/2005/05/addressing/none';

function requireAddressing(
  { addressing }: SoapMessage,
  kind: Operation<SoapMessage>['kind'],
  address: string,
): void {
  const { action, to, messageId } = addressing;
  const need = addressingFaults.messageAddressingHeaderRequired;
  if (action === '') throw need('Action');
  if (to === undefined) throw need('To');
  if (to !== address) throw addressingFaults.destinationUnreachable(`not this service: ${to}`);
  if (kind === 'request-reply' && messageId === undefined) throw need('MessageID');
}

/** What is common to all kinds of ports. */
type AnyPort = Pick<Port<SoapMessage>, 'take' | 'refusal'>;

function serve(app: FastifyInstance, options: CommonOptions, port: AnyPort): void {
  const { path, inFlightMax = inFlightMaxDefault } = options;
  // A plugin has content type parsers of its own.
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) =>
      done(null, body),
    );
    scope.setErrorHandler((error, request, reply) => refuse(port, error, request, reply));
    serveDescription(scope, path, options.wsdl);

    let inFlight = 0;
    scope.post(path, async (request, reply) => {
      const posted = readPosted(request);
      if ('fault' in posted) {
        return send(reply, port.refusal(posted.version, posted.fault, posted.status));
      }
      if (inFlight >= inFlightMax) {
        const busy = soapFaults.receiver('The service is busy.');
        reply.header('retry-after', retryAfterSeconds);
        return send(reply, port.refusal(posted.version, busy, 503));
      }
      inFlight += 1;
      try {
        const { answer, rest } = await port.take(posted);
        send(reply, answer);
        await rest?.();
      } finally {
        inFlight -= 1;
      }
      return reply;
    });
  });
}

function send(reply: FastifyReply, { status, headers, text }: HttpAnswer): FastifyReply {
  return reply
    .code(status)
    .headers(headers)
    .send(text === '' ? undefined : text);
}

/** A body that is no message, with the status of the answer where it is not the fault's own. */
interface Unread {
  readonly version: SoapVersion;
  readonly fault: SoapFault;
  readonly status?: number;
}

/** Throws `MediaTypeError` where the body is of a type that is not SOAP's. */
function readPosted({ headers, body }: FastifyRequest): Posted | Unread {
  const contentType = headers['content-type'] ?? '';
  const version = versionOfContentType(contentType);
  if (version === undefined) throw new MediaTypeError();
  if (!Buffer.isBuffer(body)) return { version, fault: soapFaults.sender('The body is empty.') };
  try {
    const text = decodeXml(body, charsetOf(contentType));
    return { version, httpAction: httpAction(version, headers), text };
  } catch (error) {
    if (!(error instanceof TextEncodingError)) throw error;
    const fault = soapFaults.sender(error.message);
    return error.kind === 'unsupported' ? { version, fault, status: 415 } : { version, fault };
  }
}

class MediaTypeError extends Error {
  readonly statusCode = 415;
  constructor() {
    super('This service takes SOAP 1.1 as text/xml and SOAP 1.2 as application/soap+xml.');
  }
}

/** A request that HTTP itself refuses: by a fault where it is known to be SOAP, else in plain words. */
function refuse(
  port: AnyPort,
  error: unknown,
  { headers }: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  if (!(error instanceof Error) || typeof status !== 'number' || status >= 500) throw error;
  const version = versionOfContentType(headers['content-type']);
  if (version !== undefined) {
    return send(reply, port.refusal(version, soapFaults.sender(error.message), status));
  }
  if (status === 415) reply.header('accept', soapMediaTypes.join(', '));
  return reply
    .code(status)
    .type('text/plain; charset=utf-8')
    .send(`${new MediaTypeError().message}\n`);
}

/** Names and ports of hosts, IPv6 addresses too. */
const hostForm = /^[A-Za-z0-9.\-_:[\]]{1,255}$/;

/** `GET <path>?wsdl` and `GET <path>?xsd=<name>`; the address in the WSDL is the one asked. */
function serveDescription(scope: FastifyInstance, path: string, name: WsdlName): void {
  const wsdl = loadWsdl(name);
  scope.get(path, (request, reply) => {
    const query = new URL(request.url, 'http://host.invalid').searchParams;
    const schema = loadSchema(query.get('xsd') ?? '');
    if (schema !== undefined) return reply.type('text/xml; charset=utf-8').send(schema);
    if (query.has('wsdl') || query.has('WSDL')) {
      if (!hostForm.test(request.host)) return reply.code(400).send('bad Host header');
      const document = wsdl.at(`${request.protocol}://${request.host}${path}`);
      return reply.type('text/xml; charset=utf-8').send(document);
    }
    return reply
      .code(405)
      .header('allow', 'POST')
      .type('text/plain; charset=utf-8')
      .send(`This is a SOAP service. Its description is at ${path}?wsdl\n`);
  });
}
