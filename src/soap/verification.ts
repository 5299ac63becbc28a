import { hash, verify } from 'node:crypto';
import { costs } from '../kernel/costs.js';
import { claimedAddressing, isReferenceParameter } from './addressing.js';
import { CanonicalLengthError, canonicalize, DeclarationRoom, indexIds } from './canonical.js';
import {
  type Believed,
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
import { parseXml } from './parse-xml.js';
import type { ReplayCache } from './replay-cache.js';
import { type FindToken, readSecurity, type SecurityHeader } from './security-header.js';
import type { Signature } from './signature.js';
import type { SignatureReference } from './signed-info.js';
import type { Clock } from './signing.js';
import { Identities, type Identity, type Principal, type Signer, type Trust } from './trust.js';
import { namespaces } from './vocabulary.js';
import { child, isNamed, type XmlElement } from './xml.js';

/** A message whose sender is known: its signature has been checked, or the link of a member brought it. */
export interface ReceivedMessage<Who extends Signer = Principal> extends SoapMessage {
  readonly principal: Who;
  /**
   * The signed envelope as it came: it can be handed on, and proves itself for as long as it is fresh. Missing where a
   * link brought the message.
   */
  readonly text?: string | undefined;
}

/** A message whose signature holds; whether it was taken before is not known yet. */
export interface Inspected<Who extends Signer = Principal> {
  readonly message: ReceivedMessage<Who>;
  /** The signer, as a cache of replays knows it. */
  readonly owner: string;
  /** What the message is known by, among those of its signer. */
  readonly key: string;
  /** Until when it has to be remembered, in milliseconds since 1970. */
  readonly keepUntilMs: number;
}

export interface VerifierOptions<Who extends Signer = Principal> {
  readonly trust: Trust<Who>;
  readonly clock: Clock;
  /** One cache may serve several verifiers of a node. Without one a message may be shown again. */
  readonly replays?: ReplayCache;
  readonly understood?: Understood;
  /** How far other clocks may be off, in milliseconds. */
  readonly skewMs?: number;
  /**
   * Finds certificates that messages only refer to. Where it is there, messages may be as WSS4J and WCF sign them
   * besides: by such a reference, and with the certificate signed along.
   */
  readonly find?: FindToken;
}

const defaultSkewMs = 5 * 60_000;

/** No message is good for longer, so that replays need not be remembered longer. */
const lifetimeMaxMs = 10 * 60_000;

/**
 * Verifies messages that `MessageSigner`, or another implementation of WS-Security that signs body,
 * timestamp and headers by exclusive canonicalization and SHA-256, has signed.
 *
 * There is one tree: an element is looked up by its id, must stand where such a part stands, is
 * hashed, and is itself what is returned. Nothing is looked for anywhere a second time.
 */
export class MessageVerifier<Who extends Signer = Principal> {
  readonly #identities: Identities<Who>;
  readonly #clock: Clock;
  readonly #replays: ReplayCache | undefined;
  readonly #understood: Understood;
  readonly #skewMs: number;
  readonly #find: FindToken | undefined;

  constructor(options: VerifierOptions<Who>) {
    this.#identities = new Identities(options.trust);
    this.#find = options.find;
    this.#clock = options.clock;
    this.#replays = options.replays;
    this.#understood = options.understood ?? understoodByDefault;
    this.#skewMs = options.skewMs ?? defaultSkewMs;
  }

  /** Throws the `SoapFault` to answer with where the message is not one to act on. */
  verify(text: string): ReceivedMessage<Who> {
    const { message, admit } = this.authenticate(parseEnvelope(text), text);
    admit();
    return message;
  }

  /**
   * Checks the envelope in this text, all but that it was not taken before, which `admit` does, and remembers it. Until
   * then nothing is remembered, so that a forgery, or a true message that was spoilt on its way, does not
   * keep the true one out. Both throw the `SoapFault` to answer with.
   */
  authenticate(envelope: Envelope, text: string): Believed<ReceivedMessage<Who>> {
    return this.believed(this.inspect(envelope, text));
  }

  /** A message that this verifier, or one with the same trust, has inspected. */
  believed({ message, owner, key, keepUntilMs }: Inspected<Who>): Believed<ReceivedMessage<Who>> {
    const admit = () => this.#replays?.admit(owner, key, keepUntilMs, this.#clock());
    return { message, admit };
  }

  /** As `authenticate`, and nothing is remembered. Throws the `SoapFault` to answer with. */
  inspect(envelope: Envelope, text: string): Inspected<Who> {
    const nowMs = this.#clock();
    const ids = indexIds(envelope.root);
    const security = readSecurity(securityBlock(envelope), ids, this.#find);
    const expiresMs = this.#requireFresh(security, nowMs);
    const identity = this.#identities.identify(security.token, nowMs);
    const { principal } = identity;
    const owner = `${principal.role} ${principal.name}`;
    const { messageId: claimed } = claimedAddressing(envelope.blocks);
    // Cheap, and so before any hash or signature.
    if (claimed !== undefined) this.#replays?.refuseSeen(owner, claimed);
    const { signedInfo, signed } = checkSigned(security, identity, envelope, ids);
    for (const block of envelope.blocks) if (!signed.has(block)) refuseIfNeeded(block);
    requireUnderstood(envelope, this.#understood);
    const message = { ...readMessage(signedOnly(envelope, signed)), principal, text };
    const key = message.addressing.messageId ?? signedInfo;
    return { message, owner, key, keepUntilMs: expiresMs + this.#skewMs };
  }

  /** Returns when the message has run out for us. A longer lifetime than ours is cut. */
  #requireFresh({ createdMs, expiresMs: asked }: SecurityHeader, nowMs: number): number {
    if (asked <= createdMs) throw securityFaults.invalidSecurity('lifetime');
    const expiresMs = Math.min(asked, createdMs + lifetimeMaxMs);
    if (createdMs > nowMs + this.#skewMs)
      throw securityFaults.messageExpired('it is from the future; compare the clocks');
    if (expiresMs < nowMs - this.#skewMs)
      throw securityFaults.messageExpired('its lifetime is over; compare the clocks');
    return expiresMs;
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

/** Checks signature and digests, with bounded work whatever the message is. */
function checkSigned(
  security: SecurityHeader,
  identity: Pick<Identity<Signer>, 'publicKey' | 'signatureMethod'>,
  envelope: Envelope,
  ids: ReadonlyMap<string, XmlElement>,
): { signedInfo: string; signed: ReadonlyMap<XmlElement, string> } {
  const room = new DeclarationRoom();
  try {
    const signedInfo = checkSignature(security.signature, identity, room);
    return { signedInfo, signed: checkReferences(security, envelope, ids, room) };
  } catch (error) {
    if (!(error instanceof CanonicalLengthError)) throw error;
    throw securityFaults.invalidSecurity(error.message);
  }
}

/** Checks the signature value and returns the canonical text that it signs. */
function checkSignature(
  signature: Signature,
  identity: Pick<Identity<Signer>, 'publicKey' | 'signatureMethod'>,
  room: DeclarationRoom,
): string {
  if (signature.method !== identity.signatureMethod) {
    throw securityFaults.unsupportedAlgorithm('signature method');
  }
  const text =
    signature.canonical ?? canonicalize(signature.signedInfo, signature.inclusivePrefixes, room);
  const key = { key: identity.publicKey, dsaEncoding: 'ieee-p1363' } as const;
  costs.messagesChecked += 1;
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
  room: DeclarationRoom,
): ReadonlyMap<XmlElement, string> {
  const signable = signableParts(security, [body, security.timestamp, ...blocks]);
  const signed = new Map<XmlElement, string>();
  for (const reference of security.signature.references) {
    const target = ids.get(reference.id);
    const content = target && signable.get(target);
    if (target === undefined || content === undefined || signed.has(target)) {
      throw securityFaults.failedCheck('a reference to no part, or to none that may be signed');
    }
    if (reference.isOfToken !== (content !== target)) {
      throw securityFaults.failedCheck('a transform that does not go with what is signed');
    }
    signed.set(target, checkDigest(content, reference, room));
  }
  for (const [part, name] of [
    [body, 'body'],
    [security.timestamp, 'timestamp'],
  ] as const) {
    if (!signed.has(part)) throw securityFaults.failedCheck(`${name} not signed`);
  }
  return signed;
}

/** What may be referred to, each with what is signed by that: by the reference to a token, the token. */
function signableParts(
  { signature: { key }, signableToken }: SecurityHeader,
  parts: readonly XmlElement[],
): ReadonlyMap<XmlElement, XmlElement> {
  const signable = new Map(parts.map((part) => [part, part]));
  if (signableToken === undefined) return signable;
  signable.set(signableToken, signableToken);
  if (key.kind === 'token') signable.set(key.source, signableToken);
  return signable;
}

function checkDigest(
  target: XmlElement,
  { isOfToken, inclusivePrefixes, digest }: SignatureReference,
  room: DeclarationRoom,
): string {
  const canonical = canonicalize(target, inclusivePrefixes, room);
  const text = isOfToken ? withDefaultNamespace(canonical) : canonical;
  if (hash('sha256', text, 'base64') !== digest) throw securityFaults.failedCheck('digest');
  return text;
}

/** STR-Transform writes the default namespace where there is none, too (WS-Security 1.1 §8.3). */
function withDefaultNamespace(canonical: string): string {
  return canonical.replace(/^<([^\s>]+)(?=[\s>])(?! xmlns=")/, '<$1 xmlns=""');
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
