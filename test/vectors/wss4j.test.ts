import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { loadPeers } from '../../src/gateway/node/peers.js';
import { parseEnvelope } from '../../src/soap/envelope.js';
import { algorithms } from '../../src/soap/vocabulary.js';
import { textOf } from '../../src/soap/xml.js';
import { writeCredential } from '../gateway/support/plain-credentials.js';
import { temporaryDirectory } from '../kernel/support/directory.js';
import { faultOf, rsaCredential } from '../support/signed-messages.js';

const folder = join(import.meta.dirname, 'wss4j');
const vector = (name: string) => readFileSync(join(folder, `${name}.xml`), 'utf8');
const created = (text: string) => Date.parse(/<wsu:Created>([^<]*)/.exec(text)?.[1] ?? '');
const own = rsaCredential('gateway');
const other = rsaCredential('other');
let directory: string;

beforeEach(async () => {
  directory = await temporaryDirectory();
  await writeCredential(directory, 'own', own);
  await writeCredential(directory, 'other', other);
});

/** Reads messages at the moment when WSS4J made this one. */
async function reader(text: string, afterMs = 0, certificates = join(folder, 'certificate.pem')) {
  const at = created(text) + afterMs;
  const signatures = {
    certificate: join(directory, 'own.pem'),
    privateKey: join(directory, 'own-key.pem'),
    peers: [{ name: 'narayana', origins: ['http://plain.example:8080'], certificates }],
    takesUnsigned: false,
  };
  const plain = { allowedOrigins: [], isLoopbackOne: false, signatures };
  const peers = await loadPeers(plain, () => at);
  return (read: string) => peers.read(parseEnvelope(read), read, () => false);
}

async function refusal(text: string, original = text, ...more: [number?, string?]) {
  const read = await reader(original, ...more);
  return faultOf(() => read(text)).code;
}

const taken = ['direct', 'subject-key', 'issuer-serial', 'thumbprint', 'no-prefixes'];
const withToken = ['token-signed', 'token-transformed'];

describe('what WSS4J signs', () => {
  it.each([...taken, ...withToken])('is taken as its signer has written it: %s', async (name) => {
    const text = vector(name);
    const { message } = (await reader(text))(text);
    expect(message.peer).toBe('narayana');
    expect(message.body?.localName).toBe('Prepared');
    expect(message.addressing.to).toBe('http://gw.example:8080/coordinator');
    expect(message.headers.map(textOf)).toEqual(['D-00112233445566778899aabbccddeeff.narayana']);
  });

  it.each([...taken, ...withToken])('is refused where it was changed: %s', async (name) => {
    const text = vector(name);
    const changes = [
      ['<ns2:Prepared ', '<ns2:Aborted '],
      ['0011223344', '9911223344'],
      ['2006/06/Prepared</Action>', '2006/06/Aborted</Action>'],
      ['gw.example', 'another.example'],
      ['4bb05e3e', '5bb05e3e'],
      ['/none</Address>', '/anonymous</Address>'],
      ['<wsu:Expires>2', '<wsu:Expires>3'],
    ] as const;
    for (const [from, to] of changes) {
      expect(text).toContain(from);
      expect(await refusal(text.replace(from, to), text), from).toBe('FailedCheck');
    }
  });

  it('is taken once, and only in its time', async () => {
    const text = vector('direct');
    const read = await reader(text);
    read(text).admit();
    expect(faultOf(() => read(text)).code).toBe('InvalidSecurity');
    expect(await refusal(text, text, 16 * 60_000)).toBe('MessageExpired');
    expect(await refusal(text, text, -16 * 60_000)).toBe('MessageExpired');
  });

  it.each([
    ['rsa-sha1', 'UnsupportedAlgorithm'],
    // The token would have to be made up from what is known.
    ['token-transformed-subject-key', 'FailedCheck'],
    ['unsigned', 'InvalidSecurity'],
  ])('is refused: %s', async (name, code) => {
    expect(await refusal(vector(name), vector('direct'))).toBe(code);
  });

  it.each([...taken, ...withToken])('is nobody’s without the certificate: %s', async (name) => {
    const code = await refusal(vector(name), vector(name), 0, join(directory, 'other.pem'));
    expect(['FailedAuthentication', 'SecurityTokenUnavailable']).toContain(code);
  });
});

describe('an attack on what WSS4J has signed', () => {
  const text = vector('direct');
  const transformed = vector('token-transformed');
  const identified = vector('subject-key');
  const body = part(text, /<soap:Body.*<\/soap:Body>/s);
  const evil =
    '<soap:Body><ns2:Aborted xmlns:ns2="http://docs.oasis-open.org/ws-tx/wsat/2006/06"/></soap:Body>';
  const instance = part(text, /<wsarj:InstanceIdentifier.*<\/wsarj:InstanceIdentifier>/s);
  const reference = part(text, /<ds:Reference .*?<\/ds:Reference>/s);
  const transform = `<ds:Transform Algorithm="${algorithms.excC14n}"`;
  const bodyId = part(body, /(?<=wsu:Id=")[^"]*/);
  const strId = part(transformed, /(?<=SecurityTokenReference wsu:Id=")[^"]*/);
  const withMethod = (method: string) => text.replace(algorithms.rsaSha256, method);
  const withTransform = (algorithm: string) =>
    text.replace(transform, `<ds:Transform Algorithm="${algorithm}"`);

  it.each<[string, string, string]>([
    [
      'the body moved away',
      text.replace(body, `${evil}`).replace('</soap:Header>', `<w>${body}</w></soap:Header>`),
      'FailedCheck',
    ],
    [
      'the body under the id of another',
      text
        .replace(
          body,
          evil.replace(
            '<soap:Body',
            `<soap:Body wsu:Id="${bodyId}" xmlns:wsu="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"`,
          ),
        )
        .replace('</soap:Header>', `<w>${body}</w></soap:Header>`),
      'InvalidSecurity',
    ],
    [
      'another key of the endpoint before the signed one',
      text.replace(
        instance,
        instance.replace(/ wsu:Id="[^"]*"/, '').replace('0011', '9911') + instance,
      ),
      'FailedCheck',
    ],
    [
      'an unsigned ReplyTo',
      text.replace(/<ReplyTo [^>]*>/, (tag) => tag.replace(/ wsu:Id="[^"]*"/, '')),
      'FailedCheck',
    ],
    [
      'HMAC by the public key',
      withMethod('http://www.w3.org/2000/09/xmldsig#hmac-sha1'),
      'UnsupportedAlgorithm',
    ],
    [
      'HMAC with SHA-256',
      withMethod('http://www.w3.org/2001/04/xmldsig-more#hmac-sha256'),
      'UnsupportedAlgorithm',
    ],
    ['another kind of key', withMethod(algorithms.ecdsaSha256), 'UnsupportedAlgorithm'],
    [
      'an XPath transform',
      withTransform('http://www.w3.org/TR/1999/REC-xpath-19991116'),
      'UnsupportedAlgorithm',
    ],
    [
      'an XSLT transform',
      withTransform('http://www.w3.org/TR/1999/REC-xslt-19991116'),
      'UnsupportedAlgorithm',
    ],
    [
      'the enveloped transform',
      withTransform('http://www.w3.org/2000/09/xmldsig#enveloped-signature'),
      'UnsupportedAlgorithm',
    ],
    [
      'two transforms',
      text.replace(transform, `<ds:Transform Algorithm="${algorithms.excC14n}"/>${transform}`),
      'UnsupportedAlgorithm',
    ],
    [
      'an external reference',
      text.replace(/<ds:Reference URI="#/, '<ds:Reference URI="http://x.test/#'),
      'InvalidSecurity',
    ],
    [
      'a reference to all',
      text.replace(/<ds:Reference URI="#[^"]*"/, '<ds:Reference URI=""'),
      'InvalidSecurity',
    ],
    [
      'an XPointer',
      text.replace(/<ds:Reference URI="#[^"]*"/, '<ds:Reference URI="#xpointer(/)"'),
      'InvalidSecurity',
    ],
    ['too many references', text.replace(reference, reference.repeat(65)), 'InvalidSecurity'],
    ['one reference twice', text.replace(reference, reference + reference), 'FailedCheck'],
    ['a DTD', `<!DOCTYPE x [<!ENTITY e "x">]>${text}`, 'Sender'],
    [
      'two signatures',
      text.replace(
        /<ds:Signature .*<\/ds:Signature>/s,
        (found) => found + found.replaceAll(/ (wsu:)?Id="[^"]*"/g, ''),
      ),
      'InvalidSecurity',
    ],
    ['no signature', text.replace(/<ds:Signature .*<\/ds:Signature>/s, ''), 'InvalidSecurity'],
    ['no timestamp', text.replace(/<wsu:Timestamp .*<\/wsu:Timestamp>/s, ''), 'InvalidSecurity'],
    ['no security', text.replace(/<wsse:Security .*<\/wsse:Security>/s, ''), 'InvalidSecurity'],
    [
      'a certificate that nobody knows',
      identified.replace(/(#X509SubjectKeyIdentifier">)..../, '$1AAAA'),
      'SecurityTokenUnavailable',
    ],
    [
      'a key without a certificate',
      identified.replace(
        /<wsse:KeyIdentifier .*<\/wsse:KeyIdentifier>/s,
        '<ds:KeyName xmlns:ds="http://www.w3.org/2000/09/xmldsig#">narayana</ds:KeyName>',
      ),
      'InvalidSecurity',
    ],
    [
      'a body taken for the token',
      transformed.replace(
        `<ds:Reference URI="#${strId}"`,
        `<ds:Reference URI="#${part(transformed, /(?<=<soap:Body[^>]*wsu:Id=")[^"]*/)}"`,
      ),
      'FailedCheck',
    ],
    [
      'a token’s reference signed as it stands',
      transformed.replace(
        /<ds:Transform Algorithm="[^"]*STR-Transform">.*?<\/ds:Transform>/s,
        `${transform}/>`,
      ),
      'FailedCheck',
    ],
    [
      'another transform within that of the token',
      transformed.replace(
        /(<wsse:TransformationParameters><ds:CanonicalizationMethod Algorithm=")[^"]*/,
        '$1http://www.w3.org/TR/2001/REC-xml-c14n-20010315',
      ),
      'UnsupportedAlgorithm',
    ],
  ])('is refused: %s', async (_, attack, code) => {
    expect([text, transformed, identified]).not.toContain(attack);
    const read = await reader(text);
    expect(faultOf(() => read(attack)).code).toBe(code);
  });
});

function part(text: string, form: RegExp): string {
  const found = form.exec(text)?.[0];
  if (found === undefined) throw new Error(`${form} is not there`);
  return found;
}
