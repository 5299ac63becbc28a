import { securityFaults } from './faults.js';
import { type KeyReference, readKeyInfo } from './key-info.js';
import { algorithmOf, allChildren, idIn, leafText, none, required } from './parse-xml.js';
import { ownSignedInfo, type SignatureReference, type SignedInfo } from './signed-info.js';
import { algorithms, namespaces } from './vocabulary.js';
import { attributeOf, type XmlElement } from './xml.js';

/** A `ds:Signature` of the one form that we accept, read but not checked. */
export interface Signature extends SignedInfo {
  readonly signedInfo: XmlElement;
  readonly value: Buffer;
  /** The security token whose key is to have signed. */
  readonly key: KeyReference;
}

/**
 * - `own`: as nodes of a cluster sign: the certificate is in the message, and only parts of the message are signed.
 * - `foreign`: as other stacks do, too: the certificate may be one that is known, and the token may be signed.
 */
export type SignatureForm = 'own' | 'foreign';

export const referencesMax = 64;
const prefixesMax = 64;
const base64Form = /^[A-Za-z0-9+/]+={0,2}$/;

/**
 * Reads a signature strictly: every element where the schema has it and no other; references by id
 * alone; exclusive canonicalization as the only transform, and STR-Transform with it in the form `foreign`. Throws a
 * `wsse` fault otherwise.
 */
export function readXmlSignature(signature: XmlElement, form: SignatureForm): Signature {
  const [signedInfo, value, keyInfo, ...rest] = allChildren(signature, ['Id']);
  none(rest);
  const info = required(signedInfo, namespaces.ds, 'SignedInfo');
  return {
    ...(ownSignedInfo(info) ?? readSignedInfo(info, form)),
    signedInfo: info,
    value: Buffer.from(readBase64(required(value, namespaces.ds, 'SignatureValue')), 'base64'),
    key: readKeyInfo(required(keyInfo, namespaces.ds, 'KeyInfo')),
  };
}

function readSignedInfo(info: XmlElement, form: SignatureForm): SignedInfo {
  const [canonicalization, method, ...references] = allChildren(info, ['Id']);
  if (references.length === 0 || references.length > referencesMax) {
    throw securityFaults.invalidSecurity('number of references');
  }
  return {
    canonical: undefined,
    inclusivePrefixes: readCanonicalization(
      required(canonicalization, namespaces.ds, 'CanonicalizationMethod'),
    ),
    method: readMethod(required(method, namespaces.ds, 'SignatureMethod')),
    references: references.map((reference) => readReference(reference, form)),
  };
}

function readReference(source: XmlElement, form: SignatureForm): SignatureReference {
  required(source, namespaces.ds, 'Reference');
  const [transforms, digestMethod, digestValue, ...rest] = allChildren(source, ['URI', 'Id']);
  none(rest);
  const [transform, ...more] = allChildren(required(transforms, namespaces.ds, 'Transforms'), []);
  if (more.length > 0) throw securityFaults.unsupportedAlgorithm('more than one transform');
  const only = required(transform, namespaces.ds, 'Transform');
  const isOfToken = form === 'foreign' && algorithmOf(only) === algorithms.strTransform;
  const inclusivePrefixes = readCanonicalization(isOfToken ? methodOfToken(only) : only);
  if (readMethod(required(digestMethod, namespaces.ds, 'DigestMethod')) !== algorithms.sha256) {
    throw securityFaults.unsupportedAlgorithm('digest method');
  }
  return {
    id: idIn(source),
    isOfToken,
    inclusivePrefixes,
    digest: readBase64(required(digestValue, namespaces.ds, 'DigestValue')),
  };
}

/** How STR-Transform makes the token canonical (WS-Security 1.1 §8.3). */
function methodOfToken(transform: XmlElement): XmlElement {
  const [parameters, ...rest] = allChildren(transform, ['Algorithm']);
  none(rest);
  const [method, ...more] = allChildren(
    required(parameters, namespaces.wsse, 'TransformationParameters'),
    [],
  );
  none(more);
  return required(method, namespaces.ds, 'CanonicalizationMethod');
}

/** The prefix list of an element that must name exclusive canonicalization. */
function readCanonicalization(source: XmlElement): readonly string[] {
  if (algorithmOf(source) !== algorithms.excC14n) {
    throw securityFaults.unsupportedAlgorithm('canonicalization or transform');
  }
  const [inclusive, ...rest] = allChildren(source, ['Algorithm']);
  none(rest);
  if (inclusive === undefined) return [];
  required(inclusive, namespaces.excC14n, 'InclusiveNamespaces');
  none(allChildren(inclusive, ['PrefixList']));
  const list = attributeOf(inclusive, '', 'PrefixList')?.trim() ?? '';
  const prefixes = list === '' ? [] : list.split(/\s+/);
  if (prefixes.length > prefixesMax) throw securityFaults.invalidSecurity('prefix list');
  return prefixes;
}

function readMethod(source: XmlElement): string {
  none(allChildren(source, ['Algorithm']));
  return algorithmOf(source);
}

function readBase64(source: XmlElement): string {
  const text = leafText(source, ['Id']).replace(/\s+/g, '');
  if (!base64Form.test(text))
    throw securityFaults.invalidSecurity(`${source.localName} not base64`);
  return text;
}
