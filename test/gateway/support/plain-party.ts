import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Agent, fetch } from 'undici';
import type { Credential } from '../../../src/kernel/config/x509.js';
import { serialize } from '../../../src/soap/canonical.js';
import { readEnvelope } from '../../../src/soap/envelope.js';
import { namespaces } from '../../../src/soap/vocabulary.js';
import { child, isNamed, textOf, type XmlElement } from '../../../src/soap/xml.js';
import {
  contextHeader,
  createBody,
  type Endpoint,
  envelopeOf,
  notificationBody,
  registerBody,
  type Version,
  wsat,
  wscoor,
} from './plain-messages.js';

/** A message that plain software received: whom it was for, and what it said. */
export interface Received {
  readonly name: string;
  readonly instance: string;
  readonly from: Endpoint | undefined;
  readonly relatesTo: string | undefined;
  readonly replyTo: string | undefined;
  readonly version: Version;
  readonly text: string;
}

/** A context as plain software has it: the element, and where to register. */
export interface Context {
  readonly identifier: string;
  readonly expires: number;
  readonly registration: Endpoint;
  readonly xml: string;
}

/** The answer of HTTP to a message. */
export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

const known = (block: XmlElement) =>
  block.namespaceURI === namespaces.wsa ||
  block.namespaceURI === namespaces.wsse ||
  isInstance(block);
const isInstance = (block: XmlElement) => block.localName === 'InstanceIdentifier';

/** How a party speaks TLS: as itself, with those that the authority has issued a certificate to. */
export interface PartyTls {
  readonly credential: Credential;
  readonly authority: string;
}

/** How a party signs, and checks what it is sent. */
export interface PartySignatures {
  sign(envelope: string): string;
  /** Throws where the message is not signed as it has to be. */
  check(envelope: string): void;
}

/** Software that knows WS-AtomicTransaction and nothing of Byzantine faults: one HTTP server, and raw messages. */
export class PlainParty {
  readonly received: Received[] = [];
  readonly version: Version;
  /** What a participant does with a message, by its instance. */
  readonly participants = new Map<string, (message: Received) => void | Promise<void>>();
  /** Nothing is signed unless it is there. */
  signatures: PartySignatures | undefined;
  /** That others have made to it. */
  connections = 0;
  readonly #server: Server;
  readonly #url: string;
  readonly #agent: Agent;

  private constructor(server: Server, url: string, version: Version, tls?: PartyTls) {
    this.#server = server;
    this.#url = url;
    this.version = version;
    this.#agent = new Agent(tls && { connect: optionsOf(tls) });
  }

  /** On a port of its own unless one is given. */
  static async start(version: Version, listenPort = 0, tls?: PartyTls): Promise<PlainParty> {
    const server = tls
      ? createTlsServer({ ...optionsOf(tls), requestCert: true, rejectUnauthorized: true })
      : createServer();
    await new Promise<void>((resolve) => server.listen(listenPort, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const scheme = tls ? 'https' : 'http';
    const party = new PlainParty(server, `${scheme}://127.0.0.1:${port}`, version, tls);
    server.on('connection', () => {
      party.connections += 1;
    });
    server.on('request', async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      response.writeHead(202).end();
      await party.#take(Buffer.concat(chunks).toString());
    });
    return party;
  }

  get origin(): string {
    return this.#url;
  }

  /** Of a participant or a client of this party. */
  endpoint(instance: string): Endpoint {
    return { address: `${this.#url}/party`, instance };
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await this.#agent.destroy();
  }

  /** The names of what an instance has received, in their order. */
  of(instance: string): string[] {
    return this.received.filter((each) => each.instance === instance).map(({ name }) => name);
  }

  async create(activation: string, expires = 30_000, current?: string): Promise<Context> {
    const answer = await this.request(
      activation,
      `${wscoor}/CreateCoordinationContext`,
      createBody(expires, current),
    );
    if (answer.status !== 200) throw new Error(answer.text);
    const body = readEnvelope(answer.text, () => true).body;
    const context = body && child(body, wscoor, 'CoordinationContext');
    const service = context && child(context, wscoor, 'RegistrationService');
    if (!context || !service) throw new Error(answer.text);
    const text = (name: string) => textOf(child(context, wscoor, name) as XmlElement);
    return {
      identifier: text('Identifier'),
      expires: Number(text('Expires')),
      registration: endpointIn(service),
      xml: serialize(context),
    };
  }

  /** Gives the endpoint of the coordinator. */
  async register(
    { registration }: Pick<Context, 'registration'>,
    protocol: Parameters<typeof registerBody>[0],
    own: Endpoint,
    messageId = newId(),
  ): Promise<Endpoint> {
    const answer = await this.request(
      registration.address,
      `${wscoor}/Register`,
      registerBody(protocol, own),
      { instance: registration.instance, messageId },
    );
    const body = readEnvelope(answer.text, () => true).body;
    const service = body && child(body, wscoor, 'CoordinatorProtocolService');
    if (!service) throw new Error(answer.text);
    return endpointIn(service);
  }

  /** Calls a participant of the cluster, within the context. */
  call(context: Context, url: string, number: number, operation: string, payload: string) {
    const ns = namespaces.concordat;
    const body =
      `<Call xmlns="${ns}"><Number>${number}</Number><Operation>${operation}</Operation>` +
      `<Payload>${payload}</Payload></Call>`;
    const headers = contextHeader(context.xml, this.version);
    return this.request(url, `${ns}/Call`, body, { headers });
  }

  request(
    to: string,
    action: string,
    body: string,
    more: { instance?: string; messageId?: string; headers?: string; replyTo?: string } = {},
  ): Promise<HttpAnswer> {
    const { version } = this;
    const messageId = more.messageId ?? newId();
    return this.#post(version, to, action, {
      ...{ version, to, action, body, replyTo: 'anonymous' },
      ...more,
      messageId,
    });
  }

  /** Sends a one-way message in the name of an instance of this party. */
  notify(name: string, to: Endpoint, from: Endpoint, messageId = newId()): Promise<HttpAnswer> {
    const { version } = this;
    const action = `${wsat}/${name}`;
    return this.#post(version, to.address, action, {
      ...{ version, to: to.address, action, messageId, from, replyTo: 'none' },
      body: notificationBody(name),
      instance: to.instance,
    });
  }

  async #post(
    version: Version,
    to: string,
    action: string,
    message: Parameters<typeof envelopeOf>[0],
  ): Promise<HttpAnswer> {
    const headers =
      version === '1.1'
        ? { 'content-type': 'text/xml; charset=UTF-8', soapaction: `"${action}"` }
        : { 'content-type': `application/soap+xml; charset=UTF-8; action="${action}"` };
    const envelope = envelopeOf(message);
    const body = this.signatures ? this.signatures.sign(envelope) : envelope;
    const answer = await fetch(to, { method: 'POST', headers, body, dispatcher: this.#agent });
    const text = await answer.text();
    if (answer.status === 200) this.signatures?.check(text);
    return { status: answer.status, text };
  }

  async #take(text: string): Promise<void> {
    this.signatures?.check(text);
    const { version, addressing, headers, body } = readEnvelope(text, known);
    const instance = headers.find(isInstance);
    const { from } = addressing;
    const parameter = from?.referenceParameters[0];
    const received: Received = {
      name: body?.localName ?? '',
      instance: instance === undefined ? '' : textOf(instance),
      from: from && parameter && { address: from.address, instance: textOf(parameter) },
      relatesTo: addressing.relatesTo,
      replyTo: addressing.replyTo?.address,
      ...{ version, text },
    };
    this.received.push(received);
    // An answer may be lost, as where the gateway was killed: what it asked for is asked again.
    await Promise.resolve(this.participants.get(received.instance)?.(received)).catch((error) => {
      if (!(error instanceof TypeError)) throw error;
    });
  }
}

export function newId(): string {
  return `urn:fd235f2f2ed82fc8:${randomUUID()}`;
}

function endpointIn(service: XmlElement): Endpoint {
  const address = child(service, namespaces.wsa, 'Address');
  const parameters = child(service, namespaces.wsa, 'ReferenceParameters');
  const instance = parameters?.childNodes.find(
    (node): node is XmlElement =>
      node.nodeType === 1 && isNamed(node as XmlElement, wsarj, 'InstanceIdentifier'),
  );
  if (!address || !instance) throw new Error('no endpoint of the gateway');
  return { address: textOf(address), instance: textOf(instance) };
}

const wsarj = 'http://schemas.arjuna.com/ws/2005/10/wsarj';

function optionsOf({ credential, authority }: PartyTls) {
  return { cert: credential.certificate, key: credential.privateKey, ca: authority };
}
