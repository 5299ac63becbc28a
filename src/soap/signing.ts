import { hash, type KeyObject, sign } from 'node:crypto';
import { addressingBlocks } from './addressing.js';
import { canonicalize, declaredPrefixes, writeWithin } from './canonical.js';
import type { SoapMessage } from './envelope.js';
import { securityFaults } from './faults.js';
import { algorithmOf, allChildren, leafText, required } from './parse-xml.js';
import { algorithms, namespaces, type SoapVersion, soap, wsu } from './vocabulary.js';
import {
  attributeOf,
  declaration,
  declare,
  element,
  isNamed,
  type NamespaceScope,
  withAttribute,
  type XmlAttribute,
  XmlElement,
} from './xml.js';

const rsaBitsMin = 2048;
const rsaBitsMax = 8192;

/** The one signature algorithm for a key. Throws `TypeError` where it is neither P-256 nor RSA. */
export function signatureMethodOf(key: KeyObject): string {
  const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'ec' && namedCurve === 'prime256v1') return algorithms.ecdsaSha256;
  if (
    key.asymmetricKeyType === 'rsa' &&
    modulusLength >= rsaBitsMin &&
    modulusLength <= rsaBitsMax
  ) {
    return algorithms.rsaSha256;
  }
  throw new TypeError('the key must be P-256, or RSA of 2048 to 8192 bits');
}

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
export function readXmlSignature(signature: XmlElement): Signature {
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

/** Milliseconds since 1970. */
export type Clock = () => number;

export interface SignerOptions {
  readonly certificateDer: Uint8Array;
  /** P-256 or RSA. */
  readonly privateKey: KeyObject;
  readonly clock: Clock;
}

/** How long a message is good for. */
const lifetimeMs = 60_000;

/** A part of the message that the signature covers. */
interface SignedPart {
  readonly id: string;
  /** As it stands in the envelope. */
  readonly text: string;
  /** SHA-256 of its canonical form, in base64. */
  readonly digest: string;
  readonly inclusivePrefixes: readonly string[];
}

/**
 * Signs messages by WS-Security 1.1 with the X.509 token profile: the body, the timestamp and every
 * header block, each by a reference of its own.
 */
export class MessageSigner {
  readonly #privateKey: KeyObject;
  readonly #clock: Clock;
  readonly #token: string;
  readonly #signatureMethod: string;

  /** Throws `TypeError` where the key is neither P-256 nor RSA. */
  constructor({ certificateDer, privateKey, clock }: SignerOptions) {
    this.#privateKey = privateKey;
    this.#clock = clock;
    this.#signatureMethod = signatureMethodOf(privateKey);
    this.#token =
      `<wsse:BinarySecurityToken wsu:Id="token" EncodingType="${algorithms.base64}"` +
      ` ValueType="${algorithms.x509v3}">${Buffer.from(certificateDer).toString('base64')}` +
      '</wsse:BinarySecurityToken>';
  }

  /** The text of the signed envelope. */
  sign(message: SoapMessage): string {
    const { version, addressing, headers } = message;
    const name = soap[version];
    const blocks = [...addressingBlocks(addressing), ...headers].map((block, index) =>
      signedPart(version, block, `header-${index}`),
    );
    const body = signedPart(version, element(name('Body'), [], message.body), 'body');
    const timestamp = timestampPart(this.#clock());
    const signature = this.#signature([...blocks, timestamp, body]);
    return (
      `<S:Envelope${envelopeAttributes[version]}><S:Header>${blocks.map(({ text }) => text).join('')}` +
      `<wsse:Security S:mustUnderstand="1">${this.#token}${timestamp.text}${signature}` +
      `</wsse:Security></S:Header>${body.text}</S:Envelope>`
    );
  }

  #signature(parts: readonly SignedPart[]): string {
    const content =
      `<ds:CanonicalizationMethod Algorithm="${algorithms.excC14n}"></ds:CanonicalizationMethod>` +
      `<ds:SignatureMethod Algorithm="${this.#signatureMethod}"></ds:SignatureMethod>` +
      parts.map(reference).join('');
    const canonical = `<ds:SignedInfo xmlns:ds="${namespaces.ds}">${content}</ds:SignedInfo>`;
    const key = { key: this.#privateKey, dsaEncoding: 'ieee-p1363' } as const;
    const value = sign('sha256', Buffer.from(canonical), key).toString('base64');
    return (
      `<ds:Signature xmlns:ds="${namespaces.ds}"><ds:SignedInfo>${content}</ds:SignedInfo>` +
      `<ds:SignatureValue>${value}</ds:SignatureValue>` +
      '<ds:KeyInfo><wsse:SecurityTokenReference>' +
      `<wsse:Reference URI="#token" ValueType="${algorithms.x509v3}"/>` +
      '</wsse:SecurityTokenReference></ds:KeyInfo></ds:Signature>'
    );
  }
}

/** What the envelope declares for all that is in it. */
const declarations: Readonly<Record<SoapVersion, readonly XmlAttribute[]>> = {
  '1.1': declarationsOf(namespaces.soap11),
  '1.2': declarationsOf(namespaces.soap12),
};

const scopes: Readonly<Record<SoapVersion, NamespaceScope | undefined>> = {
  '1.1': declare(declarations['1.1'], undefined),
  '1.2': declare(declarations['1.2'], undefined),
};

const envelopeAttributes: Readonly<Record<SoapVersion, string>> = {
  '1.1': declarations['1.1'].map(({ name, value }) => ` ${name}="${value}"`).join(''),
  '1.2': declarations['1.2'].map(({ name, value }) => ` ${name}="${value}"`).join(''),
};

function declarationsOf(soapNamespace: string): readonly XmlAttribute[] {
  return [
    declaration('S', soapNamespace),
    declaration('wsa', namespaces.wsa),
    declaration('wsse', namespaces.wsse),
    declaration('wsu', namespaces.wsu),
  ];
}

/**
 * Writes and hashes a child of the envelope or of its header. Prefixes that it declares are there for
 * names in its content, and so are signed along as inclusive ones.
 */
function signedPart(version: SoapVersion, block: XmlElement, id: string): SignedPart {
  const { namespaceURI, prefix, localName, attributes, childNodes } = withAttribute(
    block,
    wsu('Id'),
    id,
  );
  const around = scopes[version];
  const scope = declare(attributes, around);
  const part = new XmlElement(namespaceURI, prefix, localName, attributes, childNodes, scope);
  const inclusivePrefixes = declaredPrefixes(part);
  return {
    id,
    text: writeWithin(around, part, inclusivePrefixes),
    digest: digestOf(canonicalize(part, inclusivePrefixes)),
    inclusivePrefixes,
  };
}

function timestampPart(now: number): SignedPart {
  const content =
    `<wsu:Created>${new Date(now).toISOString()}</wsu:Created>` +
    `<wsu:Expires>${new Date(now + lifetimeMs).toISOString()}</wsu:Expires></wsu:Timestamp>`;
  const id = 'timestamp';
  return {
    id,
    text: `<wsu:Timestamp wsu:Id="${id}">${content}`,
    digest: digestOf(`<wsu:Timestamp xmlns:wsu="${namespaces.wsu}" wsu:Id="${id}">${content}`),
    inclusivePrefixes: [],
  };
}

function digestOf(canonical: string): string {
  return hash('sha256', canonical, 'base64');
}

/** A `ds:Reference` in canonical form. */
function reference({ id, digest, inclusivePrefixes }: SignedPart): string {
  const inclusive =
    inclusivePrefixes.length === 0
      ? ''
      : `<ec:InclusiveNamespaces xmlns:ec="${namespaces.excC14n}"` +
        ` PrefixList="${inclusivePrefixes.join(' ')}"></ec:InclusiveNamespaces>`;
  return (
    `<ds:Reference URI="#${id}"><ds:Transforms>` +
    `<ds:Transform Algorithm="${algorithms.excC14n}">${inclusive}</ds:Transform></ds:Transforms>` +
    `<ds:DigestMethod Algorithm="${algorithms.sha256}"></ds:DigestMethod>` +
    `<ds:DigestValue>${digest}</ds:DigestValue></ds:Reference>`
  );
}
