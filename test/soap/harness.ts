import { type FastifyInstance, fastify } from 'fastify';
import { pino } from 'pino';
import { createHttpServer } from '../../src/kernel/http/http-server.js';
import type { Addressing } from '../../src/soap/addressing.js';
import { SoapClient } from '../../src/soap/client.js';
import { readEnvelope } from '../../src/soap/envelope.js';
import { readFault } from '../../src/soap/fault-body.js';
import type { Operations } from '../../src/soap/port.js';
import { registerPort, type SignedPortOptions } from '../../src/soap/server.js';
import type { MessageSigner } from '../../src/soap/signing.js';
import { httpHeaders } from '../../src/soap/transport.js';
import { AddressPolicy } from '../../src/soap/trust.js';
import type { ReceivedMessage } from '../../src/soap/verification.js';
import type { SoapVersion } from '../../src/soap/vocabulary.js';
import { element, type XmlElement } from '../../src/soap/xml.js';
import { newVerifier, signerOf } from '../support/soap-parties.js';

/** A node: an HTTP server on loopback, a certificate, and a client that calls the allowed origins. */
export interface TestNode {
  readonly app: FastifyInstance;
  readonly origin: string;
  readonly signer: MessageSigner;
  readonly client: SoapClient;
  /** Envelopes that left this node. */
  readonly sent: string[];
}

const open: TestNode[] = [];

/** Starts a node; `set` registers its ports and gets its address first. */
export async function startNode(
  name: string,
  set: (node: TestNode) => void = () => undefined,
  allowedOrigins: readonly string[] = [],
): Promise<TestNode> {
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const app = createHttpServer({ log: pino({ level: 'silent' }) });
  const signer = signerOf(name);
  const sent: string[] = [];
  const client = new SoapClient({
    signer,
    verifier: newVerifier(),
    addresses: policyOf(allowedOrigins),
    onSent: (text) => sent.push(text),
  });
  const node = { app, origin, signer, client, sent };
  set(node);
  await app.listen({ host: '127.0.0.1', port });
  open.push(node);
  return node;
}

export async function stopNodes(): Promise<void> {
  for (const node of open.splice(0)) {
    await node.client.close();
    await node.app.close();
  }
}

export function policyOf(allowedOrigins: readonly string[]): AddressPolicy {
  const nobody = { coordinators: [], initiators: [], participants: [], fronts: [] };
  return new AddressPolicy({ ...nobody, allowedOrigins });
}

/** Serves operations on a signed port at `/port`, and returns its address. */
export function servePort(
  node: TestNode,
  operations: Operations<ReceivedMessage>,
  options: Partial<SignedPortOptions> = {},
): string {
  const address = `${node.origin}/port`;
  registerPort(node.app, {
    path: '/port',
    wsdl: 'account',
    security: { kind: 'signed', verifier: newVerifier(), signer: node.signer, address },
    client: node.client,
    operations,
    onSent: (text) => node.sent.push(text),
    ...options,
  });
  return address;
}

/** A body element of the test's own. */
export function body(name: string, text = ''): XmlElement {
  return element({ ns: 'urn:test', prefix: 't', name }, [], text);
}

/** A signed envelope with any addressing, well-formed or not so. */
export function signed(
  signer: MessageSigner,
  addressing: Addressing,
  content: XmlElement = body('Ask'),
  version: SoapVersion = '1.2',
): string {
  return signer.sign({ version, addressing, headers: [], body: content });
}

/** Posts any text as a SOAP message of the version. */
export async function post(
  address: string,
  text: string | Uint8Array<ArrayBuffer>,
  version: SoapVersion = '1.2',
  action = '',
): Promise<{ status: number; text: string; headers: Headers }> {
  const response = await fetch(address, {
    method: 'POST',
    headers: httpHeaders(version, action),
    body: text,
  });
  return { status: response.status, text: await response.text(), headers: response.headers };
}

/** The code of the fault in an envelope, signed or not. */
export function faultIn(text: string): string {
  const fault = readFault(readEnvelope(text));
  return fault === undefined ? 'no fault' : fault.code;
}

/** Collects messages; `next` waits for the one after those already taken. */
export class Inbox {
  readonly #messages: ReceivedMessage[] = [];
  readonly #waiting: ((message: ReceivedMessage) => void)[] = [];

  readonly put = (message: ReceivedMessage): void => {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#messages.push(message);
    else waiting(message);
  };

  next(): Promise<ReceivedMessage> {
    const message = this.#messages.shift();
    if (message !== undefined) return Promise.resolve(message);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  get size(): number {
    return this.#messages.length;
  }
}

async function freePort(): Promise<number> {
  const probe = fastify();
  const address = await probe.listen({ host: '127.0.0.1', port: 0 });
  await probe.close();
  return Number(new URL(address).port);
}
