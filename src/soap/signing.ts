import { hash, type KeyObject, sign } from 'node:crypto';
import { costs } from '../kernel/costs.js';
import { addressingBlocks } from './addressing.js';
import { canonicalize, declaredPrefixes, writeWithin } from './canonical.js';
import type { SoapMessage } from './envelope.js';
import { canonicalSignedInfo, type SignatureReference, writeSignedInfo } from './signed-info.js';
import { algorithms, namespaces, type SoapVersion, soap, wsu } from './vocabulary.js';
import {
  declaration,
  declare,
  element,
  isElement,
  type NamespaceScope,
  withAttribute,
  type XmlAttribute,
  XmlElement,
  type XmlNode,
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
interface SignedPart extends SignatureReference {
  /** As it stands in the envelope. */
  readonly text: string;
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
    const content = writeSignedInfo(this.#signatureMethod, parts);
    const canonical = canonicalSignedInfo(content);
    const key = { key: this.#privateKey, dsaEncoding: 'ieee-p1363' } as const;
    costs.messagesSigned += 1;
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
  return isOfAddressing(block)
    ? addressingPart(scopes[version], block, id)
    : anyPart(version, block, id);
}

/** Whether there is nothing in it but text and elements of WS-Addressing without attributes. */
function isOfAddressing(node: XmlNode): boolean {
  if (!isElement(node)) return true;
  const { prefix, namespaceURI, attributes, childNodes } = node;
  return (
    prefix === 'wsa' &&
    namespaceURI === namespaces.wsa &&
    attributes.length === 0 &&
    childNodes.every(isOfAddressing)
  );
}

/** The canonical form differs from what stands in the envelope only in the two declarations. */
function addressingPart(
  around: NamespaceScope | undefined,
  block: XmlElement,
  id: string,
): SignedPart {
  const start = `<${block.tagName}`;
  const rest = ` wsu:Id="${id}"${writeWithin(around, block).slice(start.length)}`;
  const digest = digestOf(start + addressingDeclarations + rest);
  return { id, text: start + rest, isOfToken: false, digest, inclusivePrefixes: [] };
}

const addressingDeclarations = ` xmlns:wsa="${namespaces.wsa}" xmlns:wsu="${namespaces.wsu}"`;

function anyPart(version: SoapVersion, block: XmlElement, id: string): SignedPart {
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
    isOfToken: false,
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
    isOfToken: false,
    inclusivePrefixes: [],
  };
}

function digestOf(canonical: string): string {
  return hash('sha256', canonical, 'base64');
}
