import { securityFaults } from './faults.js';
import { namespaces } from './vocabulary.js';
import { isElement, type XmlElement } from './xml.js';

/**
 * The elements that have an id (`wsu:Id`, or `Id` on an element of XML Signature), by that id.
 * Throws `wsse:InvalidSecurity` where two have the same one, since readers could then differ about
 * which of them was signed.
 */
export function indexIds(root: XmlElement): ReadonlyMap<string, XmlElement> {
  const ids = new Map<string, XmlElement>();
  const visit = (node: XmlElement): void => {
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
