import { parseBase64 } from './base64.js';
import { soapFaults } from './faults.js';
import { parseValue } from './sequence.js';
import { cc, namespaces } from './vocabulary.js';
import { element, isNamed, type XmlElement } from './xml.js';

/**
 * How coordinators hand an order of sessions to an initiator: its bytes as the wire codec has them. The
 * answer is that to a transfer.
 */
export const orderActions = {
  order: `${namespaces.concordat}/Order`,
  orderResponse: `${namespaces.concordat}/OrderResponse`,
} as const;

export function writeOrder(encoded: Uint8Array): XmlElement {
  return element(cc('Order'), [], Buffer.from(encoded).toString('base64'));
}

/** Throws a `SoapFault` where the body is no Order. What its bytes say is not looked at. */
export function readOrder(body: XmlElement | undefined): Uint8Array {
  if (body === undefined || !isNamed(body, namespaces.concordat, 'Order')) {
    throw soapFaults.sender('expected Order in the body');
  }
  return parseValue(body, parseBase64, soapFaults.sender);
}
