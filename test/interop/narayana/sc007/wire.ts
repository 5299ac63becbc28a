import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { parseEnvelope, readUnprotected, type SoapMessage } from '../../../../src/soap/envelope.js';
import { namespaces } from '../../../../src/soap/vocabulary.js';
import { isNamed, textOf } from '../../../../src/soap/xml.js';

/** A SOAP message on the wire. */
export interface Sent {
  readonly message: SoapMessage;
  /** As the HTTP header has it; without its quotes. */
  readonly soapAction: string;
  /** Whatever kind the relation is said to be of. */
  readonly relatesTo: string | undefined;
}

/** What HTTP answered. */
export interface Answered {
  readonly status: number;
  readonly text: string;
}

/** Sees all messages in the order in which they arrive, each before it goes on. */
export interface Observer {
  /** Gives whether the message goes on; what is lost is answered by 202 all the same. */
  arrives(sent: Sent): boolean;
  /** Before the sender has the answer. Not called for what is lost. */
  answered(sent: Sent, answer: Answered): void;
}

/** Stands between the sides: what they believe to be each other's address is one of its doors. */
export class Wire {
  readonly #observer: Observer;
  readonly #servers: Server[] = [];

  constructor(observer: Observer) {
    this.#observer = observer;
  }

  /** Whatever comes to the port goes on to `target`, an origin. Gives the door's own origin. */
  async open(port: number, target: string): Promise<string> {
    const server = createServer((request, response) => {
      this.#take(request, response, target).catch(() => response.destroy());
    });
    this.#servers.push(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
    return `http://127.0.0.1:${port}`;
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#servers.map((server) => {
        server.closeAllConnections();
        return new Promise((resolve) => server.close(resolve));
      }),
    );
  }

  async #take(request: IncomingMessage, response: ServerResponse, target: string): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    const sent = sentIn(request, bytes);
    if (sent !== undefined && !this.#observer.arrives(sent)) {
      response.writeHead(202).end();
      return;
    }
    const answer = await forward(request, bytes, target);
    const text = await answer.text();
    if (sent !== undefined) this.#observer.answered(sent, { status: answer.status, text });
    const type = answer.headers.get('content-type');
    response.writeHead(answer.status, type === null ? {} : { 'content-type': type }).end(text);
  }
}

/** Undefined for what is no SOAP. */
function sentIn({ method, headers }: IncomingMessage, bytes: Buffer): Sent | undefined {
  if (method !== 'POST') return undefined;
  const { soapaction = '' } = headers;
  try {
    const envelope = parseEnvelope(bytes.toString());
    const relation = envelope.blocks.find((block) => isNamed(block, namespaces.wsa, 'RelatesTo'));
    return {
      message: readUnprotected(envelope, () => true),
      soapAction: String(soapaction).replaceAll('"', ''),
      relatesTo: relation && textOf(relation),
    };
  } catch {
    return undefined;
  }
}

/** Both sides have HTTP 1.1 on one machine: of its headers these are what SOAP needs. */
const kept = ['content-type', 'soapaction', 'accept'];

function forward(
  { method = 'GET', url = '/', headers }: IncomingMessage,
  bytes: Buffer,
  to: string,
) {
  const body = method === 'POST' ? { body: new Uint8Array(bytes) } : {};
  const passed = kept.flatMap((name) => (headers[name] ? [[name, String(headers[name])]] : []));
  return fetch(`${to}${url}`, { method, headers: Object.fromEntries(passed), ...body });
}
