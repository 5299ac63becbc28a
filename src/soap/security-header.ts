import { hash } from 'node:crypto';
import { addressingFaults, securityFaults } from './faults.js';
import { allChildren, leafText, required } from './parse-xml.js';
import { readSignature, type Signature } from './signing.js';
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
}

const tokensMax = 8;
/** How long a message is good for whose timestamp does not say. */
const lifetimeDefaultMs = 5 * 60_000;

/** `xsd:dateTime` of four-digit years, with or without fraction and offset. */
const timeForm =
  /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-](?:0\d|1[0-3]):[0-5]\d|[+-]14:00)?$/;

/**
 * Reads the header strictly: one timestamp, which says at least when it was made, one signature, binary
 * security tokens and nothing else. Throws a `wsse` fault otherwise.
 */
export function readSecurity(
  security: XmlElement,
  ids: ReadonlyMap<string, XmlElement>,
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
  const signature = readSignature(only(signatures, 'signature'));
  if (tokens.length > tokensMax) throw securityFaults.invalidSecurity('too many tokens');
  const token = tokens.find((candidate) => candidate === ids.get(signature.tokenId));
  if (token === undefined) throw securityFaults.securityTokenUnavailable();
  return { timestamp, ...readTimestamp(timestamp), signature, token: readToken(token) };
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

/** Bounds of a replay cache. */
export interface ReplayLimits {
  /** Messages remembered of one principal at a time. */
  readonly share: number;
  /** Principals remembered at a time. */
  readonly principals: number;
}

const defaultLimits: ReplayLimits = { share: 262_144, principals: 1024 };

/** Messages that run out within the same so many milliseconds are forgotten together. */
const bucketMs = 10_000;

/**
 * The messages seen, so that each is taken once. A message is remembered until its time has run out,
 * after which it is refused for that. Every principal has a share of its own, so that one that sends
 * too much is refused and the others do not notice.
 */
export class ReplayCache {
  readonly #shares = new Map<string, Share>();
  readonly #limits: ReplayLimits;

  constructor(limits: Partial<ReplayLimits> = {}) {
    this.#limits = { ...defaultLimits, ...limits };
  }

  /**
   * Remembers the identity `message` of a principal's message until `keepUntilMs`. Throws `wsse:InvalidSecurity`
   * where it was seen before, `wsa:EndpointUnavailable` where the principal's share is full.
   */
  admit(principal: string, message: string, keepUntilMs: number, nowMs: number): void {
    const key = fingerprint(message);
    const share = this.#shares.get(principal) ?? this.#addShare(principal, nowMs);
    share.forget(nowMs);
    if (share.has(key)) throw replayed();
    if (share.size >= this.#limits.share) {
      throw addressingFaults.endpointUnavailable(`${principal} sends more than its share`);
    }
    share.add(key, keepUntilMs);
  }

  /** Throws `wsse:InvalidSecurity` where the message is remembered. Remembers nothing. */
  refuseSeen(principal: string, message: string): void {
    if (this.#shares.get(principal)?.has(fingerprint(message))) throw replayed();
  }

  #addShare(principal: string, nowMs: number): Share {
    if (this.#shares.size >= this.#limits.principals) this.#dropEmpty(nowMs);
    if (this.#shares.size >= this.#limits.principals) {
      throw addressingFaults.endpointUnavailable('too many principals');
    }
    const share = new Share();
    this.#shares.set(principal, share);
    return share;
  }

  #dropEmpty(nowMs: number): void {
    for (const [principal, share] of this.#shares) {
      share.forget(nowMs);
      if (share.size === 0) this.#shares.delete(principal);
    }
  }
}

function replayed(): Error {
  return securityFaults.invalidSecurity('replayed message');
}

/** 128 bits: a short key of its own, which does not keep the message's text alive. */
function fingerprint(message: string): string {
  return hash('sha256', message, 'buffer').toString('latin1', 0, 16);
}

class Share {
  readonly #keys = new Set<string>();
  readonly #buckets = new Map<number, string[]>();
  #lastForgotten = -1;

  get size(): number {
    return this.#keys.size;
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  add(key: string, keepUntilMs: number): void {
    this.#keys.add(key);
    const bucket = Math.ceil(keepUntilMs / bucketMs);
    const keys = this.#buckets.get(bucket);
    if (keys === undefined) this.#buckets.set(bucket, [key]);
    else keys.push(key);
  }

  /** Forgets what has run out; looks only once per bucket's time. */
  forget(nowMs: number): void {
    const current = Math.floor(nowMs / bucketMs);
    if (current === this.#lastForgotten) return;
    this.#lastForgotten = current;
    for (const [bucket, keys] of this.#buckets) {
      if (bucket * bucketMs >= nowMs) continue;
      for (const key of keys) this.#keys.delete(key);
      this.#buckets.delete(bucket);
    }
  }
}
