import { hash, verify } from 'node:crypto';
import { isReferenceParameter } from './addressing.js';
import { canonicalize } from './canonical.js';
import {
  type Envelope,
  isForUs,
  parseEnvelope,
  readMessage,
  requireUnderstood,
  type SoapMessage,
  type Understood,
  understoodByDefault,
} from './envelope.js';
import { securityFaults } from './faults.js';
import { indexIds } from './id-index.js';
import { parseXml } from './parse-xml.js';
import type { Principal } from './principal.js';
import type { ReplayCache } from './replay-cache.js';
import { readSecurity, type SecurityHeader } from './security-header.js';
import type { Signature, SignatureReference } from './signature.js';
import type { Clock } from './signing.js';
import { Identities, type Identity, type Trust } from './trust.js';
import { namespaces } from './vocabulary.js';
import { child, isNamed, type XmlElement } from './xml.js';

/** A message whose signature has been checked; it holds nothing that was not signed. */
export interface ReceivedMessage extends SoapMessage {
  readonly principal: Principal;
  /** The envelope as it came: it can be handed on, and proves itself for as long as it is fresh. */
  readonly text: string;
}

export interface VerifierOptions {
  readonly trust: Trust;
  readonly clock: Clock;
  /** One cache may serve several verifiers of a node. Without one a message may be shown again. */
  readonly replays?: ReplayCache;
  readonly understood?: Understood;
  /** How far other clocks may be off, in milliseconds. */
  readonly skewMs?: number;
}

const defaultSkewMs = 5 * 60_000;

/** A message may not be made out to live longer, so that replays need not be remembered longer. */
const lifetimeMaxMs = 10 * 60_000;

/**
 * Verifies messages that `MessageSigner`, or another implementation of WS-Security that signs body,
 * timestamp and headers by exclusive canonicalization and SHA-256, has signed.
 *
 * There is one tree: an element is looked up by its id, must stand where such a part stands, is
 * hashed, and is itself what is returned. Nothing is looked for anywhere a second time.
 */
export class MessageVerifier {
  readonly #identities: Identities;
  readonly #clock: Clock;
  readonly #replays: ReplayCache | undefined;
  readonly #understood: Understood;
  readonly #skewMs: number;

  constructor(options: VerifierOptions) {
    this.#identities = new Identities(options.trust);
    this.#clock = options.clock;
    this.#replays = options.replays;
    this.#understood = options.understood ?? understoodByDefault;
    this.#skewMs = options.skewMs ?? defaultSkewMs;
  }

  /** Throws the `SoapFault` to answer with where the message is not one to act on. */
  verify(text: string): ReceivedMessage {
    const nowMs = this.#clock();
    const envelope = parseEnvelope(text);
    const ids = indexIds(envelope.root);
    const security = readSecurity(securityBlock(envelope), ids);
    const identity = this.#identities.identify(security.token, nowMs);
    this.#requireFresh(security, nowMs);
    const signedInfo = checkSignature(security.signature, identity);
    const signed = checkReferences(security, envelope, ids);
    for (const block of envelope.blocks) if (!signed.has(block)) refuseIfNeeded(block);
    requireUnderstood(envelope, this.#understood);
    const message = readMessage(signedOnly(envelope, signed));
    const { role, name } = identity.principal;
    const key = message.addressing.messageId ?? signedInfo;
    this.#replays?.admit(`${role} ${name}`, key, security.expiresMs + this.#skewMs, nowMs);
    return { ...message, principal: identity.principal, text };
  }

  #requireFresh({ createdMs, expiresMs }: SecurityHeader, nowMs: number): void {
    if (createdMs > nowMs + this.#skewMs) throw securityFaults.messageExpired('from the future');
    if (expiresMs < nowMs - this.#skewMs) throw securityFaults.messageExpired();
    if (expiresMs <= createdMs || expiresMs - createdMs > lifetimeMaxMs) {
      throw securityFaults.invalidSecurity('lifetime');
    }
  }
}

/** The one security header. */
function securityBlock({ version, blocks }: Envelope): XmlElement {
  const [block, ...more] = blocks.filter((header) => isNamed(header, namespaces.wsse, 'Security'));
  if (block === undefined) throw securityFaults.invalidSecurity('not signed');
  if (more.length > 0 || !isForUs(version, block)) {
    throw securityFaults.invalidSecurity('not exactly one security header');
  }
  return block;
}

/** Checks the signature value and returns the canonical text that it signs. */
function checkSignature(signature: Signature, identity: Identity): string {
  if (signature.method !== identity.signatureMethod) {
    throw securityFaults.unsupportedAlgorithm('signature method');
  }
  const text = canonicalize(signature.signedInfo, signature.inclusivePrefixes);
  const key = { key: identity.publicKey, dsaEncoding: 'ieee-p1363' } as const;
  if (!verify('sha256', Buffer.from(text), key, signature.value)) {
    throw securityFaults.failedCheck('signature value');
  }
  return text;
}

/** Checks the digests and returns the canonical text of every signed part. */
function checkReferences(
  security: SecurityHeader,
  { blocks, body }: Envelope,
  ids: ReadonlyMap<string, XmlElement>,
): ReadonlyMap<XmlElement, string> {
  const signable = new Set([body, security.timestamp, ...blocks]);
  const signed = new Map<XmlElement, string>();
  for (const reference of security.signature.references) {
    const target = ids.get(reference.id);
    if (target === undefined || !signable.has(target) || signed.has(target)) {
      throw securityFaults.failedCheck('a reference to no part, or to none that may be signed');
    }
    signed.set(target, checkDigest(target, reference));
  }
  for (const [part, name] of [
    [body, 'body'],
    [security.timestamp, 'timestamp'],
  ] as const) {
    if (!signed.has(part)) throw securityFaults.failedCheck(`${name} not signed`);
  }
  return signed;
}

function checkDigest(target: XmlElement, { inclusivePrefixes, digest }: SignatureReference) {
  const text = canonicalize(target, inclusivePrefixes);
  if (hash('sha256', text, 'base64') !== digest) throw securityFaults.failedCheck('digest');
  return text;
}

/** Headers that mean something to us must not come unsigned; others are left out. */
function refuseIfNeeded(block: XmlElement): void {
  if (isNamed(block, namespaces.wsse, 'Security')) return;
  if (
    ownNamespaces.has(block.namespaceURI) ||
    isNamed(block, namespaces.wscoor, 'CoordinationContext') ||
    isReferenceParameter(block)
  ) {
    throw securityFaults.failedCheck(`${block.localName} not signed`);
  }
}

const ownNamespaces: ReadonlySet<string> = new Set([
  namespaces.wsa,
  namespaces.concordat,
  namespaces.bank,
]);

/**
 * The envelope without what was not signed. A fault is read anew from its signed text: it has names
 * in its content, and only there are the prefixes bound as the signer bound them.
 */
function signedOnly(envelope: Envelope, signed: ReadonlyMap<XmlElement, string>): Envelope {
  const { version, root, blocks, body } = envelope;
  const text = signed.get(body);
  const isFault = child(body, root.namespaceURI, 'Fault') !== undefined;
  return {
    version,
    root,
    blocks: blocks.filter((block) => signed.has(block)),
    body: isFault && text !== undefined ? parseXml(text) : body,
  };
}
