import { decodeCommitCertificate } from '../../agreement/certificate.js';
import {
  type VerifiedCommitCertificate,
  type VerifiedCompletion,
  verifyCommitCertificate,
  verifyCompletion,
  verifyStatement,
} from '../../agreement/check-message.js';
import { decodeSignedInvitation, decodeSignedStatement } from '../../agreement/signing.js';
import type {
  CompletionStatement,
  InvitationStatement,
  VoteStatement,
} from '../../agreement/statements.js';
import { WireError } from '../../kernel/codec/bytes.js';
import {
  type ClientId,
  clientId,
  type EnlistmentId,
  enlistmentId,
  type ParticipantId,
  type TransactionId,
  transactionId,
} from '../../kernel/ids.js';
import type { Keyring } from '../../kernel/keys.js';
import type { Signed, Verified } from '../../kernel/signed.js';
import { coordinationFaults, soapFaults } from '../../soap/faults.js';
import { cc, namespaces } from '../../soap/vocabulary.js';
import {
  element,
  isNamed,
  type MakeError,
  parseBase64,
  parseValue,
  Sequence,
  wholeNumber,
  type XmlElement,
} from '../../soap/xml.js';

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
  complain: MakeError,
): XmlElement | undefined {
  const [found, another] = among.filter((candidate) => isNamed(candidate, ns, name));
  if (another !== undefined) throw complain(`more than one ${name}`);
  return found;
}

function invalid(reason: string): Error {
  return coordinationFaults.invalidParameters(reason);
}

/** What others show with what they say. All throw `wscoor:InvalidParameters` where it is no good. */

export function readCertificate(keyring: Keyring, bytes: Uint8Array): VerifiedCommitCertificate {
  const certificate = decoded('Proof', () => decodeCommitCertificate(keyring.cluster.id, bytes));
  const verified = verifyCommitCertificate(keyring, certificate);
  if (verified.ok) return verified.value;
  throw coordinationFaults.invalidParameters(`cc:Proof: ${verified.error.code}`);
}

export function readCompletion(keyring: Keyring, asked: readonly Uint8Array[]): VerifiedCompletion {
  const statements = asked.map((bytes) => readCompletionStatement(keyring, bytes));
  const verified = verifyCompletion(keyring, statements);
  if (verified.ok) return verified.value;
  throw coordinationFaults.invalidParameters(`cc:Statement: ${verified.error.code}`);
}

/** An invitation by the inviter that it names, to what it says. */
export function readInvitation(keyring: Keyring, bytes: Uint8Array): Verified<InvitationStatement> {
  const signed = decoded('Invitation', () => decodeSignedInvitation(keyring.cluster.id, bytes));
  const verified = verifyStatement(keyring, signed);
  if (verified.ok) return verified.value;
  throw coordinationFaults.invalidParameters(`cc:Invitation: ${verified.error.code}`);
}

/** A vote of the participant. */
export function readVoteOf(
  keyring: Keyring,
  participant: ParticipantId,
  bytes: Uint8Array,
): Verified<VoteStatement> {
  const signed = decoded('Statement', () => decodeSignedStatement(keyring.cluster.id, bytes));
  const { statement } = signed;
  if (statement.kind !== 'vote' || statement.participant !== participant) {
    throw coordinationFaults.invalidParameters(`cc:Statement is no vote of ${participant}`);
  }
  const verified = verifyStatement(keyring, { ...signed, statement });
  if (verified.ok) return verified.value;
  throw coordinationFaults.invalidParameters(`cc:Statement: ${verified.error.code}`);
}

function readCompletionStatement(
  { cluster }: Keyring,
  bytes: Uint8Array,
): Signed<CompletionStatement> {
  const { statement, ...signed } = decoded('Statement', () =>
    decodeSignedStatement(cluster.id, bytes),
  );
  if (statement.kind === 'completion') return { ...signed, statement };
  throw coordinationFaults.invalidParameters('cc:Statement is no completion');
}

export function decoded<Value>(name: string, decode: () => Value): Value {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw coordinationFaults.invalidParameters(`cc:${name}: ${error.message}`);
  }
}
