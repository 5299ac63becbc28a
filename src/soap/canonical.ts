import { ConcordatError, type NoData, noData } from '../kernel/error.js';
import { securityFaults } from './faults.js';
import { ownSignedInfo } from './signed-info.js';
import { namespaces } from './vocabulary.js';
import {
  isElement,
  lookUp,
  type NamespaceScope,
  XMLNS_NAMESPACE,
  type XmlAttribute,
  XmlElement,
} from './xml.js';

/**
 * The elements that have an id (`wsu:Id`, or `Id` on an element of XML Signature), by that id.
 * Throws `wsse:InvalidSecurity` where two have the same one, since readers could then differ about
 * which of them was signed.
 */
export function indexIds(root: XmlElement): ReadonlyMap<string, XmlElement> {
  const ids = new Map<string, XmlElement>();
  const visit = (node: XmlElement): void => {
    // It holds no ids.
    if (node.localName === 'SignedInfo' && ownSignedInfo(node) !== undefined) return;
    for (const { localName, namespaceURI, value } of node.attributes) {
      if (localName !== 'Id') continue;
      const isSignatureId = namespaceURI === '' && node.namespaceURI === namespaces.ds;
      if (namespaceURI !== namespaces.wsu && !isSignatureId) continue;
      if (ids.has(value)) throw securityFaults.invalidSecurity('an id is there twice');
      ids.set(value, node);
    }
    for (const child of node.childNodes) if (isElement(child)) visit(child);
  };
  visit(root);
  return ids;
}

/** The entry of a PrefixList that stands for the default namespace. */
const defaultToken = '#default';

/**
 * Exclusive XML Canonicalization 1.0 without comments, of an element and all that is in it.
 *
 * `inclusivePrefixes` is the InclusiveNamespaces PrefixList: prefixes that are written wherever they
 * are bound and not only where a name has them. The text stands for itself: it parses to the same
 * element wherever it is put, and canonicalizes to itself.
 */
export function canonicalize(
  apex: XmlElement,
  inclusivePrefixes: readonly string[] = [],
  room: DeclarationRoom = new DeclarationRoom(),
): string {
  return writeWithin(undefined, apex, inclusivePrefixes, room);
}

/** Canonical forms declare namespaces anew for each element that uses them, so they can outgrow their source. */
const declarationsLengthMax = 2 * 1_048_576;

/** The canonical form of a message would be out of proportion. */
export class CanonicalLengthError extends ConcordatError<'canonical-form-too-long', NoData> {
  override readonly name = 'CanonicalLengthError';
  readonly code = 'canonical-form-too-long';
  readonly data = noData;
}

/** What declarations may take in all canonical forms of one message. */
export class DeclarationRoom {
  #left = declarationsLengthMax;

  /** Throws `CanonicalLengthError` where there is no room for so much more. */
  take(length: number): void {
    this.#left -= length;
    if (this.#left < 0) throw new CanonicalLengthError('too many namespace declarations');
  }
}

/**
 * The element as it may stand where the bindings of `around` are in scope, which it does not repeat.
 * Its canonical form there is that of `canonicalize`.
 */
export function writeWithin(
  around: NamespaceScope | undefined,
  apex: XmlElement,
  inclusivePrefixes: readonly string[] = [],
  room: DeclarationRoom = new DeclarationRoom(),
): string {
  const inclusive = inclusivePrefixes.map((prefix) => (prefix === defaultToken ? '' : prefix));
  return write(apex, around, inclusive, true, room);
}

/** The element as a document of its own, with every declaration that it holds. */
export function serialize(root: XmlElement): string {
  return canonicalize(root, declaredPrefixes(root));
}

/**
 * Prefixes that an element, or anything in it, declares and does not use in its own names, and so
 * declares for names in content. As a PrefixList.
 */
export function declaredPrefixes(root: XmlElement): string[] {
  const found = new Set<string>();
  const visit = (node: XmlElement): void => {
    for (const { namespaceURI, prefix, localName } of node.attributes) {
      if (namespaceURI !== XMLNS_NAMESPACE) continue;
      const declared = prefix === '' ? '' : localName;
      if (!usesPrefix(node, declared)) found.add(declared === '' ? defaultToken : declared);
    }
    for (const child of node.childNodes) if (child instanceof XmlElement) visit(child);
  };
  visit(root);
  return [...found];
}

function usesPrefix(node: XmlElement, prefix: string): boolean {
  return (
    node.prefix === prefix ||
    (prefix !== '' && node.attributes.some((attribute) => attribute.prefix === prefix))
  );
}

function write(
  node: XmlElement,
  outer: NamespaceScope | undefined,
  inclusive: readonly string[],
  isApex: boolean,
  room: DeclarationRoom,
): string {
  const rendered = bindings(node, outer, inclusive, isApex);
  let text = `<${node.tagName}`;
  if (rendered !== outer) {
    const declarations = writeNamespaces(rendered, outer);
    room.take(declarations.length);
    text += declarations;
  }
  if (node.attributes.length > 0) text += writeAttributes(node.attributes);
  text += '>';
  for (const child of node.childNodes) {
    text +=
      child instanceof XmlElement
        ? write(child, rendered, inclusive, false, room)
        : escapeText(child.data);
  }
  return `${text}</${node.tagName}>`;
}

/** The bindings in force within the element: those around it and those that it must declare. */
function bindings(
  node: XmlElement,
  outer: NamespaceScope | undefined,
  inclusive: readonly string[],
  isApex: boolean,
): NamespaceScope | undefined {
  let rendered = bind(outer, node.prefix, node.namespaceURI);
  for (const { prefix, namespaceURI, localName, value } of node.attributes) {
    if (namespaceURI !== XMLNS_NAMESPACE) {
      if (prefix !== '') rendered = bind(rendered, prefix, namespaceURI);
    } else if (inclusive.length > 0 && !isApex) {
      const declared = prefix === '' ? '' : localName;
      if (inclusive.includes(declared)) rendered = bind(rendered, declared, value);
    }
  }
  if (!isApex) return rendered;
  for (const prefix of inclusive) {
    const uri = lookUp(node.scope, prefix);
    if (uri !== undefined) rendered = bind(rendered, prefix, uri);
  }
  return rendered;
}

/** Adds a binding unless it is in force already; `xml` always is. */
function bind(
  rendered: NamespaceScope | undefined,
  prefix: string,
  uri: string,
): NamespaceScope | undefined {
  if (prefix === 'xml' || lookUp(rendered, prefix) === uri) return rendered;
  return { prefix, uri, outer: rendered };
}

function writeNamespaces(
  rendered: NamespaceScope | undefined,
  outer: NamespaceScope | undefined,
): string {
  const added: NamespaceScope[] = [];
  for (let frame = rendered; frame !== undefined && frame !== outer; frame = frame.outer) {
    added.push(frame);
  }
  if (added.length > 1) added.sort((a, b) => compareCodePoints(a.prefix, b.prefix));
  let text = '';
  for (const { prefix, uri } of added) {
    text += `${prefix === '' ? ' xmlns' : ` xmlns:${prefix}`}="${escapeAttribute(uri)}"`;
  }
  return text;
}

function writeAttributes(attributes: readonly XmlAttribute[]): string {
  let text = '';
  const ordered = attributes.length > 1 ? attributes.toSorted(compareAttributes) : attributes;
  for (const { namespaceURI, name, value } of ordered) {
    if (namespaceURI !== XMLNS_NAMESPACE) text += ` ${name}="${escapeAttribute(value)}"`;
  }
  return text;
}

/** By namespace, then by local name; attributes without a namespace come first. */
function compareAttributes(a: XmlAttribute, b: XmlAttribute): number {
  return (
    compareCodePoints(a.namespaceURI, b.namespaceURI) || compareCodePoints(a.localName, b.localName)
  );
}

/** Lexicographic by code point, which is not the order of UTF-16 nor that of any locale. */
export function compareCodePoints(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) {
    const left = a.charCodeAt(i);
    const right = b.charCodeAt(i);
    if (left !== right) return rank(left) - rank(right);
  }
  return a.length - b.length;
}

/** Puts surrogates, which stand for code points above U+FFFF, after all other code units. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\t': '&#x9;',
  '\n': '&#xA;',
  '\r': '&#xD;',
};

function escapeText(text: string): string {
  return /[&<>\r]/.test(text) ? text.replace(/[&<>\r]/g, (c) => entities[c] ?? c) : text;
}

function escapeAttribute(text: string): string {
  return /[&<"\t\n\r]/.test(text) ? text.replace(/[&<"\t\n\r]/g, (c) => entities[c] ?? c) : text;
}
