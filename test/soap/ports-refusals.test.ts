import { afterEach, describe, expect, it } from 'vitest';
import { anonymous } from '../../src/soap/addressing.js';
import { newMessageId } from '../../src/soap/client.js';
import { readEnvelope } from '../../src/soap/envelope.js';
import { readFault } from '../../src/soap/fault-body.js';
import type { Operation } from '../../src/soap/port.js';
import type { ReceivedMessage } from '../../src/soap/verification.js';
import type { SoapVersion } from '../../src/soap/vocabulary.js';
import { attributeOf, childElements, lookUp, type XmlElement } from '../../src/soap/xml.js';
import { signerOf } from '../support/soap-parties.js';
import { body, post, servePort, signed, startNode, stopNodes } from './harness.js';

const wsaNs = 'http://www.w3.org/2005/08/addressing';
const soap11 = 'http://schemas.xmlsoap.org/soap/envelope/';
const soap12 = 'http://www.w3.org/2003/05/soap-envelope';
const ask = 'urn:test/Ask';
const echo: Operation<ReceivedMessage> = {
  kind: 'request-reply',
  replyAction: 'urn:test/Answer',
  handle: () => ({ body: body('Answer') }),
};

afterEach(stopNodes);

/** A served port, and a message to it of a client, signed. */
async function served(version: SoapVersion = '1.2') {
  const node = await startNode('service', (one) => {
    servePort(one, { [ask]: echo });
  });
  const address = `${node.origin}/port`;
  const addressing = { to: address, action: ask, messageId: newMessageId(), replyTo: anonymous };
  const text = signed(signerOf('caller'), addressing, body('Ask', 'hello'), version);
  const refusal = async (sent: string) => {
    const response = await post(address, sent, version);
    const { addressing: related, ...answer } = readEnvelope(response.text);
    return {
      status: response.status,
      ...answer,
      related,
      fault: readFault({ addressing: related, ...answer }),
    };
  };
  return { address, addressing, text, refusal };
}

describe('a refusal of an addressed message relates to it, and says why', () => {
  it.each<[string, (text: string) => string, RegExp]>([
    [
      'cut off in its body',
      (text) => text.slice(0, -30),
      /no(t)? XML that SOAP allows\. \(.*un(closed|expected)/,
    ],
    [
      'with a second Body',
      (text) => text.replace('</S:Envelope>', '<S:Body/></S:Envelope>'),
      /at most one Header/,
    ],
    [
      'with a processing instruction',
      (text) => text.replace('<S:Body', '<?x?><S:Body'),
      /processing instruction/,
    ],
    ['that is changed', (text) => text.replace('>hello<', '>hallo<'), /signature/],
  ])('%s', async (_, change, reason) => {
    const { addressing, text, refusal } = await served();
    const answer = await refusal(change(text));
    expect(answer.status).toBe(400);
    expect(answer.fault?.data.reason).toMatch(reason);
    expect(answer.related).toMatchObject({
      relatesTo: addressing.messageId,
      messageId: expect.any(String),
      action: `${wsaNs}/soap/fault`,
    });
  });

  it("names the header that is at fault, and the address that is not the service's", async () => {
    const { address, addressing } = await served();
    const signer = signerOf('caller');
    const elsewhere = signed(signer, { ...addressing, to: 'http://another.test/port' });
    expect((await post(address, elsewhere)).text).toContain('http://another.test/port');
    const unnamed = signed(signer, { ...addressing, messageId: undefined });
    expect((await post(address, unnamed)).text).toContain('(MessageID)');
  });

  it('says how large a message may be', async () => {
    const { refusal } = await served();
    const answer = await refusal('x'.repeat(1_100_000));
    expect(answer.status).toBe(413);
    expect(answer.fault?.data.reason).toMatch(/at most 1048576 bytes; send less/);
  });
});

describe('an envelope of another version', () => {
  it.each<[string, SoapVersion, (text: string) => string]>([
    ['that nobody knows', '1.2', (text) => text.replaceAll('2003/05/soap', '2099/05/soap')],
    ['that nobody knows', '1.1', (text) => text.replaceAll('schemas.xmlsoap.org/soap', 'x.test')],
  ])('%s gets a fault in SOAP %s with the versions that are taken', async (_, version, change) => {
    const { text, refusal } = await served(version);
    const { status, headers, fault } = await refusal(change(text));
    expect(status).toBe(500);
    expect(fault?.data.soapCode).toBe('VersionMismatch');
    expect(fault?.data.reason).toContain('SOAP 1.1 and 1.2');
    expectUpgrade(headers);
  });

  it.each<[SoapVersion, string, string]>([
    ['1.2', soap11, 'an envelope of SOAP 1.1 in a content type of SOAP 1.2'],
    ['1.1', soap12, 'an envelope of SOAP 1.2 in a content type of SOAP 1.1'],
  ])('than the content type of %s says gets that, related', async (version, namespace, reason) => {
    const { addressing, text, refusal } = await served(version);
    const own = version === '1.2' ? soap12 : soap11;
    const answer = await refusal(text.replaceAll(own, namespace));
    expect(answer.fault?.data.reason).toContain(reason);
    expect(answer.related.relatesTo).toBe(addressing.messageId);
    expectUpgrade(answer.headers);
  });
});

/** SOAP 1.2 Part 1 §5.4.7; in SOAP 1.1 by its Appendix A. */
function expectUpgrade(headers: readonly XmlElement[]): void {
  const [upgrade, ...others] = headers;
  expect(others).toEqual([]);
  expect(upgrade).toMatchObject({ namespaceURI: soap12, localName: 'Upgrade' });
  const supported = (upgrade ? childElements(upgrade) : []).map((one) => {
    const [prefix = '', name] = (attributeOf(one, '', 'qname') ?? '').split(':');
    return [one.localName, lookUp(one.scope, prefix), name];
  });
  expect(supported).toEqual([
    ['SupportedEnvelope', soap12, 'Envelope'],
    ['SupportedEnvelope', soap11, 'Envelope'],
  ]);
}

describe('mustUnderstand', () => {
  /** The message with the attribute of its security header, which no signature covers, changed. */
  const changed = (text: string, value: string) =>
    text.replace(/mustUnderstand="1"/, `mustUnderstand="${value}"`);

  it.each(['K', '', 'yes', 'TRUE', '2', '11'])('%j is no boolean, and refused', async (value) => {
    const { text, refusal } = await served();
    const { fault } = await refusal(changed(text, value));
    expect(fault?.code).toBe('Sender');
    expect(fault?.data.reason).toContain('mustUnderstand of Security');
  });

  it.each(['0', 'false', 'true', ' 1 '])('%j is a boolean', async (value) => {
    const { address, text } = await served();
    expect((await post(address, changed(text, value))).status).toBe(200);
  });
});
