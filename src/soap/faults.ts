import { ConcordatError } from '../kernel/error.js';
import { namespaces, type SoapVersion } from './vocabulary.js';
import type { XmlElement } from './xml.js';

/** SOAP 1.2's own fault codes; SOAP 1.1 says Client and Server for the first two. */
export type SoapCode = 'Sender' | 'Receiver' | 'MustUnderstand' | 'VersionMismatch';

export interface FaultDescription {
  readonly soapCode: SoapCode;
  /** Namespace of `code`; empty where SOAP's own code says it all. */
  readonly namespace: string;
  /** Local name of the subcode (SOAP 1.1: of the fault code), or else the SOAP code. */
  readonly code: string;
  /** English. */
  readonly reason: string;
  /** What goes into the fault's detail. */
  readonly detail?: XmlElement | undefined;
  /** The header blocks that were mandatory and not understood. */
  readonly notUnderstood?: readonly BlockName[] | undefined;
  /** For the log of the node that refuses a message; it is not sent. */
  readonly note?: string | undefined;
}

export interface BlockName {
  readonly namespaceURI: string;
  readonly localName: string;
}

/** What a fault says besides its code. */
export interface FaultData {
  /** Who is at fault, in the words of SOAP 1.2. */
  readonly soapCode: SoapCode;
  /** Of `code`; empty where the fault has only `soapCode`. */
  readonly namespace: string;
  /** English, for people. */
  readonly reason: string;
  /** The first element of the fault's detail. */
  readonly detail: XmlElement | undefined;
  /** Header blocks that had to be understood and were not. */
  readonly notUnderstood: readonly BlockName[];
}

/**
 * A SOAP fault: thrown to answer a message with one, or received as an answer.
 *
 * @example
 * ```ts
 * import { SoapFault } from 'concordat/client';
 *
 * // Whether the same message may be taken later: the fault is the receiver's.
 * export function isForNow(error: unknown): boolean {
 *   return error instanceof SoapFault && error.data.soapCode === 'Receiver';
 * }
 * ```
 */
export class SoapFault extends ConcordatError<string, FaultData> {
  override readonly name = 'SoapFault';
  /** The local name of the fault's (sub)code. */
  readonly code: string;
  readonly data: FaultData;

  constructor({
    soapCode,
    namespace,
    code,
    reason,
    detail,
    notUnderstood = [],
    note,
  }: FaultDescription) {
    super(note === undefined ? `${code}: ${reason}` : `${code}: ${reason} (${note})`);
    this.code = code;
    this.data = { soapCode, namespace, reason, detail, notUnderstood };
  }

  /** The `wsa:Action` of a message that carries this fault. */
  get action(): string {
    const { namespace } = this.data;
    switch (namespace) {
      case namespaces.wscoor:
      case namespaces.wsat:
      case namespaces.bank:
      case namespaces.session:
        return `${namespace}/fault`;
      case namespaces.wsa:
        return `${namespaces.wsa}/fault`;
      default:
        return `${namespaces.wsa}/soap/fault`;
    }
  }

  /** Whether it is the fault of this (sub)code. */
  is(namespace: string, code: string): boolean {
    return this.data.namespace === namespace && this.code === code;
  }
}

/** HTTP status of an answer that carries the fault (SOAP 1.2 Part 2 §7.5.2.2; SOAP 1.1 §6.2). */
export function httpStatus(version: SoapVersion, fault: SoapFault): 400 | 500 {
  return version === '1.2' && fault.data.soapCode === 'Sender' ? 400 : 500;
}

type Make = (note?: string) => SoapFault;

function faultOf(namespace: string, code: string, reason: string, soapCode: SoapCode): Make {
  return (note) => new SoapFault({ soapCode, namespace, code, reason, note });
}

/** As `faultOf`, but the sender gets to know what is wrong in its message. */
function openFaultOf(...[namespace, code, reason, soapCode]: Parameters<typeof faultOf>): Make {
  return (what) =>
    new SoapFault({
      soapCode,
      namespace,
      code,
      reason: what === undefined ? reason : `${reason} (${quoted(what)})`,
    });
}

const quotedLengthMax = 300;

/** What may quote a stranger's message, fit for XML. */
function quoted(text: string): string {
  return text.slice(0, quotedLengthMax).replace(/[^\t\n\x20-\x7e\u{a0}-\u{d7ff}]/gu, '?');
}

/** WS-Coordination 1.2 §4, all of them the sender's. */
export const coordinationFaults = {
  /** Of an activation that nothing can come of any more, however often it is repeated. */
  tooOld: faultOf(namespaces.concordat, 'TooOld', 'The request is too old.', 'Sender'),
  /** Of an activation whose client has a transaction for another request with its timestamp. */
  timestampTaken: faultOf(
    namespaces.concordat,
    'TimestampTaken',
    'The timestamp belongs to another request of the client.',
    'Sender',
  ),
  invalidState: faultOf(
    namespaces.wscoor,
    'InvalidState',
    'The message was invalid for the current state of the activity.',
    'Sender',
  ),
  invalidProtocol: faultOf(
    namespaces.wscoor,
    'InvalidProtocol',
    'The protocol is invalid or is not supported by the coordinator.',
    'Sender',
  ),
  invalidParameters: faultOf(
    namespaces.wscoor,
    'InvalidParameters',
    'The message contained invalid parameters and could not be processed.',
    'Sender',
  ),
  cannotCreateContext: faultOf(
    namespaces.wscoor,
    'CannotCreateContext',
    'CoordinationContext could not be created.',
    'Sender',
  ),
  cannotRegisterParticipant: faultOf(
    namespaces.wscoor,
    'CannotRegisterParticipant',
    'Participant could not be registered.',
    'Sender',
  ),
} as const;

/** WS-AtomicTransaction 1.2 §5. */
export const transactionFaults = {
  inconsistentInternalState: faultOf(
    namespaces.wsat,
    'InconsistentInternalState',
    'A global consistency failure has occurred. This is an unrecoverable condition.',
    'Sender',
  ),
  unknownTransaction: faultOf(
    namespaces.wsat,
    'UnknownTransaction',
    'The coordinator has no knowledge of the transaction. This is an unrecoverable condition.',
    'Sender',
  ),
} as const;

/** WS-Addressing 1.0 SOAP Binding §6.4. */
export const addressingFaults = {
  messageAddressingHeaderRequired: openFaultOf(
    namespaces.wsa,
    'MessageAddressingHeaderRequired',
    'A required header representing a Message Addressing Property is not present',
    'Sender',
  ),
  invalidAddressingHeader: openFaultOf(
    namespaces.wsa,
    'InvalidAddressingHeader',
    'A header representing a Message Addressing Property is not valid and the message cannot be processed',
    'Sender',
  ),
  actionNotSupported: openFaultOf(
    namespaces.wsa,
    'ActionNotSupported',
    'The [action] cannot be processed at the receiver.',
    'Sender',
  ),
  destinationUnreachable: openFaultOf(
    namespaces.wsa,
    'DestinationUnreachable',
    'No route can be determined to reach [destination]',
    'Sender',
  ),
  endpointUnavailable: openFaultOf(
    namespaces.wsa,
    'EndpointUnavailable',
    'The endpoint is unable to process the message at this time.',
    'Receiver',
  ),
} as const;

/** Web Services Security: SOAP Message Security 1.1 §12. */
export const securityFaults = {
  failedCheck: faultOf(
    namespaces.wsse,
    'FailedCheck',
    'The signature or decryption was invalid',
    'Sender',
  ),
  failedAuthentication: faultOf(
    namespaces.wsse,
    'FailedAuthentication',
    'The security token could not be authenticated or authorized',
    'Sender',
  ),
  invalidSecurity: faultOf(
    namespaces.wsse,
    'InvalidSecurity',
    'An error was discovered processing the <wsse:Security> header.',
    'Sender',
  ),
  invalidSecurityToken: faultOf(
    namespaces.wsse,
    'InvalidSecurityToken',
    'An invalid security token was provided',
    'Sender',
  ),
  securityTokenUnavailable: faultOf(
    namespaces.wsse,
    'SecurityTokenUnavailable',
    'Referenced security token could not be retrieved',
    'Sender',
  ),
  unsupportedAlgorithm: faultOf(
    namespaces.wsse,
    'UnsupportedAlgorithm',
    'An unsupported signature or encryption algorithm was used',
    'Sender',
  ),
  messageExpired: openFaultOf(
    namespaces.wsu,
    'MessageExpired',
    'The message has expired',
    'Sender',
  ),
} as const;

/** SOAP 1.2 Part 1 §5.4.6, with the reasons left to us. */
export const soapFaults = {
  mustUnderstand: (blocks: readonly BlockName[]): SoapFault =>
    new SoapFault({
      soapCode: 'MustUnderstand',
      namespace: '',
      code: 'MustUnderstand',
      reason: `Mandatory header blocks are not understood: ${blocks.map(inClarkNotation).join(', ')}`,
      notUnderstood: blocks,
    }),
  versionMismatch: openFaultOf(
    '',
    'VersionMismatch',
    'The envelope is not of the SOAP version that is expected.',
    'VersionMismatch',
  ),
  notXml: openFaultOf('', 'Sender', 'The message is not XML that SOAP allows.', 'Sender'),
  /** The message is malformed. */
  sender: (reason: string, note?: string): SoapFault =>
    new SoapFault({ soapCode: 'Sender', namespace: '', code: 'Sender', reason, note }),
  /** The message is sound but could not be processed. */
  receiver: (reason: string, note?: string): SoapFault =>
    new SoapFault({ soapCode: 'Receiver', namespace: '', code: 'Receiver', reason, note }),
} as const;

function inClarkNotation({ namespaceURI, localName }: BlockName): string {
  return `{${namespaceURI}}${localName}`;
}
