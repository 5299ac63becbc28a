import { createPrivateKey, hash, sign, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { findPinned, ownerOf } from '../../src/gateway/node/peer-certificates.js';
import { issueAuthority, issueCertificate } from '../../src/kernel/config/x509.js';
import { canonicalize } from '../../src/soap/canonical.js';
import { parseXml } from '../../src/soap/parse-xml.js';
import { MessageVerifier } from '../../src/soap/verification.js';
import { algorithms, namespaces } from '../../src/soap/vocabulary.js';
import { faultOf, rsaCredential, testTimeMs } from '../support/signed-messages.js';

const signer = rsaCredential('WCF client');
const certificate = new X509Certificate(signer.certificate);
const peers = [{ name: 'wcf', pinned: [certificate], authorities: [], subjects: [] }];
const verifier = new MessageVerifier({
  trust: (shown) => {
    const name = ownerOf(peers, shown, testTimeMs);
    return name === undefined ? undefined : { role: 'plain', name };
  },
  find: (reference) => findPinned(peers, reference)?.raw.toString('base64'),
  clock: () => testTimeMs,
});

const ns = `xmlns:a="${namespaces.wsa}" xmlns:u="${namespaces.wsu}" xmlns:s="${namespaces.soap12}"`;
/** The text with the declarations around it. */
const declared = (xml: string) =>
  xml.replace(/^<([^\s>]+)/, `<$1 ${ns} xmlns:o="${namespaces.wsse}"`);
const digestOf = (xml: string) => hash('sha256', canonicalize(parseXml(xml)), 'base64');

/**
 * As WCF writes it with `MessageSecurityVersion` 1.0 or 1.1, an asymmetric binding, `Basic256Sha256` and
 * `ProtectionLevel.Sign`: prefixes `s`, `a`, `u`, `o`, the default namespace in the signature, and an `ActivityId` that
 * nobody signs.
 */
function wcfMessage(keyInfo: string, change = (signedInfo: string) => signedInfo): string {
  const time = (ms: number) => new Date(ms).toISOString();
  const parts = [
    ['_2', `<a:Action s:mustUnderstand="1" u:Id="_2">urn:do</a:Action>`],
    ['_3', `<a:MessageID u:Id="_3">urn:uuid:1</a:MessageID>`],
    ['_4', `<a:ReplyTo u:Id="_4"><a:Address>${namespaces.wsa}/anonymous</a:Address></a:ReplyTo>`],
    ['_5', `<a:To s:mustUnderstand="1" u:Id="_5">http://gw.example/completion</a:To>`],
    ['_1', '<s:Body u:Id="_1"><Do xmlns="urn:do"/></s:Body>'],
    [
      'uuid-0-1',
      `<u:Timestamp u:Id="uuid-0-1"><u:Created>${time(testTimeMs)}</u:Created>` +
        `<u:Expires>${time(testTimeMs + 300_000)}</u:Expires></u:Timestamp>`,
    ],
  ] as const;
  const references = parts.map(
    ([id, xml]) =>
      `<Reference URI="#${id}"><Transforms><Transform Algorithm="${algorithms.excC14n}"/></Transforms>` +
      `<DigestMethod Algorithm="${algorithms.sha256}"/>` +
      `<DigestValue>${digestOf(declared(xml))}</DigestValue></Reference>`,
  );
  const signedInfo = change(
    `<SignedInfo xmlns="${namespaces.ds}"><CanonicalizationMethod Algorithm="${algorithms.excC14n}"/>` +
      `<SignatureMethod Algorithm="${algorithms.rsaSha256}"/>${references.join('')}</SignedInfo>`,
  );
  const canonical = Buffer.from(canonicalize(parseXml(signedInfo)));
  const value = sign('sha256', canonical, createPrivateKey(signer.privateKey)).toString('base64');
  const [action, id, replyTo, to, body, timestamp] = parts.map(([, xml]) => xml);
  const activity =
    '<ActivityId CorrelationId="c" xmlns="http://schemas.microsoft.com/2004/09/ServiceModel/Diagnostics">x</ActivityId>';
  return (
    `<s:Envelope ${ns}><s:Header>${action}${id}${activity}${replyTo}${to}` +
    `<o:Security s:mustUnderstand="1" xmlns:o="${namespaces.wsse}">${timestamp}${tokenXml}` +
    `<Signature xmlns="${namespaces.ds}">${signedInfo.replace(` xmlns="${namespaces.ds}"`, '')}` +
    `<SignatureValue>${value}</SignatureValue><KeyInfo><o:SecurityTokenReference u:Id="_6">${keyInfo}` +
    `</o:SecurityTokenReference></KeyInfo></Signature></o:Security></s:Header>${body}</s:Envelope>`
  );
}

const tokenXml =
  `<o:BinarySecurityToken u:Id="uuid-0-2" ValueType="${algorithms.x509v3}">` +
  `${certificate.raw.toString('base64')}</o:BinarySecurityToken>`;
const direct = `<o:Reference ValueType="${algorithms.x509v3}" URI="#uuid-0-2"/>`;
const issuerSerial = (issuer: string, serial: string) =>
  `<X509Data><X509IssuerSerial><X509IssuerName>${issuer}</X509IssuerName>` +
  `<X509SerialNumber>${serial}</X509SerialNumber></X509IssuerSerial></X509Data>`;
const thumbprint = (sha1: string) =>
  `<o:KeyIdentifier ValueType="${algorithms.thumbprintSha1}">${sha1}</o:KeyIdentifier>`;

/** A reference to the part `id`, with the digest of `xml`. */
function reference(id: string, transform: string, digest: string): string {
  return (
    `<Reference URI="#${id}"><Transforms>${transform}</Transforms>` +
    `<DigestMethod Algorithm="${algorithms.sha256}"/><DigestValue>${digest}</DigestValue></Reference>`
  );
}

const also = (more: string) => (signedInfo: string) =>
  signedInfo.replace('</SignedInfo>', `${more}</SignedInfo>`);
const plain = `<Transform Algorithm="${algorithms.excC14n}"/>`;
const ofToken =
  `<Transform Algorithm="${algorithms.strTransform}"><o:TransformationParameters ` +
  `xmlns:o="${namespaces.wsse}"><CanonicalizationMethod Algorithm="${algorithms.excC14n}"/>` +
  '</o:TransformationParameters></Transform>';
/** As STR-Transform has it. */
const transformed = (xml: string) =>
  hash(
    'sha256',
    canonicalize(parseXml(declared(xml))).replace(/^<(\S+)/, '<$1 xmlns=""'),
    'base64',
  );

describe('a token that is signed along', () => {
  const direct6 = wcfMessage(
    direct,
    also(reference('uuid-0-2', plain, digestOf(declared(tokenXml)))),
  );
  const own = new MessageVerifier({
    trust: () => ({ role: 'client', name: 'a' }),
    clock: () => testTimeMs,
  });

  it('is taken, and not from a node of a cluster', () => {
    expect(verifier.verify(direct6).principal.name).toBe('wcf');
    expect(faultOf(() => own.verify(direct6)).code).toBe('FailedCheck');
  });

  it('is taken by STR-Transform, and not from a node of a cluster', () => {
    const text = wcfMessage(direct, also(reference('_6', ofToken, transformed(tokenXml))));
    expect(verifier.verify(text).principal.name).toBe('wcf');
    expect(faultOf(() => own.verify(text)).code).toBe('UnsupportedAlgorithm');
  });

  it.each([
    ['its reference as it stands', reference('_6', plain, digestOf(declared(tokenXml)))],
    ['itself by STR-Transform', reference('uuid-0-2', ofToken, transformed(tokenXml))],
    ['something else by STR-Transform', reference('_4', ofToken, 'AAAA')],
  ])('is refused by %s', (_, more) => {
    expect(faultOf(() => verifier.verify(wcfMessage(direct, also(more)))).code).toBe('FailedCheck');
  });
});

describe('the shape of WCF', () => {
  it.each([
    ['the token in the message', direct],
    ['issuer and serial number', issuerSerial('CN=WCF client', '1')],
    ['the thumbprint', thumbprint(hash('sha1', certificate.raw, 'base64'))],
  ])('is taken with %s', (_, keyInfo) => {
    const { principal, addressing, body } = verifier.verify(wcfMessage(keyInfo));
    expect(principal).toEqual({ role: 'plain', name: 'wcf' });
    expect(addressing.to).toBe('http://gw.example/completion');
    expect(body?.localName).toBe('Do');
  });

  it.each([
    ['another serial number', issuerSerial('CN=WCF client', '2')],
    ['another issuer', issuerSerial('CN=somebody', '1')],
    ['a serial number that is none', issuerSerial('CN=WCF client', '0x1')],
    ['a long issuer', issuerSerial(`CN=${'a'.repeat(2000)}`, '1')],
    ['another thumbprint', thumbprint('AAAA')],
    ['a kind that nobody knows', '<o:KeyIdentifier ValueType="urn:x">AAAA</o:KeyIdentifier>'],
  ])('is refused with %s', (_, keyInfo) => {
    const { code } = faultOf(() => verifier.verify(wcfMessage(keyInfo)));
    expect(code).toBe('SecurityTokenUnavailable');
  });

  it('is refused where it signs by what both sides share', () => {
    const hmac = (text: string) =>
      text.replace(algorithms.rsaSha256, 'http://www.w3.org/2000/09/xmldsig#hmac-sha1');
    expect(faultOf(() => verifier.verify(wcfMessage(direct, hmac))).code).toBe(
      'UnsupportedAlgorithm',
    );
  });

  it('is not what nodes of a cluster take', () => {
    const own = new MessageVerifier({
      trust: () => ({ role: 'client', name: 'a' }),
      clock: () => testTimeMs,
    });
    const issued = issuerSerial('CN=WCF client', '1');
    expect(faultOf(() => own.verify(wcfMessage(issued))).code).toBe('SecurityTokenUnavailable');
  });
});

describe('whose a certificate is', () => {
  const authority = issueAuthority('a');
  const ca = new X509Certificate(authority.certificate);
  const issue = (commonName: string, issuer = authority) =>
    new X509Certificate(
      issueCertificate(issuer, { commonName, unit: 'u', organization: 'o' }, []).certificate,
    );
  const peer = (name: string, subject: string) => {
    return { name, pinned: [], authorities: [ca], subjects: [`CN=${subject},OU=u,O=o`] };
  };
  const nowMs = Date.now();

  it('says its authority and its subject together', () => {
    const two = [peer('x', 'x'), peer('y', 'y')];
    expect(ownerOf(two, issue('x'), nowMs)).toBe('x');
    expect(ownerOf(two, issue('y'), nowMs)).toBe('y');
    expect(ownerOf(two, issue('z'), nowMs)).toBeUndefined();
    expect(ownerOf(two, issue('x', issueAuthority('a')), nowMs)).toBeUndefined();
  });

  it('is nobody’s when it might be that of two, or the authority’s time is over', () => {
    expect(ownerOf([peer('x', 'x'), peer('y', 'x')], issue('x'), nowMs)).toBeUndefined();
    const later = Date.parse(ca.validTo) + 1000;
    expect(ownerOf([peer('x', 'x')], issue('x'), later)).toBeUndefined();
  });

  it('is nobody’s when it is that of an authority', () => {
    const subjects = [ca.subject];
    const own = { name: 'x', pinned: [], authorities: [ca], subjects };
    expect(ownerOf([own], ca, nowMs)).toBeUndefined();
  });
});
