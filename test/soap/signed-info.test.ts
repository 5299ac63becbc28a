import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalize, indexIds } from '../../src/soap/canonical.js';
import { newMessageId } from '../../src/soap/client.js';
import { SoapFault } from '../../src/soap/faults.js';
import { parseXml, XmlError } from '../../src/soap/parse-xml.js';
import { readXmlSignature, type Signature } from '../../src/soap/signature.js';
import { ownSignedInfo } from '../../src/soap/signed-info.js';
import { namespaces } from '../../src/soap/vocabulary.js';
import { childElements, isNamed, type XmlElement } from '../../src/soap/xml.js';
import { signerOf } from '../support/soap-parties.js';
import { body, signed } from './harness.js';

const message = signed(
  signerOf('a'),
  { to: 'http://b/port', action: 'urn:test/Ask', messageId: newMessageId() },
  body('Ask', 'hello'),
);
/** A comment is for the general parser only. */
const forGeneral = '<!---->';

function find(root: XmlElement, name: string): XmlElement | undefined {
  if (isNamed(root, namespaces.ds, name)) return root;
  for (const child of childElements(root)) {
    const found = find(child, name);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What the signature in a text says and signs, or why there is none. */
function signatureIn(text: string) {
  try {
    const root = parseXml(text);
    const element = find(root, 'Signature');
    if (element === undefined) return 'none';
    const { signedInfo, canonical, ...signature }: Signature = readXmlSignature(element, 'own');
    const isOwn = canonical !== undefined;
    const signs = canonical ?? canonicalize(signedInfo, signature.inclusivePrefixes);
    return { isOwn, says: { ...signature, signs, ids: [...indexIds(root).keys()] } };
  } catch (error) {
    if (error instanceof XmlError || error instanceof SoapFault) return 'refused';
    throw error;
  }
}

function says(text: string) {
  const found = signatureIn(text);
  return typeof found === 'string' ? found : found.says;
}

describe('a SignedInfo as nodes write it', () => {
  it('is read as a whole, and says and signs what the general way finds', () => {
    expect(signatureIn(message)).toMatchObject({ isOwn: true });
    expect(signatureIn(message + forGeneral)).toMatchObject({ isOwn: false });
    expect(says(message)).toEqual(says(message + forGeneral));
  });

  it('is a tree where somebody looks', () => {
    const [plain, general] = [message, message + forGeneral].map((text) =>
      find(parseXml(text), 'SignedInfo'),
    );
    expect(plain && ownSignedInfo(plain)).toBeDefined();
    expect(plain && canonicalize(plain)).toBe(general && canonicalize(general));
    expect(plain).toEqual(general);
  });

  it.each([
    ['another prefix', (text: string) => text.replaceAll('ds:', 'dsig:').replace(':ds', ':dsig')],
    ['another namespace', (text: string) => text.replace(namespaces.ds, 'urn:other')],
    ['an attribute', (text: string) => text.replace('<ds:SignedInfo>', '<ds:SignedInfo Id="i">')],
    ['another method', (text: string) => text.replace('#ecdsa-sha256', '#ecdsa-sha1')],
    ['a space', (text: string) => text.replace('</ds:Transforms>', ' </ds:Transforms>')],
    [
      'a digest too short',
      (text: string) => text.replace('=</ds:DigestValue>', '</ds:DigestValue>'),
    ],
    ['an id that is none', (text: string) => text.replace('URI="#body"', 'URI="#1"')],
    ['no reference', (text: string) => text.replace(/<ds:Reference.*<\/ds:Reference>/, '')],
    [
      'too many references',
      (text: string) => text.replace(/<ds:Reference.*<\/ds:Reference>/, (all) => all.repeat(17)),
    ],
    [
      'a prefix bound anew',
      (text: string) => text.replace('<S:Header>', '<S:Header xmlns:ds="urn:x">'),
    ],
  ])('with %s is read the general way', (_, change) => {
    const changed = change(message);
    expect(changed).not.toBe(message);
    const found = signatureIn(changed);
    if (typeof found !== 'string' && !changed.includes('urn:x')) expect(found.isOwn).toBe(false);
    expect(says(changed)).toEqual(says(changed + forGeneral));
  });

  it('is none where the prefix stands for another namespace', () => {
    const [, written] = /(<ds:SignedInfo>.*<\/ds:SignedInfo>)/.exec(message) ?? [];
    const infoIn = (namespace: string) => {
      const [info] = childElements(parseXml(`<a xmlns:ds="${namespace}">${written}</a>`));
      return info && ownSignedInfo(info);
    };
    expect(infoIn(namespaces.ds)).toBeDefined();
    expect(infoIn('urn:other')).toBeUndefined();
  });

  it('is never read otherwise than the general way', () => {
    const from = message.indexOf('<ds:Signature ');
    const length = message.indexOf('</ds:Signature>') - from;
    const piece = fc.constantFrom(
      ...['<', '>', '"', '#', '=', ' ', '', 'A', '=</ds:DigestValue>', '</ds:Reference>', '/>'],
      ...['<ds:Reference URI="#', '</ds:SignedInfo>', '<ds:SignedInfo>', ' Id="x"', 'ds:', '\n'],
    );
    const change = fc.record({ at: fc.nat(length), cut: fc.constantFrom(0, 0, 1, 2, 44), piece });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 2 }), (changes) => {
        let changed = message;
        for (const { at, cut, piece: put } of changes) {
          changed = changed.slice(0, from + at) + put + changed.slice(from + at + cut);
        }
        expect(says(changed)).toEqual(says(changed + forGeneral));
      }),
      { numRuns: 2000 },
    );
  });
});
