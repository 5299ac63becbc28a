import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ConcordatError, type NoData, noData } from '../kernel/error.js';
import { originOf } from '../kernel/http/addresses.js';
import { maxBodyBytes } from '../kernel/http/http-server.js';
import { principalOf, Shares } from '../kernel/http/shares.js';
import { isReferenceParameter } from './addressing.js';
import type { SoapClient } from './client.js';
import { readUnprotected, type SoapMessage, type Understood, writeEnvelope } from './envelope.js';
import { addressingFaults, type SoapFault, soapFaults } from './faults.js';
import type { SoapIdentity } from './identity.js';
import {
  type HttpAnswer,
  type Operation,
  type Operations,
  Port,
  type PortOptions,
  type Posted,
} from './port.js';
import type { MessageSigner } from './signing.js';
import {
  charsetOf,
  decodeXml,
  httpAction,
  type OnSent,
  soapMediaTypes,
  TextEncodingError,
  versionOfContentType,
} from './transport.js';
import type { Inspected, MessageVerifier, ReceivedMessage } from './verification.js';
import { namespaces, type SoapVersion } from './vocabulary.js';
import { loadSchemaAt, loadWsdl, type WsdlForm, type WsdlName } from './wsdl.js';
import { isNamed, type XmlElement } from './xml.js';

export type { Operation, Operations, Reply } from './port.js';

/** Checks messages in other threads than the one that serves them. */
export interface MessageChecks {
  /** Whether more would wait than may. */
  readonly isFull: boolean;
  /** What was found of a signed envelope. Undefined where it is for the caller to inspect. */
  envelope(text: string): Promise<Inspected | undefined>;
  /** Looks at the signed statements that a message shows. The messages of a sender keep their order. False where it is full. */
  evidence(message: ReceivedMessage): Promise<boolean>;
}

interface CommonOptions {
  /** Where on the server, for example `/registration`. */
  readonly path: string;
  /** The document served at `<path>?wsdl`. */
  readonly wsdl: WsdlName;
  /** Sends replies and faults to real ReplyTo and FaultTo addresses. */
  readonly client?: Pick<SoapClient, 'notify' | 'mayCall'> | undefined;
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
    /** The address that the cluster file gives; a message signed for an address not the node's is refused. */
    readonly address: string;
    /** Where worker threads check what comes in. */
    readonly checks?: MessageChecks | undefined;
  };
  readonly operations: Operations<ReceivedMessage>;
}

/** How a node secures its port at this address. */
export function signedSecurity(
  { signer, verifier }: Pick<SoapIdentity, 'signer' | 'verifier'>,
  address: string,
  checks?: MessageChecks | undefined,
): SignedPortOptions['security'] {
  return { kind: 'signed', verifier, signer, address, checks };
}

/** A port for anybody, where WS-Addressing is not needed and nothing is signed. */
export interface PlainPortOptions extends CommonOptions {
  readonly security: { readonly kind: 'plain' };
  /** Header blocks that the port acts on, besides those of WS-Addressing. */
  readonly understood?: Understood | undefined;
  readonly operations: Operations<SoapMessage>;
}

/** A port that takes signed and unsigned messages; what it stands on judges which of them, and signs the answers. */
export interface JudgedPortOptions<Message extends SoapMessage> extends CommonOptions {
  readonly security: { readonly kind: 'judged' } & Pick<
    PortOptions<Message>,
    'read' | 'write' | 'checkAddressing'
  >;
  readonly operations: Operations<Message>;
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
  if (isSigned(options)) {
    const port = signedPort(app, options);
    app.memberServer?.serve(options.path, port);
    serve(app, options, port);
  } else serve(app, options, plainPort(app, options));
}

/** Serves a port as `registerPort` does. */
export function registerJudgedPort<Message extends SoapMessage>(
  app: FastifyInstance,
  options: JudgedPortOptions<Message>,
): void {
  const { operations, client, onSent, security } = options;
  serve(app, options, new Port({ ...security, operations, client, onSent, log: app.log }));
}

function isSigned(options: SignedPortOptions | PlainPortOptions): options is SignedPortOptions {
  return options.security.kind === 'signed';
}

function signedPort(app: FastifyInstance, options: SignedPortOptions): Port<ReceivedMessage> {
  const { path, operations, client, onSent } = options;
  const { verifier, signer, address, checks } = options.security;
  return new Port({
    operations,
    read: (envelope, text) => verifier.authenticate(envelope, text),
    readElsewhere:
      checks &&
      (async ({ version, text }) => {
        const found = await checks.envelope(text);
        return found?.message.version === version ? verifier.believed(found) : undefined;
      }),
    lookElsewhere: checks && ((message) => checks.evidence(message)),
    write: (message) => signer.sign(message),
    checkAddressing: (message, kind) =>
      requireAddressing(
        message,
        kind,
        (to) => to === address || app.ownAddresses?.owns(to, path) === true,
      ),
    takePlace: clientPlaces(options.inFlightMax),
    client,
    onSent,
    log: app.log,
  });
}

/** Clients at their limit that fill a port; nodes of the cluster take what they need. */
const clientsInFull = 4;

function clientPlaces(inFlightMax = inFlightMaxDefault) {
  const places = new Shares(inFlightMax);
  const share = Math.ceil(inFlightMax / clientsInFull);
  return ({ principal }: ReceivedMessage): (() => void) | undefined =>
    principal.role === 'client' ? places.take(principal.name, share) : () => undefined;
}

function plainPort(app: FastifyInstance, options: PlainPortOptions): Port<SoapMessage> {
  const { operations, client, onSent, understood = () => false } = options;
  return new Port({
    operations,
    read: (envelope) => ({
      message: readUnprotected(
        envelope,
        (block) => understoodByPlainPorts(block) || understood(block),
      ),
      admit: () => undefined,
    }),
    write: writeEnvelope,
    checkAddressing: () => undefined,
    client,
    onSent,
    log: app.log,
  });
}

/** Header blocks that every port for anybody acts on, or may pass over. */
export function understoodByPlainPorts(block: XmlElement): boolean {
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
  isOwn: (address: string) => boolean,
): void {
  const { action, to, messageId } = addressing;
  const need = addressingFaults.messageAddressingHeaderRequired;
  if (action === '') throw need('Action');
  if (to === undefined) throw need('To');
  if (!isOwn(to)) throw addressingFaults.destinationUnreachable(`not this service: ${to}`);
  if (kind === 'request-reply' && messageId === undefined) throw need('MessageID');
}

/** What is common to all kinds of ports. */
type AnyPort = Pick<Port<SoapMessage>, 'take' | 'refusal'>;
type ServeOptions = CommonOptions & {
  readonly security:
    | { readonly kind: 'signed'; readonly checks?: MessageChecks | undefined }
    | { readonly kind: 'plain' | 'judged' };
};

function serve(app: FastifyInstance, options: ServeOptions, port: AnyPort): void {
  const { path, inFlightMax = inFlightMaxDefault } = options;
  // A plugin has content type parsers of its own.
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    // Fastify remembers which parser a named type has; for any other it reads the header anew each time.
    const types = [...soapMediaTypes, '*'];
    scope.addContentTypeParser(types, { parseAs: 'buffer' }, (_request, body, done) =>
      done(null, body),
    );
    scope.setErrorHandler((error, request, reply) => refuse(port, error, request, reply));
    serveDescription(scope, options);

    const byAddress = options.security.kind === 'signed' ? undefined : new Shares(inFlightMax);
    const { security } = options;
    const isBusy = () => security.kind === 'signed' && security.checks?.isFull === true;
    let inFlight = 0;
    scope.post(path, async (request, reply) => {
      const posted = readPosted(request);
      if ('fault' in posted) {
        return send(reply, port.refusal(posted.version, posted.fault, posted.status));
      }
      const share = app.addressShares.partOf(inFlightMax, request.ip);
      const release = byAddress ? byAddress.take(principalOf(request.ip), share) : () => undefined;
      const isFull = inFlight >= inFlightMax || isBusy();
      if (isFull || release === undefined) {
        release?.();
        const why = release ? 'The service is busy.' : 'Too much is under way for this address.';
        reply.header('retry-after', retryAfterSeconds);
        return send(
          reply,
          port.refusal(posted.version, soapFaults.receiver(why), 503, posted.text),
        );
      }
      inFlight += 1;
      try {
        const { answer, rest } = await port.take(posted);
        send(reply, answer);
        await rest?.();
      } finally {
        inFlight -= 1;
        release();
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
    return error.code === 'unsupported' ? { version, fault, status: 415 } : { version, fault };
  }
}

class MediaTypeError extends ConcordatError<'unsupported-media-type', NoData> {
  readonly code = 'unsupported-media-type';
  readonly data = noData;
  /** For fastify. */
  readonly statusCode = 415;
  constructor() {
    super('This service takes SOAP 1.1 as text/xml and SOAP 1.2 as application/soap+xml.');
  }
}

/** The limit of the body, and not that of what it inflates to. */
function isBodyLimit(error: Error): boolean {
  return 'code' in error && error.code === 'FST_ERR_CTP_BODY_TOO_LARGE';
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
    const tooLarge = `The message is too large: at most ${maxBodyBytes} bytes; send less in one.`;
    const reason = status === 413 && isBodyLimit(error) ? tooLarge : error.message;
    return send(reply, port.refusal(version, soapFaults.sender(reason), status));
  }
  if (status === 415) reply.header('accept', soapMediaTypes.join(', '));
  return reply
    .code(status)
    .type('text/plain; charset=utf-8')
    .send(`${new MediaTypeError().message}\n`);
}

/** `GET <path>?wsdl`, `GET <path>?singleWsdl` and `GET <path>?xsd=<name>`. */
function serveDescription(
  scope: FastifyInstance,
  { path, wsdl: name, security }: ServeOptions,
): void {
  const wsdl = loadWsdl(name);
  const { ownAddresses } = scope;
  const kind = security.kind === 'signed' ? 'checked' : 'reachable';
  scope.get(path, (request, reply) => {
    const query = new URL(request.url, 'http://host.invalid').searchParams;
    const schema = loadSchemaAt(path, query.get('xsd') ?? '');
    if (schema !== undefined) return reply.type('text/xml; charset=utf-8').send(schema);
    const form = formAsked([...query.keys()]);
    if (form !== undefined) {
      const { protocol, host } = request;
      const asked = { protocol, host };
      const base = ownAddresses === undefined ? originOf(asked) : ownAddresses[kind](asked);
      if (base === undefined) return reply.code(400).send({ error: 'bad Host header' });
      return reply.type('text/xml; charset=utf-8').send(wsdl.at(`${base}${path}`, form));
    }
    return reply
      .code(405)
      .header('allow', 'GET, HEAD, POST')
      .type('text/plain; charset=utf-8')
      .send(`This is a SOAP service. Its description is at ${path}?wsdl\n`);
  });
}

/** Clients write the query in any case. */
function formAsked(keys: readonly string[]): WsdlForm | undefined {
  const names = keys.map((key) => key.toLowerCase());
  if (names.includes('singlewsdl')) return 'single';
  return names.includes('wsdl') ? 'linked' : undefined;
}
