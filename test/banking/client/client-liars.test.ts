import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { TransferClient } from '../../../src/banking/client/transfer-client.js';
import {
  accountId,
  currency,
  type Transfer,
  writeTransferResponse,
} from '../../../src/banking/soap.js';
import { participantId, transactionId } from '../../../src/kernel/ids.js';
import { faultBody } from '../../../src/soap/fault-body.js';
import { SoapFault, soapFaults } from '../../../src/soap/faults.js';
import { XmlElement } from '../../../src/soap/xml.js';
import { madeUpTid, serveInitiator } from '../../support/nodes/stubs.js';
import { World } from '../../support/nodes/world.js';

const tid = transactionId('00000000-0000-8000-8000-000000000001');
const committed = { transactionId: tid, outcome: 'committed' } as const;
const order: Transfer = {
  debtor: { bank: participantId('bank-a'), account: accountId('a1') },
  creditors: [{ bank: participantId('bank-b'), account: accountId('b1'), amountMinor: 500 }],
  currency: currency('EUR'),
};

interface Lie {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The request's text, and its message id. */
  readonly text: string;
  readonly messageId: string;
  /** A message with the initiator's own, true signature. */
  signed(body: XmlElement, relatesTo: string): string;
}

/** Real HTTP at the place of an initiator, with the initiator's keys, and answers of any kind. */
async function serveLiar(world: World, index: number, lie: (lie: Lie) => void): Promise<void> {
  const name = `initiator-${index}`;
  const { signer } = world.soapOf('initiator', name);
  const signed = (body: XmlElement, relatesTo: string): string =>
    signer.sign({
      version: '1.2',
      addressing: {
        action: 'urn:concordat:bank/TransferResponse',
        messageId: `urn:uuid:${crypto.randomUUID()}`,
        relatesTo,
      },
      headers: [],
      body,
    });
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      const messageId = /MessageID[^>]*>([^<]+)</.exec(text)?.[1] ?? '';
      lie({ request, response, text, messageId, signed });
    });
  });
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  const { host, port } = world.node('initiator', name).listen;
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  expect((server.address() as AddressInfo).port).toBe(port);
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
}

const soap = { 'content-type': 'application/soap+xml; charset=utf-8' };
const replays: string[] = [];

const lies: Readonly<Record<string, (lie: Lie) => void>> = {
  'the opposite outcome': ({ response, signed, messageId }) => {
    const body = writeTransferResponse({ transactionId: tid, outcome: 'aborted', reason: 'no' });
    response.writeHead(200, soap).end(signed(body, messageId));
  },
  'another transaction': ({ response, signed, messageId }) => {
    const body = writeTransferResponse({ transactionId: madeUpTid, outcome: 'committed' });
    response.writeHead(200, soap).end(signed(body, messageId));
  },
  'a refusal': ({ response, signed, messageId }) => {
    const body = faultBody('1.2', soapFaults.sender('No.'));
    response.writeHead(400, soap).end(signed(body, messageId));
  },
  'that it is too old': ({ response, signed, messageId }) => {
    const fault = new SoapFault({
      soapCode: 'Sender',
      namespace: 'urn:concordat:2026',
      code: 'StaleRequest',
      reason: 'x'.repeat(200_000),
    });
    response.writeHead(400, soap).end(signed(faultBody('1.2', fault), messageId));
  },
  'a true answer to another message': ({ response, signed }) => {
    const body = writeTransferResponse({ transactionId: madeUpTid, outcome: 'aborted' });
    response.writeHead(200, soap).end(signed(body, 'urn:uuid:0'));
  },
  'the first answer over and over': ({ response, signed, messageId }) => {
    const body = writeTransferResponse({ transactionId: madeUpTid, outcome: 'aborted' });
    replays.push(signed(body, messageId));
    response.writeHead(200, soap).end(replays[0]);
  },
  'the request itself': ({ response, text }) => void response.writeHead(200, soap).end(text),
  nothing: () => undefined,
  'a drop at a time': ({ response }) => {
    response.writeHead(200, soap);
    const timer = setInterval(() => response.write(' '), 20);
    response.on('close', () => clearInterval(timer));
  },
  'headers without an end': ({ request }) => {
    request.socket.write('HTTP/1.1 200 OK\r\n');
    const timer = setInterval(() => request.socket.write('x-more: x\r\n'), 20);
    request.socket.on('close', () => clearInterval(timer));
  },
  'informational answers without an end': ({ request }) => {
    const timer = setInterval(() => request.socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'), 5);
    request.socket.on('close', () => clearInterval(timer));
  },
  'more than can be kept': ({ response }) => {
    response.writeHead(200, soap);
    const more = (): void => {
      while (response.write(Buffer.alloc(65_536, 0x20)));
    };
    response.on('drain', more);
    more();
  },
  'a length that is not so': ({ response }) => {
    response.writeHead(200, { ...soap, 'content-length': '1000000' }).write('<');
  },
  'bytes at random': ({ response }) => {
    response
      .writeHead(200, soap)
      .end(Buffer.from(Array.from({ length: 3000 }, (_, i) => (i * 7919) % 256)));
  },
  'no HTTP': ({ request }) => void request.socket.end('SSH-2.0-OpenSSH_9.0\r\n'),
  'elements within elements': ({ response }) =>
    void response.writeHead(200, soap).end('<a>'.repeat(100_000)),
  'somewhere else': ({ response }) =>
    void response.writeHead(307, { location: 'http://127.0.0.1:1/transfer' }).end(),
  'a hang-up': ({ request }) => void request.socket.destroy(),
  'a body of another kind': ({ response, signed, messageId }) => {
    const { namespaceURI, prefix, localName, attributes, childNodes, scope } =
      writeTransferResponse(committed);
    const reversed = childNodes.toReversed();
    const body = new XmlElement(namespaceURI, prefix, localName, attributes, reversed, scope);
    response.writeHead(200, soap).end(signed(body, messageId));
  },
};

function clientOf(world: World): TransferClient {
  const made = new TransferClient({ cluster: world.cluster, node: world.node('client', 'alice') });
  onTestFinished(() => made.close());
  return made;
}

describe('TransferClient, of an initiator that answers with', () => {
  it.each(Object.entries(lies))('%s, believes nothing', async (_, lie) => {
    const world = await World.make();
    await serveLiar(world, 0, lie);
    for (const index of [1, 2]) await serveInitiator(world, index, () => committed);
    const client = clientOf(world);
    // Each of the three begins once, so the liar is asked first and last.
    for (let turn = 0; turn < 3; turn += 1) {
      expect(await client.transfer(order, { timeoutMs: 20_000 })).toEqual(committed);
    }
  });

  it.each(Object.entries(lies))(
    '%s, as all others do, ends in time without an outcome',
    async (kind, lie) => {
      const world = await World.make();
      for (const index of [0]) await serveInitiator(world, index, () => committed);
      await serveLiar(world, 1, lie);
      const failure = await clientOf(world)
        .transfer(order, { timeoutMs: 700 })
        .then(
          () => undefined,
          (error: unknown) => error,
        );
      expect(failure, kind).toMatchObject({ name: 'RequestError', isOpen: true });
      const { data, message } = failure as { data: { request: unknown }; message: string };
      expect(data.request).toMatchObject({ client: expect.stringMatching(/^alice\//) });
      expect(message.length).toBeLessThan(2000);
    },
  );
});

describe('an outcome that is not known', () => {
  it('is asked for under the same request, by another client, too', async () => {
    const world = await World.make();
    const seen = await serveInitiator(world, 0, () => committed);
    const failure = await clientOf(world)
      .transfer(order, { timeoutMs: 300 })
      .catch((error: unknown) => error);
    const { request } = (failure as { data: { request: { client: never; timestamp: number } } })
      .data;
    await serveInitiator(world, 1, () => committed);
    expect(await clientOf(world).ask(request, order, { timeoutMs: 5000 })).toEqual(committed);
    expect(new Set(seen.map(({ client, timestamp }) => `${client} ${timestamp}`)).size).toBe(1);
  });

  it('leaves its lane to that request', async () => {
    const world = await World.make();
    await serveInitiator(world, 0, () => committed);
    const client = clientOf(world);
    const failure = await client
      .transfer(order, { timeoutMs: 200 })
      .catch((error: unknown) => error);
    const seen = await serveInitiator(world, 1, () => committed);
    await client.transfer(order, { timeoutMs: 5000 });
    const { request } = (failure as { data: { request: { client: string } } }).data;
    expect(seen.map((one) => one.client)).not.toContain(request.client);
  });

  it('is too old where f + 1 initiators say so, which is no refusal', async () => {
    const world = await World.make();
    const stale = () => {
      throw new SoapFault({
        soapCode: 'Sender',
        namespace: 'urn:concordat:2026',
        code: 'StaleRequest',
        reason: 'It or a later request of this client was taken before.',
      });
    };
    for (const index of [0, 1, 2]) await serveInitiator(world, index, stale);
    const failure = clientOf(world).transfer(order, { timeoutMs: 5000 });
    await expect(failure).rejects.toMatchObject({ code: 'too-old' });
  });
});
