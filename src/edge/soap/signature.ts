import { securityFaults } from './faults.js';
import { algorithmOf, allChildren, leafText, required } from './strict-reading.js';
import { algorithms, namespaces } from './vocabulary.js';
import { attributeOf, isNamed, type XmlElement } from './xml.js';

/** A `ds:Signature` of the one form that we accept, read but not checked. */
export interface Signature {
  readonly signedInfo: XmlElement;
  /** InclusiveNamespaces PrefixList for the canonical form of `signedInfo`. */
  readonly inclusivePrefixes: readonly string[];
  readonly method: string;
  readonly references: readonly SignatureReference[];
  readonly value: Buffer;
  /** Id of the security token whose key is to have signed. */
  readonly tokenId: string;
}

export interface SignatureReference {
  readonly id: string;
  readonly inclusivePrefixes: readonly string[];
  /** SHA-256 in base64. */
  readonly digest: string;
}

const referencesMax = 64;
const prefixesMax = 64;
const idForm = /^#([A-Za-z_][A-Za-z0-9._-]{0,255})$/;
const base64Form = /^[A-Za-z0-9+/]+={0,2}$/;

/**
 * Reads a signature strictly: every element where the schema has it and no other; references by id
 * alone; exclusive canonicalization as the only transform. Throws a `wsse` fault otherwise.
 */
export function readSignature(signature: XmlElement): Signature {
  const [signedInfo, value, keyInfo, ...rest] = allChildren(signature, ['Id']);
  none(rest);
  const info = required(signedInfo, namespaces.ds, 'SignedInfo');
  const [canonicalization, method, ...references] = allChildren(info, ['Id']);
  if (references.length === 0 || references.length > referencesMax) {
    throw securityFaults.invalidSecurity('number of references');
  }
  return {
    signedInfo: info,
    inclusivePrefixes: readCanonicalization(
      required(canonicalization, namespaces.ds, 'CanonicalizationMethod'),
    ),
    method: readMethod(required(method, namespaces.ds, 'SignatureMethod')),
    references: references.map(readReference),
    value: Buffer.from(readBase64(required(value, namespaces.ds, 'SignatureValue')), 'base64'),
    tokenId: readKeyInfo(required(keyInfo, namespaces.ds, 'KeyInfo')),
  };
}

function readReference(source: XmlElement): SignatureReference {
  required(source, namespaces.ds, 'Reference');
  const [transforms, digestMethod, digestValue, ...rest] = allChildren(source, ['URI', 'Id']);
  none(rest);
  const [transform, ...more] = allChildren(required(transforms, namespaces.ds, 'Transforms'), []);
  if (more.length > 0) throw securityFaults.unsupportedAlgorithm('more than one transform');
  const inclusivePrefixes = readCanonicalization(required(transform, namespaces.ds, 'Transform'));
  if (readMethod(required(digestMethod, namespaces.ds, 'DigestMethod')) !== algorithms.sha256) {
    throw securityFaults.unsupportedAlgorithm('digest method');
  }
  return {
    id: readId(source),
    inclusivePrefixes,
    digest: readBase64(required(digestValue, namespaces.ds, 'DigestValue')),
  };
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

/** The id of the token in `KeyInfo/SecurityTokenReference/Reference`. */
function readKeyInfo(keyInfo: XmlElement): string {
  const [tokenReference, ...others] = allChildren(keyInfo, ['Id']);
  none(others);
  const [reference, ...rest] = allChildren(
    required(tokenReference, namespaces.wsse, 'SecurityTokenReference'),
    ['Id', 'TokenType', 'Usage'],
  );
  none(rest);
  if (reference === undefined || !isNamed(reference, namespaces.wsse, 'Reference')) {
    throw securityFaults.securityTokenUnavailable('not a direct reference');
  }
  none(allChildren(reference, ['URI', 'ValueType']));
  const valueType = attributeOf(reference, '', 'ValueType');
  if (valueType !== undefined && valueType !== algorithms.x509v3) {
    throw securityFaults.securityTokenUnavailable('kind of token');
  }
  return readId(reference);
}

function readId(source: XmlElement): string {
  const id = idForm.exec(attributeOf(source, '', 'URI') ?? '')?.[1];
  if (id === undefined) throw securityFaults.invalidSecurity('a reference that is not by id');
  return id;
}

function readBase64(source: XmlElement): string {
  const text = leafText(source, ['Id']).replace(/\s+/g, '');
  if (!base64Form.test(text))
    throw securityFaults.invalidSecurity(`${source.localName} not base64`);
  return text;
}

function none(elements: readonly XmlElement[]): void {
  const [first] = elements;
  if (first !== undefined) {
    throw securityFaults.invalidSecurity(`${first.localName} has no place there`);
  }
}
