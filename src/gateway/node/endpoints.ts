import { randomBytes } from 'node:crypto';
import { sha256 } from '../../kernel/digest.js';
import type { Digest } from '../../kernel/ids.js';
import { type EndpointReference, endpoint } from '../../soap/addressing.js';
import { serialize } from '../../soap/canonical.js';
import { coordinationFaults } from '../../soap/faults.js';
import { parseXml } from '../../soap/parse-xml.js';
import type { SoapVersion } from '../../soap/vocabulary.js';
import { element, isNamed, names, textOf, type XmlElement } from '../../soap/xml.js';
import type { EnlistmentKey, PlainEndpoint } from '../core/messages.js';

const wsarjNamespace = 'http://schemas.arjuna.com/ws/2005/10/wsarj';
/** Narayana keeps the one reference parameter that it knows by name; other stacks keep any. */
const parameterName = names(wsarjNamespace, 'wsarj')('InstanceIdentifier');

/** Reference parameters of one endpoint of plain software. */
export const endpointLimits = { parameters: 16, bytes: 8192 } as const;

/** 128 random bits: it cannot be guessed. Only the peer may use it, or, where there is none, who does not sign. */
export function newSecret(peer?: string): string {
  const secret = randomBytes(16).toString('hex');
  return peer === undefined ? secret : `${secret}.${peer}`;
}

/** An address of the gateway's own, with the key that messages to it bear. */
export function ownEndpoint(address: string, key: string): EndpointReference {
  return endpoint(address, element(parameterName, [], key));
}

/** The key among the headers of a message; empty where there is none. */
export function keyIn(headers: readonly XmlElement[]): string {
  const header = headers.find((block) => isNamed(block, wsarjNamespace, parameterName.name));
  return header === undefined ? '' : textOf(header);
}

/** Throws `wscoor:InvalidParameters` where it is too large. */
export function plainEndpoint(
  { address, referenceParameters }: EndpointReference,
  version: SoapVersion,
): PlainEndpoint {
  const parameters = referenceParameters.map((parameter) => serialize(parameter));
  const bytes = parameters.reduce((sum, text) => sum + Buffer.byteLength(text), address.length);
  if (parameters.length > endpointLimits.parameters || bytes > endpointLimits.bytes) {
    throw coordinationFaults.invalidParameters('the endpoint is too large');
  }
  return { address, parameters, version };
}

export function endpointOf({ address, parameters }: PlainEndpoint): EndpointReference {
  return endpoint(address, ...parameters.map((text) => parseXml(text)));
}

/** What the initiators and the gateway's participant know a plain participant by. It gives the key not away. */
export function digestOf(key: EnlistmentKey, to: PlainEndpoint): Digest {
  return sha256(Buffer.from(JSON.stringify([key, to.address, to.parameters])));
}
