import { securityFaults } from './faults.js';
import { namespaces } from './vocabulary.js';
import {
  attributeOf,
  isElement,
  isNamed,
  textOf,
  XMLNS_NAMESPACE,
  type XmlElement,
} from './xml.js';

/**
 * The child elements, where there is no text beside them and no unqualified attribute but the named
 * ones. Of qualified attributes only `wsu:Id` and WS-Security's own are let pass.
 */
export function allChildren(parent: XmlElement, attributes: readonly string[]): XmlElement[] {
  checkAttributes(parent, attributes);
  const children: XmlElement[] = [];
  for (const node of parent.childNodes) {
    if (isElement(node)) children.push(node);
    else if (node.data.trim() !== '') throw refusal(parent, 'holds text');
  }
  return children;
}

/** The text, where there is nothing else; attributes as for `allChildren`. */
export function leafText(leaf: XmlElement, attributes: readonly string[]): string {
  checkAttributes(leaf, attributes);
  if (leaf.childNodes.some(isElement)) throw refusal(leaf, 'holds elements');
  return textOf(leaf);
}

/** The element, where it is there and of that name. */
export function required(
  candidate: XmlElement | undefined,
  namespace: string,
  name: string,
): XmlElement {
  if (candidate === undefined || !isNamed(candidate, namespace, name)) {
    throw securityFaults.invalidSecurity(`${name} expected`);
  }
  return candidate;
}

export function algorithmOf(source: XmlElement): string {
  return attributeOf(source, '', 'Algorithm') ?? '';
}

const qualifiedAttributes: ReadonlySet<string> = new Set([
  XMLNS_NAMESPACE,
  namespaces.wsu,
  'http://docs.oasis-open.org/wss/oasis-wss-wssecurity-secext-1.1.xsd',
  namespaces.wsse,
]);

function checkAttributes(owner: XmlElement, allowed: readonly string[]): void {
  for (const { namespaceURI, localName } of owner.attributes) {
    const known =
      namespaceURI === '' ? allowed.includes(localName) : qualifiedAttributes.has(namespaceURI);
    if (!known) throw refusal(owner, `has an attribute ${localName}`);
  }
}

function refusal(owner: XmlElement, what: string): Error {
  return securityFaults.invalidSecurity(`${owner.localName} ${what}`);
}
