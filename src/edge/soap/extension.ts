import {
  type ClientId,
  clientId,
  type EnlistmentId,
  enlistmentId,
  type TransactionId,
  transactionId,
} from '../../vocabulary/ids.js';
import { parseBase64 } from './base64.js';
import { coordinationFaults, soapFaults } from './faults.js';
import { type Complaint, parseValue, Sequence, wholeNumber } from './sequence.js';
import { cc, namespaces } from './vocabulary.js';
import { element, isNamed, type XmlElement } from './xml.js';

/**
 * Concordat's own elements, `wsdl/concordat.xsd`: a header block, reference parameters, and extension
 * elements of standard bodies. Finders take the elements among which one may be; `undefined` means
 * that it is not there, and a `SoapFault` that it is not valid or there twice.
 */

const ns = namespaces.concordat;

/** Which request of which client an application message is. */
export interface RequestHeader {
  readonly client: ClientId;
  /** Rises from request to request of a client; 0 to 2^53-1. */
  readonly timestamp: number;
}

export function requestHeader({ client, timestamp }: RequestHeader): XmlElement {
  return element(
    cc('Request'),
    [],
    element(cc('Client'), [], client),
    element(cc('Timestamp'), [], String(timestamp)),
  );
}

export function findRequestHeader(headers: readonly XmlElement[]): RequestHeader | undefined {
  const block = findOne(headers, 'Request', soapFaults.sender);
  if (block === undefined) return undefined;
  const parts = new Sequence(block, soapFaults.sender);
  const request = {
    client: parts.value(ns, 'Client', clientId),
    timestamp: parts.value(ns, 'Timestamp', wholeNumber(0, Number.MAX_SAFE_INTEGER)),
  };
  parts.end();
  return request;
}

/** Header block of a debit: the signed message of the client that asked for it, as it came. */
export function signedRequestHeader(text: Uint8Array): XmlElement {
  return element(cc('SignedRequest'), [], Buffer.from(text).toString('base64'));
}

export function findSignedRequest(headers: readonly XmlElement[]): Uint8Array | undefined {
  return findBytes(headers, 'SignedRequest');
}

/** Header block of a debit: the certified order of sessions that asks for it. */
export function orderHeader(encoded: Uint8Array): XmlElement {
  return element(cc('Order'), [], Buffer.from(encoded).toString('base64'));
}

export function findOrder(headers: readonly XmlElement[]): Uint8Array | undefined {
  return findBytes(headers, 'Order');
}

/** Reference parameter of the endpoints that belong to a transaction. */
export function transactionIdParameter(tid: TransactionId): XmlElement {
  return element(cc('TransactionId'), [], tid);
}

export function findTransactionId(headers: readonly XmlElement[]): TransactionId | undefined {
  const parameter = findOne(headers, 'TransactionId', invalid);
  return parameter && parseValue(parameter, transactionId, invalid);
}

/** Reference parameter of the endpoints that belong to one participation. */
export function enlistmentIdParameter(id: EnlistmentId): XmlElement {
  return element(cc('EnlistmentId'), [], id);
}

export function findEnlistmentId(headers: readonly XmlElement[]): EnlistmentId | undefined {
  const parameter = findOne(headers, 'EnlistmentId', invalid);
  return parameter && parseValue(parameter, enlistmentId, invalid);
}

/** Extension element with an encoded signed statement. */
export function statementExtension(encoded: Uint8Array): XmlElement {
  return element(cc('Statement'), [], Buffer.from(encoded).toString('base64'));
}

/** All the statements among the extensions, `limit` at most. */
export function findStatements(extensions: readonly XmlElement[], limit: number): Uint8Array[] {
  const found = extensions.filter((candidate) => isNamed(candidate, ns, 'Statement'));
  if (found.length > limit) throw invalid('too many Statements');
  return found.map((one) => parseValue(one, parseBase64, invalid));
}

export function findStatement(extensions: readonly XmlElement[]): Uint8Array | undefined {
  return findBytes(extensions, 'Statement');
}

/** Extension element of a coordination context with an encoded signed invitation. */
export function invitationExtension(encoded: Uint8Array): XmlElement {
  return element(cc('Invitation'), [], Buffer.from(encoded).toString('base64'));
}

export function findInvitation(extensions: readonly XmlElement[]): Uint8Array | undefined {
  return findBytes(extensions, 'Invitation');
}

/** Extension element with an encoded decision proof or commit certificate. */
export function proofExtension(encoded: Uint8Array): XmlElement {
  return element(cc('Proof'), [], Buffer.from(encoded).toString('base64'));
}

export function findProof(extensions: readonly XmlElement[]): Uint8Array | undefined {
  return findBytes(extensions, 'Proof');
}

function findBytes(extensions: readonly XmlElement[], name: string): Uint8Array | undefined {
  const found = findOne(extensions, name, invalid);
  return found && parseValue(found, parseBase64, invalid);
}

function findOne(
  among: readonly XmlElement[],
  name: string,
  complain: Complaint,
): XmlElement | undefined {
  const [found, another] = among.filter((candidate) => isNamed(candidate, ns, name));
  if (another !== undefined) throw complain(`more than one ${name}`);
  return found;
}

function invalid(reason: string): Error {
  return coordinationFaults.invalidParameters(reason);
}
