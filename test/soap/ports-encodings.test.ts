import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { maxBodyBytes } from '../../src/kernel/http/http-server.js';
import { readEnvelope } from '../../src/soap/envelope.js';
import { readFault } from '../../src/soap/fault-body.js';
import { registerPort } from '../../src/soap/server.js';
import { textOf } from '../../src/soap/xml.js';
import { body, startNode, stopNodes } from './harness.js';

const word = 'café €';
let address: string;
let heard: string[];

beforeEach(async () => {
  heard = [];
  const node = await startNode('front', ({ app }) => {
    registerPort(app, {
      path: '/port',
      wsdl: 'transfer',
      security: { kind: 'plain' },
      operations: {
        'urn:test/Ask': {
          kind: 'request-reply',
          replyAction: 'urn:test/Answer',
          handle: (message) => {
            heard.push(message.body === undefined ? '' : textOf(message.body));
            return { body: body('Answer') };
          },
        },
      },
    });
  });
  address = `${node.origin}/port`;
});

afterEach(stopNodes);

const soap11 = 'http://schemas.xmlsoap.org/soap/envelope/';

function envelope(declared = '', said = word, header = ''): string {
  const declaration = declared === '' ? '' : `<?xml version="1.0" encoding="${declared}"?>`;
  return `${declaration}<S:Envelope xmlns:S="${soap11}">${header}<S:Body><Ask xmlns="urn:test">${said}</Ask></S:Body></S:Envelope>`;
}

function send(content: Buffer | string, headers: Record<string, string> = {}): Promise<Response> {
  const bytes = Buffer.from(content);
  const all = { 'content-type': 'text/xml; charset=utf-8', ...headers };
  return fetch(address, { method: 'POST', headers: all, body: new Uint8Array(bytes) });
}

const utf16le = (text: string, mark = '') => Buffer.from(mark + text, 'utf16le');
const utf16be = (text: string, mark = '') => utf16le(text, mark).swap16();

describe('the encoding of a message', () => {
  it.each([
    ...['utf-16', 'ISO-8859-1', 'windows-1252', 'us-ascii', 'x-odd'].map(
      (declared): [string, Buffer, string] => [
        `UTF-8 by HTTP, declared ${declared}`,
        Buffer.from(envelope(declared)),
        'text/xml; charset=utf-8',
      ],
    ),
    ['UTF-8 by default', Buffer.from(envelope()), 'text/xml'],
    ['UTF-8 with a mark', Buffer.from(`\uFEFF${envelope()}`), 'text/xml; charset=iso-8859-1'],
    ['UTF-16 LE by its mark', utf16le(envelope('utf-16'), '\uFEFF'), 'text/xml; charset=utf-16'],
    ['UTF-16 BE by its mark', utf16be(envelope('utf-16'), '\uFEFF'), 'text/xml; charset=utf-16'],
    ['UTF-16 by its mark alone', utf16le(envelope('utf-16'), '\uFEFF'), 'text/xml'],
    ['UTF-16 without a mark', utf16be(envelope('utf-16')), 'text/xml; charset=utf-16'],
    ['UTF-16 LE without a mark', utf16le(envelope('utf-16')), 'text/xml; charset=utf-16'],
    ['UTF-16 of which nothing says so', utf16le(envelope()), 'text/xml'],
    [
      'windows-1252',
      Buffer.from(envelope().replace('€', '\x80'), 'latin1'),
      'text/xml; charset=windows-1252',
    ],
  ])('is %s', async (_, bytes, contentType) => {
    const response = await send(bytes, { 'content-type': contentType });
    expect(response.status).toBe(200);
    expect(heard).toEqual([word]);
  });

  it('is Latin-1 where HTTP or the document says so', async () => {
    const bytes = (declared = '') => Buffer.from(envelope(declared, 'café'), 'latin1');
    await send(bytes(), { 'content-type': 'text/xml; charset=ISO-8859-1' });
    await send(bytes('iso-8859-1'), { 'content-type': 'text/xml' });
    expect(heard).toEqual(['café', 'café']);
  });

  it.each([
    [
      'other bytes than it says',
      Buffer.from(envelope('', 'café'), 'latin1'),
      'utf-8',
      500,
      'not in utf-8',
    ],
    ['more than ASCII', Buffer.from(envelope()), 'us-ascii', 500, 'not in us-ascii'],
    ['half a UTF-16 character', utf16be(envelope()).subarray(1), 'utf-16le', 500, ''],
    ['an unknown name', Buffer.from(envelope()), 'utf-7', 415, 'utf-7'],
  ])('is refused with %s, and why', async (_, bytes, charset, status, reason) => {
    const response = await send(bytes, { 'content-type': `text/xml; charset=${charset}` });
    expect(response.status).toBe(status);
    const fault = readFault(readEnvelope(await response.text()));
    expect(fault?.data.soapCode).toBe('Sender');
    expect(fault?.data.reason).toContain(reason);
    expect(heard).toEqual([]);
  });
});

describe('the content type of a message', () => {
  it.each([
    'text/xml',
    'text/xml;',
    'text/xml ; charset=utf-8',
    'Text/XML; Charset=UTF8',
    'text/xml; charset="utf-8";',
    'text/xml; charset = utf-8',
    'text/xml;charset=utf-8;action="urn:test/Ask"',
  ])('may be %s', async (contentType) => {
    expect((await send(envelope(), { 'content-type': contentType })).status).toBe(200);
    expect(heard).toEqual([word]);
  });

  it.each([
    'application/xml',
    'text/plain',
    'multipart/related; boundary=M',
    'text/xml, text/xml',
    'x',
  ])('may not be %s, and the answer says what may', async (contentType) => {
    const response = await send(envelope(), { 'content-type': contentType });
    expect(response.status).toBe(415);
    expect(await response.text()).toContain('text/xml');
    expect(heard).toEqual([]);
  });

  it('may not be missing', async () => {
    const response = await fetch(address, { method: 'POST', body: new Uint8Array([60]) });
    expect(response.status).toBe(415);
    expect(await response.text()).toContain('text/xml');
  });
});

describe('a message in gzip', () => {
  it('is inflated', async () => {
    const response = await send(gzipSync(envelope()), { 'content-encoding': 'gzip' });
    expect(response.status).toBe(200);
    expect(heard).toEqual([word]);
  });

  it.each([
    ['that is none', Buffer.from(envelope()), 'gzip', 400],
    ['that is cut', gzipSync(envelope()).subarray(0, 40), 'gzip', 400],
    ['that grows past all bounds', gzipSync(Buffer.alloc(maxBodyBytes + 1)), 'gzip', 413],
    ['out of proportion', gzipSync(Buffer.alloc(maxBodyBytes / 2)), 'gzip', 413],
    ['in another coding', gzipSync(envelope()), 'br', 415],
    ['twice', gzipSync(gzipSync(envelope())), 'gzip, gzip', 415],
  ])('%s is refused, and why', async (_, bytes, coding, status) => {
    const response = await send(bytes, { 'content-encoding': coding });
    expect(response.status).toBe(status);
    expect(response.headers.get('accept-encoding')).toBe(status === 415 ? 'gzip, identity' : null);
    expect(readFault(readEnvelope(await response.text()))?.data.reason).not.toBe('');
    expect(heard).toEqual([]);
  });

  it('is refused in plain words, too, where it is too large as it came', async () => {
    const response = await send('x'.repeat(maxBodyBytes + 1));
    expect(response.status).toBe(413);
    expect(readFault(readEnvelope(await response.text()))?.data.reason).toContain('large');
  });
});

describe('header blocks of other stacks', () => {
  const refused = async (block: string) =>
    (await send(envelope('', word, `<S:Header>${block}</S:Header>`))).text();

  it('pass where they are not mandatory, or WCF repeats the action by them', async () => {
    const none = 'http://schemas.microsoft.com/ws/2005/05/addressing/none';
    await refused(`<Action S:mustUnderstand="1" xmlns="${none}">urn:test/Ask</Action>`);
    await refused(
      '<ActivityId xmlns="http://schemas.microsoft.com/2004/09/ServiceModel/Diagnostics"/>',
    );
    await refused('<o:X S:mustUnderstand="1" S:actor="urn:gateway" xmlns:o="urn:o"/>');
    expect(heard).toEqual([word, word, word]);
  });

  it('are named where they are mandatory and not understood', async () => {
    const text = await refused('<o:X S:mustUnderstand="1" xmlns:o="urn:o"/>');
    expect(readFault(readEnvelope(text))?.data.reason).toContain('{urn:o}X');
    const soap12 = 'http://www.w3.org/2003/05/soap-envelope';
    const answer = await send(
      envelope(
        '',
        word,
        '<S:Header><o:X S:mustUnderstand="1" xmlns:o="urn:o"/></S:Header>',
      ).replace(soap11, soap12),
      { 'content-type': 'application/soap+xml' },
    );
    expect(await answer.text()).toMatch(/<S:NotUnderstood [^>]*xmlns:x="urn:o"[^>]* qname="x:X"/);
  });
});
