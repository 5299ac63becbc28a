import { afterEach, describe, expect, it } from 'vitest';
import { endpoint } from '../../src/soap/addressing.js';
import { newMessageId, SoapClient } from '../../src/soap/client.js';
import { SoapTransportError } from '../../src/soap/transport.js';
import { AddressPolicy } from '../../src/soap/trust.js';
import { element, textOf } from '../../src/soap/xml.js';
import { newVerifier, signerOf } from '../support/soap-parties.js';
import { body, Inbox, policyOf, servePort, signed, startNode, stopNodes } from './harness.js';

afterEach(stopNodes);

const action = 'urn:test/Ask';

/** A server that answers each POST as told, and a client that may call it. */
async function answering(answer: (messageId: string) => Answer | Promise<Answer>) {
  const server = await startNode('server', ({ app }) => {
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', { parseAs: 'string' }, (_request, text, done) =>
      done(null, text),
    );
    app.post('/port', async (request, reply) => {
      const messageId = /<wsa:MessageID[^>]*>([^<]*)</.exec(String(request.body))?.[1] ?? '';
      const { status, text } = await answer(messageId);
      return reply.code(status).type('application/soap+xml').send(text);
    });
  });
  const caller = await startNode('caller', () => undefined, [server.origin]);
  const target = endpoint(`${server.origin}/port`);
  const ask = (timeoutMs = 5000) =>
    caller.client.request(target, { action, body: body('Ask'), timeoutMs });
  const tell = (timeoutMs = 5000) =>
    caller.client.notify(target, { action, body: body('Tell'), timeoutMs });
  return { ask, tell, server };
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

const serverSigner = signerOf('server');
const answerTo = (relatesTo: string | undefined): string =>
  signed(serverSigner, { action: 'urn:test/Answer', messageId: newMessageId(), relatesTo });

async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'no failure',
    (error: unknown) =>
      error instanceof SoapTransportError ? { code: error.code, status: error.data.status } : error,
  );
}

describe('a request', () => {
  it('returns the reply and who signed it', async () => {
    const { ask } = await answering((id) => ({ status: 200, text: answerTo(id) }));
    expect(await ask()).toMatchObject({
      principal: { name: 'server' },
      body: { localName: 'Ask' },
    });
  });

  it.each([
    ['relates to another message', () => answerTo('urn:uuid:another')],
    ['relates to none', () => answerTo(undefined)],
    [
      'is not signed',
      () => '<S:Envelope xmlns:S="http://www.w3.org/2003/05/soap-envelope"><S:Body/></S:Envelope>',
    ],
    ['was changed', (id: string) => answerTo(id).replace('urn:test/Answer', 'urn:test/Other')],
    ['is no XML', () => 'hello'],
    ['is empty', () => ''],
  ])('refuses a reply that %s', async (_, text) => {
    const { ask } = await answering((id) => ({ status: 200, text: text(id) }));
    expect(await failure(ask())).toEqual({ code: 'bad-reply', status: undefined });
  });

  it('refuses the same reply a second time', async () => {
    let first: string | undefined;
    const { ask } = await answering((id) => {
      first ??= answerTo(id);
      return { status: 200, text: first };
    });
    await ask();
    expect(await failure(ask())).toMatchObject({ code: 'bad-reply' });
  });

  it('does not act on a fault that nobody signed, but tells of it', async () => {
    const text = `<S:Envelope xmlns:S="http://www.w3.org/2003/05/soap-envelope"><S:Body><S:Fault>
      <S:Code><S:Value>S:Sender</S:Value></S:Code>
      <S:Reason><S:Text xml:lang="en">no such luck</S:Text></S:Reason></S:Fault></S:Body></S:Envelope>`;
    const { ask } = await answering(() => ({ status: 400, text }));
    const error = await ask().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SoapTransportError);
    expect(error).toMatchObject({ code: 'http-status', data: { status: 400 } });
    expect(String(error)).toContain('no such luck');
  });

  it('ends in time', async () => {
    const { ask } = await answering(() => new Promise(() => undefined));
    expect(await failure(ask(100))).toMatchObject({ code: 'timeout' });
  });

  it('takes no answer larger than the limit', async () => {
    const { ask } = await answering(() => ({ status: 200, text: 'x'.repeat(1_100_000) }));
    expect(await failure(ask())).toMatchObject({ code: 'too-large' });
  });

  it('follows no redirection', async () => {
    const { ask } = await answering(() => ({ status: 307, text: '' }));
    expect(await failure(ask())).toEqual({ code: 'http-status', status: 307 });
  });

  it('fails where nobody listens', async () => {
    const { ask, server } = await answering(() => ({ status: 200, text: '' }));
    await server.app.close();
    expect(await failure(ask())).toMatchObject({ code: 'refused' });
  });

  it('is refused where too many are under way', async () => {
    let isAnswering = false;
    const { tell } = await answering((id) =>
      isAnswering ? { status: 200, text: answerTo(id) } : new Promise(() => undefined),
    );
    const pending = Array.from({ length: 1024 }, () => failure(tell(1500)));
    expect(await failure(tell())).toMatchObject({ code: 'busy' });
    await Promise.all(pending);
    isAnswering = true;
    await tell();
  });

  it('is not sent where the address is not allowed', async () => {
    let isCalled = false;
    const { server } = await answering(() => {
      isCalled = true;
      return { status: 202, text: '' };
    });
    const sent: string[] = [];
    const client = new SoapClient({
      signer: signerOf('caller'),
      verifier: newVerifier(),
      addresses: policyOf(['http://127.0.0.1:1']),
      onSent: (text) => sent.push(text),
    });
    const target = endpoint(`${server.origin}/port`);
    const outgoing = { action, body: body('Ask'), timeoutMs: 1000 };
    expect(await failure(client.request(target, outgoing))).toMatchObject({ code: 'not-allowed' });
    expect(await failure(client.notify(target, outgoing))).toMatchObject({ code: 'not-allowed' });
    expect({ isCalled, sent }).toEqual({ isCalled: false, sent: [] });
    await client.close();
  });
});

describe('a notification', () => {
  it.each([200, 202])('is taken with HTTP status %i', async (status) => {
    const { tell } = await answering(() => ({ status, text: '' }));
    await tell();
  });

  it.each([204, 400, 500, 503])('is not taken with HTTP status %i', async (status) => {
    const { tell } = await answering(() => ({ status, text: '' }));
    expect(await failure(tell())).toEqual({ code: 'http-status', status });
  });

  it('goes to the endpoint with its reference parameters, and says where it is from', async () => {
    const inbox = new Inbox();
    const service = await startNode('service', (node) => {
      servePort(node, { [action]: { kind: 'one-way', handle: inbox.put } });
    });
    const caller = await startNode('caller', () => undefined, [service.origin]);
    const parameter = element({ ns: 'urn:test', prefix: 't', name: 'Which' }, [], 'this one');
    await caller.client.notify(endpoint(`${service.origin}/port`, parameter), {
      action,
      body: body('Tell'),
      from: endpoint('http://caller.test/port', parameter),
      relatesTo: 'urn:x:1',
    });
    const { addressing, headers } = await inbox.next();
    expect(headers.map(textOf)).toEqual(['this one']);
    expect(addressing).toMatchObject({
      relatesTo: 'urn:x:1',
      replyTo: { address: 'http://www.w3.org/2005/08/addressing/none' },
      from: { address: 'http://caller.test/port', referenceParameters: [{ localName: 'Which' }] },
    });
    expect(addressing.messageId).toMatch(/^urn:uuid:/);
  });
});

describe('the address policy', () => {
  const policy = new AddressPolicy({
    coordinators: [],
    initiators: [],
    participants: [],
    fronts: [
      {
        name: 'front',
        url: 'https://front.example',
        certificateSha256: '0'.repeat(64),
      },
    ],
    allowedOrigins: ['http://[::1]:8080', 'http://other.example:81/'],
  });

  it.each([
    'https://front.example/transfer',
    'https://FRONT.example:443/x?y',
    'http://[::1]:8080/',
    'http://other.example:81/deep/path',
  ])('allows %s', (address) => {
    expect(policy.allows(address)).toBe(true);
  });

  it.each([
    'http://front.example/transfer',
    'https://front.example:444/',
    'https://front.example.evil.example/',
    'https://front.example@evil.example/',
    'https://user@front.example/',
    'https://user:pass@front.example/',
    'http://other.example/',
    'file:///etc/passwd',
    'ftp://other.example:81/',
    'http://www.w3.org/2005/08/addressing/anonymous',
    'https://front.example/'.padEnd(3000, 'x'),
    '/transfer',
    '',
  ])('refuses %s', (address) => {
    expect(policy.allows(address)).toBe(false);
  });
});
