import { describe, expect, it } from 'vitest';
import { algorithms, namespaces } from '../../src/soap/vocabulary.js';
import {
  alice,
  type ForeignMessage,
  faultOf,
  leastReferences,
  prepareMessage,
  signerOf,
  signForeign,
  testVerifier,
  tokenElement,
} from '../support/signed-messages.js';

const signed = signerOf(alice).sign(prepareMessage());
const bodyForm = /<S:Body wsu:Id="body">.*<\/S:Body>/;
const securityForm = /<wsse:Security .*<\/wsse:Security>/;
const toForm = /<wsa:To [^>]*>[^<]*<\/wsa:To>/;
const signatureForm = /<ds:Signature .*<\/ds:Signature>/;
const body = part(bodyForm);
const security = part(securityForm);
const to = part(toForm);
const signature = part(signatureForm);
const evilBody = '<S:Body><wsat:Commit xmlns:wsat="urn:evil"></wsat:Commit></S:Body>';
const evilTo = '<wsa:To>http://evil.test/</wsa:To>';

describe('a signed part put elsewhere, with another one in its place', () => {
  it.each([
    ['the body in a header block', withBody(evilBody, `<w>${body}</w>`)],
    ['the body as a header block', withBody(evilBody, body)],
    [
      'the body in the security header',
      withBody(evilBody).replace('</wsse:Security>', `${body}</wsse:Security>`),
    ],
    [
      'the body in an Object of the signature',
      withBody(evilBody).replace(
        '</ds:Signature>',
        `<ds:Object>${body}</ds:Object></ds:Signature>`,
      ),
    ],
    ['the body in the body', withBody(evilBody.replace('</wsat', `${body}</wsat`))],
    ['the body after the body', withBody(`${evilBody}${body}`)],
    ['the body before the body', withBody(`${body}${evilBody}`)],
    [
      'the body under the id of another',
      withBody(evilBody.replace('<S:Body', '<S:Body wsu:Id="body"'), body),
    ],
    ['the envelope in a header block', withBody(evilBody, `<w>${signed}</w>`)],
    [
      'a header in the security header',
      signed.replace(to, evilTo).replace('</wsse:Security>', `${to}</wsse:Security>`),
    ],
    ['a header in a header block', signed.replace(to, `${evilTo}<w>${to}</w>`)],
    [
      'a header in the body',
      signed.replace(to, evilTo).replace('</wsat:Prepare>', `${to}</wsat:Prepare>`),
    ],
    [
      'a header under the id of another',
      signed.replace(to, evilTo.replace('<wsa:To', '<wsa:To wsu:Id="header-0"') + to),
    ],
    ['the timestamp as a header block', moved(/<wsu:Timestamp .*<\/wsu:Timestamp>/)],
    [
      'the token as a header block',
      moved(/<wsse:BinarySecurityToken .*<\/wsse:BinarySecurityToken>/),
    ],
    ['the signature as a header block', moved(signatureForm)],
  ])('is refused: %s', (_, text) => {
    expect(text).not.toBe(signed);
    expect(faultOf(() => testVerifier().verify(text)).data.soapCode).toBe('Sender');
  });
});

describe('something unsigned beside what is signed', () => {
  it.each([
    ['a second To', signed.replace(to, evilTo + to)],
    [
      'a ReplyTo',
      signed.replace(
        /<wsa:ReplyTo .*<\/wsa:ReplyTo>/,
        '<wsa:ReplyTo><wsa:Address>http://evil.test/</wsa:Address></wsa:ReplyTo>',
      ),
    ],
    [
      'a FaultTo',
      signed.replace(
        to,
        `${to}<wsa:FaultTo><wsa:Address>http://evil.test/</wsa:Address></wsa:FaultTo>`,
      ),
    ],
    ['a RelatesTo', signed.replace(to, `${to}<wsa:RelatesTo>urn:x</wsa:RelatesTo>`)],
    [
      'a reference parameter',
      signed.replace(to, `${to}<x xmlns="urn:x" wsa:IsReferenceParameter="true">1</x>`),
    ],
    ['a header of ours', signed.replace(to, `${to}<Request xmlns="${namespaces.concordat}"/>`)],
    [
      'a coordination context',
      signed.replace(to, `${to}<CoordinationContext xmlns="${namespaces.wscoor}"/>`),
    ],
    ['a header of ours, whose signature is taken away', signed.replace(/ wsu:Id="header-5"/, '')],
    ['a second security header', signed.replace(security, security + security)],
    ['a second, empty security header', signed.replace(security, `${security}<wsse:Security/>`)],
    [
      'a second security header for another role',
      signed.replace(security, `${security}<wsse:Security S:role="urn:other"/>`),
    ],
    ['a second signature', signed.replace(signature, signature + signature)],
    [
      'a second timestamp',
      signed.replace(
        '<wsu:Timestamp ',
        '<wsu:Timestamp><wsu:Created>2030-01-01T00:00:00Z</wsu:Created></wsu:Timestamp><wsu:Timestamp ',
      ),
    ],
    [
      'anything else in the security header',
      signed.replace('</wsse:Security>', '<x/></wsse:Security>'),
    ],
    ['a second body', signed.replace(body, body + evilBody)],
    ['a second header', signed.replace('</S:Header>', '</S:Header><S:Header/>')],
    ['text in the header', signed.replace('<S:Header>', '<S:Header>x')],
    ['no security header', signed.replace(security, '')],
    ['no signature', signed.replace(signature, '')],
    [
      'a security header for another role',
      signed.replace('<wsse:Security ', '<wsse:Security S:role="urn:other" '),
    ],
  ])('is refused: %s', (_, text) => {
    expect(text).not.toBe(signed);
    expect(faultOf(() => testVerifier().verify(text)).data.soapCode).toBe('Sender');
  });
});

describe('a signature of one that we trust, in a form that we do not', () => {
  const excC14n = algorithms.excC14n;
  const enveloped = 'http://www.w3.org/2000/09/xmldsig#enveloped-signature';
  const [bodyReference, timestampReference] = leastReferences;
  const references = (...more: ForeignMessage['references']) => [...leastReferences, ...more];

  it.each<[string, Partial<ForeignMessage>]>([
    ['no reference to the body', { references: leastReferences.slice(1) }],
    [
      'a reference to the whole document',
      {
        references: references({ xpath: '/*', transforms: [enveloped, excC14n], isEmptyUri: true }),
      },
    ],
    [
      'a reference to the envelope by id',
      { references: references({ xpath: '/*', transforms: [enveloped, excC14n] }) },
    ],
    [
      'a reference to a child of the body',
      { references: references({ xpath: "//*[local-name(.)='a']" }) },
    ],
    [
      'a reference to the token',
      { references: references({ xpath: "//*[local-name(.)='BinarySecurityToken']" }) },
    ],
    [
      'a reference to the security header',
      {
        references: references({
          xpath: "//*[local-name(.)='Security']",
          transforms: [enveloped, excC14n],
        }),
      },
    ],
    ['the body twice', { references: [...leastReferences, ...leastReferences.slice(0, 1)] }],
    ['an enveloped signature transform', { references: transformed([enveloped, excC14n]) }],
    ['the same transform twice', { references: transformed([excC14n, excC14n]) }],
    [
      'inclusive canonicalization',
      { references: transformed(['http://www.w3.org/TR/2001/REC-xml-c14n-20010315']) },
    ],
    [
      'SHA-1',
      {
        references: [
          {
            xpath: bodyReference?.xpath ?? '',
            digestAlgorithm: 'http://www.w3.org/2000/09/xmldsig#sha1',
          },
          { xpath: timestampReference?.xpath ?? '' },
        ],
      },
    ],
    [
      'a key given by its name',
      { keyInfo: '<ds:KeyName xmlns:ds="http://www.w3.org/2000/09/xmldsig#">k</ds:KeyName>' },
    ],
    ['a second token of the same id', { token: tokenElement(alice) + tokenElement(alice) }],
  ])('is refused: %s', (_, message) => {
    const text = signForeign({ credential: alice, references: leastReferences, ...message });
    expect(faultOf(() => testVerifier().verify(text)).data.soapCode).toBe('Sender');
  });

  function transformed(transforms: readonly string[]): ForeignMessage['references'] {
    return leastReferences.map((reference) => ({ ...reference, transforms }));
  }
});

describe('a reference made into another one', () => {
  const reference = '<ds:Reference URI="#body">';
  const transform = `<ds:Transform Algorithm="${algorithms.excC14n}">`;
  const edited = (from: string, too: string) => {
    expect(signed).toContain(from);
    return faultOf(() => testVerifier().verify(signed.replace(from, too)));
  };

  it('is refused for its URI', () => {
    for (const uri of [
      '',
      '#',
      '#xpointer(/)',
      '#xpointer(id("body"))',
      'http://evil.test/#body',
      '#none',
    ]) {
      edited(reference, `<ds:Reference URI="${uri.replaceAll('"', '&quot;')}">`);
    }
    edited(reference, '<ds:Reference>');
  });

  it('is refused for a transform that selects or computes', () => {
    const xpath = '<ds:XPath>ancestor-or-self::Body</ds:XPath>';
    const sheet =
      '<xsl:stylesheet xmlns:xsl="http://www.w3.org/1999/XSL/Transform" version="1.0"/>';
    expect(edited(transform, transform + xpath).code).toBe('InvalidSecurity');
    for (const [algorithm, content] of [
      ['http://www.w3.org/TR/1999/REC-xpath-19991116', xpath],
      ['http://www.w3.org/2002/06/xmldsig-filter2', xpath],
      ['http://www.w3.org/TR/1999/REC-xslt-19991116', sheet],
    ]) {
      const injected = `<ds:Transform Algorithm="${algorithm}">${content}</ds:Transform>${transform}`;
      expect(edited(transform, injected).code).toBe('UnsupportedAlgorithm');
    }
  });

  it('is refused for an element that has no place in a signature', () => {
    edited('</ds:Signature>', '<ds:Object/></ds:Signature>');
    edited('</ds:SignedInfo>', '<ds:Manifest/></ds:SignedInfo>');
    edited('<ds:KeyInfo>', '<ds:KeyInfo><ds:KeyValue/>');
    edited('</ds:KeyInfo>', '</ds:KeyInfo><ds:KeyInfo/>');
  });
});

function part(form: RegExp): string {
  const found = form.exec(signed)?.[0];
  if (found === undefined) throw new Error(`no ${form}`);
  return found;
}

/** The message with another body, and with what is added to its header. */
function withBody(replacement: string, addedToHeader = ''): string {
  return signed.replace(body, replacement).replace('</S:Header>', `${addedToHeader}</S:Header>`);
}

/** The message with a part of its security header as a header block. */
function moved(form: RegExp): string {
  const found = part(form);
  return signed.replace(found, '').replace('</S:Header>', `${found}</S:Header>`);
}
