import { afterEach, describe, expect, it } from 'vitest';
import { issueAuthority } from '../../src/kernel/config/x509.js';
import { anonymous } from '../../src/soap/addressing.js';
import { newMessageId } from '../../src/soap/client.js';
import { readEnvelope } from '../../src/soap/envelope.js';
import type { Operation } from '../../src/soap/port.js';
import type { ReceivedMessage } from '../../src/soap/verification.js';
import type { SoapVersion } from '../../src/soap/vocabulary.js';
import { attribute, element } from '../../src/soap/xml.js';
import { signerOf } from '../support/soap-parties.js';
import { body, faultIn, Inbox, post, servePort, signed, startNode, stopNodes } from './harness.js';

const wsaNs = 'http://www.w3.org/2005/08/addressing';
const ask = 'urn:test/Ask';
const answer = 'urn:test/Answer';

const echo: Operation<ReceivedMessage> = {
  kind: 'request-reply',
  replyAction: answer,
  handle: () => ({ body: body('Answer') }),
};

afterEach(stopNodes);

describe('a signed port', () => {
  const addressed = (to: string) => ({
    to,
    action: ask,
    messageId: newMessageId(),
    replyTo: anonymous,
  });

  async function served(operation: Operation<ReceivedMessage> = echo) {
    const service = await startNode('service', (node) => {
      servePort(node, { [ask]: operation }, { inFlightMax: 1 });
    });
    return { address: `${service.origin}/port`, signer: signerOf('caller') };
  }

  it('refuses what is not signed, and does not sign the refusal', async () => {
    const { address } = await served();
    const plain =
      '<S:Envelope xmlns:S="http://www.w3.org/2003/05/soap-envelope"><S:Body/></S:Envelope>';
    const response = await post(address, plain);
    expect(response.status).toBe(400);
    expect(faultIn(response.text)).toBe('InvalidSecurity');
    expect(response.text).not.toContain('Security>');
  });

  it.each([
    ['changed on the way', (text: string) => text.replace('>hello<', '>hallo<')],
    ['cut', (text: string) => text.slice(0, -5)],
    ['of an unknown SOAP', (text: string) => text.replace('2003/05/soap', '2099/05/soap')],
  ])('refuses what was %s', async (_, change) => {
    const { address, signer } = await served();
    const text = change(signed(signer, addressed(address), body('Ask', 'hello')));
    const response = await post(address, text);
    expect(response.status).toBeGreaterThanOrEqual(400);
    expect(faultIn(response.text)).toMatch(/FailedCheck|Sender|VersionMismatch/);
  });

  it('refuses strangers', async () => {
    const { address } = await served();
    const stranger = signerOf('caller', issueAuthority('elsewhere'));
    const response = await post(address, signed(stranger, addressed(address)));
    expect(faultIn(response.text)).toBe('FailedAuthentication');
  });

  it('refuses a message the second time', async () => {
    const { address, signer } = await served();
    const text = signed(signer, addressed(address));
    expect((await post(address, text)).status).toBe(200);
    expect((await post(address, text)).status).toBe(400);
  });

  it.each([
    ['Action', { action: '' }, 'MessageAddressingHeaderRequired'],
    ['To', { to: undefined }, 'MessageAddressingHeaderRequired'],
    ['MessageID', { messageId: undefined }, 'MessageAddressingHeaderRequired'],
    ['a To that is meant', { to: 'http://another.test/port' }, 'DestinationUnreachable'],
    ['a known Action', { action: 'urn:test/Other' }, 'ActionNotSupported'],
  ])('refuses a request without %s', async (_, change, fault) => {
    const { address, signer } = await served();
    const response = await post(address, signed(signer, { ...addressed(address), ...change }));
    expect(response.status).toBe(400);
    expect(faultIn(response.text)).toBe(fault);
  });

  it('answers here where no ReplyTo says otherwise', async () => {
    const { address, signer } = await served();
    const response = await post(
      address,
      signed(signer, { ...addressed(address), replyTo: undefined }),
    );
    expect(response.status).toBe(200);
  });

  it('relates a refusal to the message, believed or not', async () => {
    const { address, signer } = await served();
    const addressing = addressed(address);
    const good = signed(signer, addressing, body('Ask', 'hello'));
    const elsewhere = signed(signer, {
      ...addressed('http://another.test/'),
      messageId: 'urn:m:2',
    });
    const cases: [string, string, string][] = [
      [good.replace('>hello<', '>hallo<'), addressing.messageId, `${wsaNs}/soap/fault`],
      [elsewhere, 'urn:m:2', `${wsaNs}/fault`],
    ];
    for (const [text, relatesTo, action] of cases) {
      const { addressing: answered } = readEnvelope((await post(address, text)).text);
      expect(answered).toMatchObject({ relatesTo, action });
    }
  });

  it('takes the good message after one that was spoilt on its way', async () => {
    const { address, signer } = await served();
    const text = signed(signer, addressed(address), body('Ask', 'hello'), '1.1');
    expect(faultIn((await post(address, text, '1.2')).text)).toBe('VersionMismatch');
    const other = await post(address, text, '1.1', 'urn:test/Other');
    expect(faultIn(other.text)).toBe('InvalidAddressingHeader');
    expect((await post(address, text.replace('>hello<', '>hallo<'), '1.1')).status).toBe(500);
    expect((await post(address, text, '1.1')).status).toBe(200);
    expect((await post(address, text, '1.1')).text).toContain('InvalidSecurity');
  });

  it('refuses a message whose HTTP headers name another action or version', async () => {
    const { address, signer } = await served();
    const text = (version: SoapVersion) => signed(signer, addressed(address), body('Ask'), version);
    const other = await post(address, text('1.1'), '1.1', 'urn:test/Other');
    expect(faultIn(other.text)).toBe('InvalidAddressingHeader');
    expect(faultIn((await post(address, text('1.2'), '1.1')).text)).toBe('VersionMismatch');
    expect((await post(address, text('1.1'), '1.1', '')).status).toBe(200);
  });

  it('refuses what it has to understand and does not', async () => {
    const { address, signer } = await served();
    const name = { ns: 'http://www.w3.org/2003/05/soap-envelope', prefix: 'S' };
    const mandatory = attribute({ ...name, name: 'mustUnderstand' }, 'true');
    const text = signer.sign({
      version: '1.2',
      addressing: addressed(address),
      headers: [element({ ns: 'urn:test', prefix: 't', name: 'Odd' }, [mandatory])],
      body: body('Ask'),
    });
    expect(faultIn((await post(address, text)).text)).toBe('MustUnderstand');
  });

  it('takes no other media type, encoding or broken text', async () => {
    const { address } = await served();
    const headers = (contentType: string) => ({
      method: 'POST',
      headers: { 'content-type': contentType },
      body: '{}',
    });
    expect((await fetch(address, headers('application/json'))).status).toBe(415);
    const unknown = await fetch(address, headers('text/xml; charset=utf-7'));
    expect(unknown.status).toBe(415);
    expect(await unknown.text()).toContain('utf-7');
    const broken = await post(address, Uint8Array.of(0x3c, 0xff));
    expect(broken.status).toBe(400);
    expect(broken.text).toContain('not in utf-8');
  });

  it('says nothing about its insides when it fails', async () => {
    const { address, signer } = await served({
      kind: 'request-reply',
      replyAction: answer,
      handle: () => {
        throw new Error('secret path');
      },
    });
    const response = await post(address, signed(signer, addressed(address)));
    expect(response.status).toBe(500);
    expect(faultIn(response.text)).toBe('Receiver');
    expect(response.text).not.toContain('secret');
  });

  it('is busy at its limit, and free again after', async () => {
    const inbox = new Inbox();
    let release = (): void => undefined;
    const { address, signer } = await served({
      kind: 'request-reply',
      replyAction: answer,
      handle: (message) => {
        inbox.put(message);
        return new Promise((resolve) => {
          release = () => resolve({ body: body('Answer') });
        });
      },
    });
    const send = () => post(address, signed(signer, addressed(address)));
    const first = send();
    await inbox.next();
    const second = await send();
    expect(second.status).toBe(503);
    expect(second.headers.get('retry-after')).toBe('1');
    expect(faultIn(second.text)).toBe('Receiver');
    const question = addressed(address);
    const refused = await post(address, signed(signer, question));
    expect(readEnvelope(refused.text).addressing).toMatchObject({
      relatesTo: question.messageId,
      action: `${wsaNs}/soap/fault`,
      messageId: expect.any(String),
    });
    release();
    expect((await first).status).toBe(200);
    const third = send();
    await inbox.next();
    release();
    expect((await third).status).toBe(200);
  });
});
