import {
  type Addressing,
  addressingBlocks,
  isReferenceParameter,
  readAddressing,
} from './addressing.js';
import { serialize } from './canonical.js';
import { soapFaults } from './faults.js';
import { parseXml, readHead, XmlError } from './parse-xml.js';
import { namespaces, type SoapVersion, soap } from './vocabulary.js';
import {
  attributeOf,
  childElements,
  element,
  isElement,
  isNamed,
  withAttribute,
  type XmlElement,
} from './xml.js';

/** What a SOAP message says, apart from how it is protected. */
export interface SoapMessage {
  readonly version: SoapVersion;
  readonly addressing: Addressing;
  /** The other header blocks: reference parameters, CoordinationContext, our own. */
  readonly headers: readonly XmlElement[];
  /** The child of the SOAP body. */
  readonly body: XmlElement | undefined;
}

/** A message that may be believed. */
export interface Believed<Message extends SoapMessage> {
  readonly message: Message;
  /**
   * Called once nothing speaks against the message any more, so that what others have spoilt on its way
   * does not keep the good one out. Throws a `SoapFault` where the message was taken before.
   */
  admit(): void;
}

/** Says whether a header block is one that the reader acts on. */
export type Understood = (block: XmlElement) => boolean;

/** An envelope by its parts. */
export interface Envelope {
  readonly version: SoapVersion;
  readonly root: XmlElement;
  /** All header blocks, whomever they are meant for. */
  readonly blocks: readonly XmlElement[];
  /** The `Body` element itself. */
  readonly body: XmlElement;
}

/** What this project's services act on: addressing, security, the transaction and our request. */
export const understoodByDefault: Understood = (block) =>
  block.namespaceURI === namespaces.wsa ||
  block.namespaceURI === namespaces.concordat ||
  isNamed(block, namespaces.wsse, 'Security') ||
  isNamed(block, namespaces.wscoor, 'CoordinationContext') ||
  isReferenceParameter(block);

/** Writes a message without any protection. */
export function writeEnvelope(message: SoapMessage): string {
  const { version, addressing, headers, body } = message;
  const blocks = [...addressingBlocks(addressing), ...headers];
  const name = soap[version];
  const header = blocks.length === 0 ? undefined : element(name('Header'), [], ...blocks);
  return serialize(element(name('Envelope'), [], header, element(name('Body'), [], body)));
}

/**
 * Reads a message without looking for protection. Throws a `SoapFault` where the text is no SOAP
 * message, or has a mandatory header that is not understood.
 */
export function readEnvelope(
  text: string,
  understood: Understood = understoodByDefault,
): SoapMessage {
  return readUnprotected(parseEnvelope(text), understood);
}

/** As `readEnvelope`, of a text that is parsed already. */
export function readUnprotected(envelope: Envelope, understood: Understood): SoapMessage {
  requireUnderstood(envelope, understood);
  return readMessage(envelope);
}

/** Parses a text and takes it apart; throws a `SoapFault` where it is no SOAP envelope. */
export function parseEnvelope(text: string): Envelope {
  const root = parseRoot(text);
  if (root.localName !== 'Envelope') throw soapFaults.sender('The message is no SOAP envelope.');
  const version = versionOf(root.namespaceURI);
  const parts = elementsOnly(root);
  const [first] = parts;
  const header = first && isNamed(first, root.namespaceURI, 'Header') ? first : undefined;
  const body = header === undefined ? first : parts[1];
  const expected = header === undefined ? 1 : 2;
  if (!body || !isNamed(body, root.namespaceURI, 'Body') || parts.length !== expected) {
    throw soapFaults.sender('An envelope holds at most one Header and then one Body.');
  }
  const blocks = header === undefined ? [] : elementsOnly(header);
  return { version, root, blocks, body };
}

/**
 * The header blocks of a message that is refused unread, as far as they can be read; what comes after them
 * is not looked at. Never throws.
 */
export function blocksOf(text: string): readonly XmlElement[] {
  const root = readHead(text, 'Body');
  const header = root && childElements(root)[0];
  if (header?.localName !== 'Header' || header.namespaceURI !== root?.namespaceURI) return [];
  return childElements(header);
}

/** Throws the SOAP fault where a mandatory header block is not understood (SOAP 1.2 Part 1 §2.4). */
export function requireUnderstood({ version, blocks }: Envelope, understood: Understood): void {
  const strange = blocks.filter(
    (block) => isForUs(version, block) && isMandatory(version, block) && !understood(block),
  );
  if (strange.length > 0) throw soapFaults.mustUnderstand(strange.slice(0, namedMax));
}

/** Header blocks that a fault names. */
const namedMax = 8;

/**
 * What the envelope says, without the blocks that are meant for others. Throws a `SoapFault` where
 * addressing or body are malformed.
 */
export function readMessage({ version, blocks, body }: Envelope): SoapMessage {
  const { addressing, others } = readAddressing(blocks.filter((block) => isForUs(version, block)));
  const content = elementsOnly(body);
  if (content.length > 1) throw soapFaults.sender('The Body holds more than one element.');
  const headers = others.filter((block) => !isNamed(block, namespaces.wsse, 'Security'));
  return { version, addressing, headers, body: content[0] };
}

/** The block marked as one that the receiver must understand or refuse. */
export function mustUnderstand(version: SoapVersion, block: XmlElement): XmlElement {
  return withAttribute(block, soap[version]('mustUnderstand'), '1');
}

/** Roles of a header block that we play (SOAP 1.2 Part 1 §2.2; SOAP 1.1 §4.2.2). */
const ownRoles: ReadonlySet<string> = new Set([
  '',
  `${namespaces.soap12}/role/ultimateReceiver`,
  `${namespaces.soap12}/role/next`,
  'http://schemas.xmlsoap.org/soap/actor/next',
]);

/** Whether a header block is meant for the receiver of the message. */
export function isForUs(version: SoapVersion, block: XmlElement): boolean {
  const { ns, name } = soap[version](version === '1.1' ? 'actor' : 'role');
  return ownRoles.has(attributeOf(block, ns, name)?.trim() ?? '');
}

/** SOAP 1.2 has an `xsd:boolean` there, SOAP 1.1 "0" or "1"; anything else makes the message malformed. */
function isMandatory(version: SoapVersion, block: XmlElement): boolean {
  const { ns, name } = soap[version]('mustUnderstand');
  switch (attributeOf(block, ns, name)?.trim()) {
    case '1':
    case 'true':
      return true;
    case undefined:
    case '0':
    case 'false':
      return false;
    default:
      throw soapFaults.sender(`The mustUnderstand of ${block.localName} is no boolean.`);
  }
}

function parseRoot(text: string): XmlElement {
  try {
    return parseXml(text);
  } catch (error) {
    if (!(error instanceof XmlError)) throw error;
    throw soapFaults.notXml(error.message);
  }
}

function versionOf(namespace: string): SoapVersion {
  if (namespace === namespaces.soap11) return '1.1';
  if (namespace === namespaces.soap12) return '1.2';
  throw soapFaults.versionMismatch('this service takes SOAP 1.1 and 1.2');
}

function elementsOnly(parent: XmlElement): XmlElement[] {
  for (const node of parent.childNodes) {
    if (!isElement(node) && node.data.trim() !== '') {
      throw soapFaults.sender(`Text is not allowed in ${parent.localName}.`);
    }
  }
  return childElements(parent);
}
