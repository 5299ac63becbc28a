import { securityFaults } from './faults.js';
import type { KnownKeyReference } from './key-info.js';
import { allChildren, leafText, required } from './parse-xml.js';
import { readXmlSignature, type Signature } from './signature.js';
import { algorithms, namespaces } from './vocabulary.js';
import { attributeOf, isNamed, type XmlElement } from './xml.js';

/** A `wsse:Security` header block, read but not checked. */
export interface SecurityHeader {
  readonly timestamp: XmlElement;
  readonly createdMs: number;
  readonly expiresMs: number;
  readonly signature: Signature;
  /** The certificate that the signature names, DER in base64. */
  readonly token: string;
  /** The element that it is in, where that may be signed along. */
  readonly signableToken: XmlElement | undefined;
}

/** Finds a certificate, DER in base64, that is not in the message. */
export type FindToken = (reference: KnownKeyReference) => string | undefined;

const tokensMax = 8;
/** How long a message is good for whose timestamp does not say. */
const lifetimeDefaultMs = 5 * 60_000;

/** `xsd:dateTime` of four-digit years, with or without fraction and offset. */
const timeForm =
  /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-](?:0\d|1[0-3]):[0-5]\d|[+-]14:00)?$/;

/**
 * Reads the header strictly: one timestamp, which says at least when it was made, one signature, binary
 * security tokens and nothing else. The signature is of the form `foreign` where `find` is there, else `own`. Throws a
 * `wsse` fault otherwise.
 */
export function readSecurity(
  security: XmlElement,
  ids: ReadonlyMap<string, XmlElement>,
  find?: FindToken,
): SecurityHeader {
  const tokens: XmlElement[] = [];
  const timestamps: XmlElement[] = [];
  const signatures: XmlElement[] = [];
  for (const part of security.childNodes) {
    if (part.nodeType !== 1) continue;
    if (isNamed(part, namespaces.wsse, 'BinarySecurityToken')) tokens.push(part);
    else if (isNamed(part, namespaces.wsu, 'Timestamp')) timestamps.push(part);
    else if (isNamed(part, namespaces.ds, 'Signature')) signatures.push(part);
    else throw securityFaults.invalidSecurity(`${part.localName} in the security header`);
  }
  const timestamp = only(timestamps, 'timestamp');
  const form = find === undefined ? 'own' : 'foreign';
  const signature = readXmlSignature(only(signatures, 'signature'), form);
  if (tokens.length > tokensMax) throw securityFaults.invalidSecurity('too many tokens');
  const token = tokenOf(signature.key, tokens, ids, find);
  return { timestamp, ...readTimestamp(timestamp), signature, ...token };
}

function tokenOf(
  key: Signature['key'],
  tokens: readonly XmlElement[],
  ids: ReadonlyMap<string, XmlElement>,
  find: FindToken | undefined,
): Pick<SecurityHeader, 'token' | 'signableToken'> {
  if (key.kind !== 'token') {
    const token = find?.(key);
    if (token === undefined) throw securityFaults.securityTokenUnavailable('unknown certificate');
    return { token, signableToken: undefined };
  }
  const element = tokens.find((candidate) => candidate === ids.get(key.id));
  if (element === undefined) throw securityFaults.securityTokenUnavailable();
  return { token: readToken(element), signableToken: find && element };
}

function readTimestamp(timestamp: XmlElement): { createdMs: number; expiresMs: number } {
  const [created, expires, ...rest] = allChildren(timestamp, []);
  if (rest.length > 0) throw securityFaults.invalidSecurity('timestamp');
  const createdMs = readTime(required(created, namespaces.wsu, 'Created'));
  return {
    createdMs,
    expiresMs:
      expires === undefined
        ? createdMs + lifetimeDefaultMs
        : readTime(required(expires, namespaces.wsu, 'Expires')),
  };
}

/** Times without an offset are in UTC (WS-Security 1.1 §10). Fractions below milliseconds are cut. */
function readTime(source: XmlElement): number {
  const [, time, fraction = '', offset = 'Z'] = timeForm.exec(leafText(source, [])) ?? [];
  const timeMs =
    time === undefined ? Number.NaN : Date.parse(`${time}${fraction.slice(0, 4)}${offset}`);
  if (Number.isNaN(timeMs)) throw securityFaults.invalidSecurity(`${source.localName} is no time`);
  return timeMs;
}

function readToken(token: XmlElement): string {
  const encoding = attributeOf(token, '', 'EncodingType') ?? algorithms.base64;
  const valueType = attributeOf(token, '', 'ValueType');
  if (encoding !== algorithms.base64 || valueType !== algorithms.x509v3) {
    throw securityFaults.invalidSecurityToken('kind of token');
  }
  return leafText(token, ['EncodingType', 'ValueType']);
}

function only(elements: readonly XmlElement[], what: string): XmlElement {
  const [first, ...more] = elements;
  if (first === undefined || more.length > 0) {
    throw securityFaults.invalidSecurity(`not exactly one ${what}`);
  }
  return first;
}
