import { afterEach, describe, expect, it } from 'vitest';
import { anonymous, endpoint, none } from '../../src/soap/addressing.js';
import { ReceivedFault } from '../../src/soap/client.js';
import { readFault } from '../../src/soap/fault-body.js';
import { coordinationFaults, soapFaults } from '../../src/soap/faults.js';
import type { Operation } from '../../src/soap/port.js';
import type { ReceivedMessage } from '../../src/soap/verification.js';
import type { SoapVersion } from '../../src/soap/vocabulary.js';
import { textOf } from '../../src/soap/xml.js';
import { validateAgainstStandards } from '../support/schemas.js';
import { newVerifier, signerOf } from '../support/soap-parties.js';
import {
  body,
  faultIn,
  Inbox,
  post,
  servePort,
  signed,
  startNode,
  stopNodes,
  type TestNode,
} from './harness.js';

const ask = 'urn:test/Ask';
const tell = 'urn:test/Tell';
const answer = 'urn:test/Answer';
const coordinationFault = 'http://docs.oasis-open.org/ws-tx/wscoor/2006/06/fault';
const versions: readonly SoapVersion[] = ['1.1', '1.2'];

const refuse = (): never => {
  throw coordinationFaults.invalidState('a note for the log');
};
const echo: Operation<ReceivedMessage> = {
  kind: 'request-reply',
  replyAction: answer,
  handle: ({ body: content }) => ({ body: body('Answer', content && textOf(content)) }),
};

afterEach(stopNodes);

/** A caller whose own port collects what comes, and a service that may call it back. */
async function pair(operations: Record<string, Operation<ReceivedMessage>>) {
  const inbox = new Inbox();
  const collect: Operation<ReceivedMessage> = { kind: 'one-way', handle: inbox.put };
  const caller = await startNode('caller', (node) => {
    servePort(node, { [answer]: collect, [coordinationFault]: collect });
  });
  const service = await startNode(
    'service',
    (node) => {
      servePort(node, operations);
    },
    [caller.origin],
  );
  return {
    inbox,
    caller,
    callerAddress: `${caller.origin}/port`,
    service,
    address: `${service.origin}/port`,
  };
}

async function callerOf(service: TestNode): Promise<TestNode> {
  return startNode('caller', () => undefined, [service.origin]);
}

describe.each(versions)('a request with an anonymous ReplyTo, SOAP %s', (version) => {
  it('is answered on its own connection, signed and related', async () => {
    const service = await startNode('service', (node) => {
      servePort(node, { [ask]: echo });
    });
    const caller = await callerOf(service);
    const target = endpoint(`${service.origin}/port`);
    const request = { action: ask, body: body('Ask', 'hello'), version, timeoutMs: 5000 };
    const reply = await caller.client.request(target, request);
    expect(reply).toMatchObject({
      version,
      principal: { name: 'service' },
      addressing: { action: answer },
    });
    expect(reply.body && textOf(reply.body)).toBe('hello');
    expect(await validateAgainstStandards([...caller.sent, ...service.sent])).toEqual([]);
  });

  it('that is refused gets the fault so', async () => {
    const service = await startNode('service', (node) => {
      servePort(node, { [ask]: { kind: 'request-reply', replyAction: answer, handle: refuse } });
    });
    const caller = await callerOf(service);
    const target = endpoint(`${service.origin}/port`);
    const request = caller.client.request(target, {
      action: ask,
      body: body('Ask'),
      version,
      timeoutMs: 5000,
    });
    const fault = await request.catch((error: unknown) => error);
    expect(fault).toBeInstanceOf(ReceivedFault);
    expect(fault).toMatchObject({ code: 'InvalidState', data: { principal: { name: 'service' } } });
    expect(service.sent.join()).not.toContain('a note for the log');
    expect(await validateAgainstStandards(service.sent)).toEqual([]);
  });

  it('gets the HTTP status of its version with a fault', async () => {
    const service = await startNode('service', (node) => {
      servePort(node, { [ask]: { kind: 'request-reply', replyAction: answer, handle: refuse } });
    });
    const to = `${service.origin}/port`;
    const addressing = { to, action: ask, messageId: 'urn:x:1', replyTo: anonymous };
    const text = signed(signerOf('caller'), addressing, body('Ask'), version);
    const response = await post(to, text, version, ask);
    expect(response.status).toBe(version === '1.1' ? 500 : 400);
    expect(response.headers.get('content-type')).toMatch(
      version === '1.1' ? /^text\/xml/ : /^application\/soap\+xml/,
    );
    const reply = newVerifier().verify(response.text);
    expect(reply.addressing).toMatchObject({ action: coordinationFault, relatesTo: 'urn:x:1' });
  });
});

describe('a request with a real ReplyTo', () => {
  it('is answered by a message of its own', async () => {
    const { inbox, callerAddress, address } = await pair({ [ask]: echo });
    const replyTo = endpoint(callerAddress, body('Which', '7'));
    const addressing = { to: address, action: ask, messageId: 'urn:x:1', replyTo };
    const response = await post(address, signed(signerOf('caller'), addressing, body('Ask', 'hi')));
    expect(response).toMatchObject({ status: 202, text: '' });
    const reply = await inbox.next();
    expect(reply).toMatchObject({
      principal: { name: 'service' },
      addressing: { action: answer, relatesTo: 'urn:x:1', replyTo: none },
    });
    expect(reply.headers.map((header) => header.localName)).toEqual(['Which']);
  });

  it.each([
    ['FaultTo', (address: string) => ({ replyTo: none, faultTo: endpoint(address) })],
    ['ReplyTo where there is no FaultTo', (address: string) => ({ replyTo: endpoint(address) })],
  ])('has its fault sent to %s', async (_, ways) => {
    const { inbox, callerAddress, address } = await pair({
      [ask]: { kind: 'request-reply', replyAction: answer, handle: refuse },
    });
    const addressing = { to: address, action: ask, messageId: 'urn:x:1', ...ways(callerAddress) };
    const response = await post(address, signed(signerOf('caller'), addressing));
    expect(response).toMatchObject({ status: 202, text: '' });
    const fault = await inbox.next();
    expect(fault.addressing).toMatchObject({ action: coordinationFault, relatesTo: 'urn:x:1' });
    expect(readFault(fault)?.code).toBe('InvalidState');
  });

  it('has its fault on the HTTP answer where FaultTo is anonymous', async () => {
    const { callerAddress, address } = await pair({
      [ask]: { kind: 'request-reply', replyAction: answer, handle: refuse },
    });
    const ways = { replyTo: endpoint(callerAddress), faultTo: anonymous };
    const addressing = { to: address, action: ask, messageId: 'urn:x:1', ...ways };
    const response = await post(address, signed(signerOf('caller'), addressing));
    expect(response.status).toBe(400);
    expect(faultIn(response.text)).toBe('InvalidState');
  });

  it.each(['replyTo', 'faultTo'])('is refused unheard where %s may not be called', async (way) => {
    let isCalled = false;
    const stranger = await startNode('stranger', ({ app }) => {
      app.addContentTypeParser('*', (_request, _body, done) => done(null));
      app.post('/port', () => {
        isCalled = true;
      });
    });
    const handled = new Inbox();
    const { address } = await pair({
      [ask]: {
        ...echo,
        handle: (message) => {
          handled.put(message);
          return { body: body('Answer') };
        },
      },
    });
    const ways = { replyTo: anonymous, [way]: endpoint(`${stranger.origin}/port`) };
    const addressing = { to: address, action: ask, messageId: 'urn:x:1', ...ways };
    const response = await post(address, signed(signerOf('caller'), addressing));
    expect(response.status).toBe(400);
    expect(faultIn(response.text)).toBe('InvalidAddressingHeader');
    expect({ handled: handled.size, isCalled }).toEqual({ handled: 0, isCalled: false });
  });
});

describe('a one-way message', () => {
  it('is taken with 202 and an empty body before it is handled', async () => {
    const inbox = new Inbox();
    const { address, service } = await pair({ [tell]: { kind: 'one-way', handle: inbox.put } });
    const addressing = { to: address, action: tell, replyTo: none };
    const response = await post(address, signed(signerOf('caller'), addressing));
    expect(response).toMatchObject({ status: 202, text: '' });
    expect(await inbox.next()).toMatchObject({ principal: { name: 'caller' } });
    expect(service.sent).toEqual([]);
  });

  it('may be taken only once it is handled, and is not where the service cannot', async () => {
    let isHandled = false;
    const handle = async ({ body: content }: ReceivedMessage) => {
      if (content?.localName !== 'Tell') throw soapFaults.receiver('not now');
      await new Promise((resolve) => setImmediate(resolve));
      isHandled = true;
    };
    const operation = { kind: 'one-way', isTakenOnceHandled: true, handle } as const;
    const { address } = await pair({ [tell]: operation });
    const addressing = { to: address, action: tell, replyTo: none };
    expect((await post(address, signed(signerOf('caller'), addressing))).status).toBe(500);
    const taken = await post(address, signed(signerOf('caller'), addressing, body('Tell')));
    expect([taken.status, isHandled]).toEqual([202, true]);
  });

  it.each([
    ['FaultTo', (a: string) => ({ faultTo: endpoint(a), from: endpoint('http://127.0.0.1:1/') })],
    ['a real ReplyTo', (a: string) => ({ replyTo: endpoint(a) })],
    ['From, as ReplyTo is none', (a: string) => ({ replyTo: none, from: endpoint(a) })],
  ])('that is refused has its fault sent to %s', async (_, ways) => {
    const { inbox, callerAddress, address, service } = await pair({
      [tell]: { kind: 'one-way', handle: refuse },
    });
    const addressing = { to: address, action: tell, messageId: 'urn:x:2', ...ways(callerAddress) };
    const response = await post(address, signed(signerOf('caller'), addressing));
    expect(response).toMatchObject({ status: 202, text: '' });
    const fault = await inbox.next();
    expect(fault).toMatchObject({
      principal: { name: 'service' },
      addressing: { action: coordinationFault, relatesTo: 'urn:x:2', replyTo: none },
    });
    expect(readFault(fault)?.code).toBe('InvalidState');
    expect(await validateAgainstStandards(service.sent)).toEqual([]);
  });

  it('that is refused has its fault sent nowhere where the address may not be called', async () => {
    const { inbox, callerAddress, address } = await pair({
      [tell]: { kind: 'one-way', handle: refuse },
    });
    const signer = signerOf('caller');
    const stranger = { to: address, action: tell, from: endpoint('http://127.0.0.1:1/x') };
    const known = { ...stranger, messageId: 'urn:x:3', from: endpoint(callerAddress) };
    expect((await post(address, signed(signer, stranger))).status).toBe(202);
    expect((await post(address, signed(signer, known))).status).toBe(202);
    expect((await inbox.next()).addressing.relatesTo).toBe('urn:x:3');
    expect(inbox.size).toBe(0);
  });
});
