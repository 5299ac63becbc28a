import type { TwoPhaseProtocol } from '../../agreement/statements.js';
import { type TransactionId, transactionId } from '../../kernel/ids.js';
import { type EndpointReference, endpointElement, readEndpoint } from '../../soap/addressing.js';
import { mustUnderstand } from '../../soap/envelope.js';
import { coordinationFaults, SoapFault } from '../../soap/faults.js';
import { namespaces, type SoapVersion, wsat, wscoor } from '../../soap/vocabulary.js';
import {
  element,
  isNamed,
  type QName,
  Sequence,
  wholeNumber,
  type XmlElement,
} from '../../soap/xml.js';

/**
 * The messages of WS-Coordination 1.1 and 1.2. Readers throw `wscoor:InvalidParameters` where a
 * message is not as the standard's schema says.
 */

const ns = namespaces.wscoor;

export const coordinationActions = {
  createCoordinationContext: `${ns}/CreateCoordinationContext`,
  createCoordinationContextResponse: `${ns}/CreateCoordinationContextResponse`,
  register: `${ns}/Register`,
  registerResponse: `${ns}/RegisterResponse`,
  fault: `${ns}/fault`,
} as const;

/** The coordination type of atomic transactions. */
export const ATOMIC_TRANSACTION = namespaces.wsat;

export interface CoordinationContext {
  /** Globally unique id of the activity, an URI. */
  readonly identifier: string;
  /** Lifetime, from when the context is made or received. */
  readonly expiresMs?: number | undefined;
  readonly coordinationType: string;
  readonly registrationService: EndpointReference;
  /** Elements of other namespaces; to be kept when the context is passed on. */
  readonly extensions: readonly XmlElement[];
}

export interface CreateCoordinationContext {
  /** Absent: the coordinator picks. Zero: as long as possible. */
  readonly expiresMs?: number | undefined;
  /** Asks for a subordinate transaction of this one. */
  readonly currentContext?: CoordinationContext | undefined;
  readonly coordinationType: string;
  readonly extensions: readonly XmlElement[];
}

export interface CreateCoordinationContextResponse {
  readonly context: CoordinationContext;
  readonly extensions: readonly XmlElement[];
}

export type CoordinationProtocol = TwoPhaseProtocol | 'completion';

export interface Register {
  readonly protocol: CoordinationProtocol;
  readonly participantProtocolService: EndpointReference;
  readonly extensions: readonly XmlElement[];
}

export interface RegisterResponse {
  readonly coordinatorProtocolService: EndpointReference;
  readonly extensions: readonly XmlElement[];
}

/** The context of an atomic transaction of this cluster. */
export function contextOf(
  tid: TransactionId,
  registrationService: EndpointReference,
  expiresMs?: number,
): CoordinationContext {
  return {
    identifier: `urn:uuid:${tid}`,
    expiresMs,
    coordinationType: ATOMIC_TRANSACTION,
    registrationService,
    extensions: [],
  };
}

/** The transaction that a context of this cluster is about. */
export function transactionOf({ coordinationType, identifier }: CoordinationContext) {
  if (coordinationType !== ATOMIC_TRANSACTION) throw invalid('not an atomic transaction');
  try {
    return transactionId(identifier.replace(/^urn:uuid:/, ''));
  } catch {
    throw invalid('Identifier: not the id of a transaction');
  }
}

/** The header block that puts an application message into the transaction. */
export function coordinationContextHeader(
  context: CoordinationContext,
  version: SoapVersion,
): XmlElement {
  return mustUnderstand(version, writeContext(wscoor('CoordinationContext'), context));
}

/** The context among the header blocks, or `undefined`. */
export function findCoordinationContext(
  headers: readonly XmlElement[],
): CoordinationContext | undefined {
  const [context, another] = headers.filter((block) => isNamed(block, ns, 'CoordinationContext'));
  if (another !== undefined) throw invalid('more than one CoordinationContext');
  return context && readCoordinationContext(context);
}

export function readCoordinationContext(context: XmlElement): CoordinationContext {
  const parts = new Sequence(context, invalid);
  return {
    identifier: parts.value(ns, 'Identifier', uri),
    expiresMs: parts.optionalValue(ns, 'Expires', milliseconds),
    coordinationType: parts.value(ns, 'CoordinationType', uri),
    registrationService: readService(parts.required(ns, 'RegistrationService')),
    extensions: parts.extensions(ns),
  };
}

export function writeCreateCoordinationContext(request: CreateCoordinationContext): XmlElement {
  const { expiresMs, currentContext, coordinationType, extensions } = request;
  return element(
    wscoor('CreateCoordinationContext'),
    [],
    writeExpires(expiresMs),
    currentContext && writeContext(wscoor('CurrentContext'), currentContext),
    leaf('CoordinationType', coordinationType),
    ...extensions,
  );
}

export function readCreateCoordinationContext(
  body: XmlElement | undefined,
): CreateCoordinationContext {
  const parts = open(body, 'CreateCoordinationContext');
  const expiresMs = parts.optionalValue(ns, 'Expires', milliseconds);
  const currentContext = parts.optional(ns, 'CurrentContext');
  return {
    expiresMs,
    currentContext: currentContext && readCoordinationContext(currentContext),
    coordinationType: parts.value(ns, 'CoordinationType', uri),
    extensions: parts.extensions(ns),
  };
}

export function writeCreateCoordinationContextResponse(
  response: CreateCoordinationContextResponse,
): XmlElement {
  return element(
    wscoor('CreateCoordinationContextResponse'),
    [],
    writeContext(wscoor('CoordinationContext'), response.context),
    ...response.extensions,
  );
}

export function readCreateCoordinationContextResponse(
  body: XmlElement | undefined,
): CreateCoordinationContextResponse {
  const parts = open(body, 'CreateCoordinationContextResponse');
  return {
    context: readCoordinationContext(parts.required(ns, 'CoordinationContext')),
    extensions: parts.extensions(ns),
  };
}

export function writeRegister(request: Register): XmlElement {
  return element(
    wscoor('Register'),
    [],
    leaf('ProtocolIdentifier', protocolIdentifiers[request.protocol]),
    endpointElement(wscoor('ParticipantProtocolService'), request.participantProtocolService),
    ...request.extensions,
  );
}

/** Throws `wscoor:InvalidProtocol` besides, where the protocol is not one of WS-AtomicTransaction. */
export function readRegister(body: XmlElement | undefined): Register {
  const parts = open(body, 'Register');
  const identifier = parts.value(ns, 'ProtocolIdentifier', uri);
  const register = {
    participantProtocolService: readService(parts.required(ns, 'ParticipantProtocolService')),
    extensions: parts.extensions(ns),
  };
  return { protocol: protocolOf(identifier), ...register };
}

export function writeRegisterResponse(response: RegisterResponse): XmlElement {
  return element(
    wscoor('RegisterResponse'),
    [],
    endpointElement(wscoor('CoordinatorProtocolService'), response.coordinatorProtocolService),
    ...response.extensions,
  );
}

export function readRegisterResponse(body: XmlElement | undefined): RegisterResponse {
  const parts = open(body, 'RegisterResponse');
  return {
    coordinatorProtocolService: readService(parts.required(ns, 'CoordinatorProtocolService')),
    extensions: parts.extensions(ns),
  };
}

const protocolIdentifiers: Readonly<Record<CoordinationProtocol, string>> = {
  completion: `${namespaces.wsat}/Completion`,
  durable: `${namespaces.wsat}/Durable2PC`,
  volatile: `${namespaces.wsat}/Volatile2PC`,
};

function protocolOf(identifier: string): CoordinationProtocol {
  switch (identifier) {
    case protocolIdentifiers.completion:
      return 'completion';
    case protocolIdentifiers.durable:
      return 'durable';
    case protocolIdentifiers.volatile:
      return 'volatile';
    default:
      throw coordinationFaults.invalidProtocol();
  }
}

function writeContext(name: QName, context: CoordinationContext): XmlElement {
  return element(
    name,
    [],
    leaf('Identifier', context.identifier),
    writeExpires(context.expiresMs),
    leaf('CoordinationType', context.coordinationType),
    endpointElement(wscoor('RegistrationService'), context.registrationService),
    ...context.extensions,
  );
}

function writeExpires(expiresMs: number | undefined): XmlElement | undefined {
  return expiresMs === undefined ? undefined : leaf('Expires', String(expiresMs));
}

function readService(source: XmlElement): EndpointReference {
  try {
    return readEndpoint(source);
  } catch (error) {
    if (error instanceof SoapFault) throw invalid(error.message);
    throw error;
  }
}

/** `xsd:unsignedInt`. */
const milliseconds = wholeNumber(0, 2 ** 32 - 1);
const uriLengthMax = 2048;

function uri(text: string): string {
  if (text === '' || text.length > uriLengthMax || /\s/.test(text))
    throw new RangeError('not a URI');
  return text;
}

function leaf(name: string, value: string): XmlElement {
  return element(wscoor(name), [], value);
}

function open(body: XmlElement | undefined, name: string): Sequence {
  if (body === undefined || !isNamed(body, ns, name)) {
    throw invalid(`expected ${name} in the body`);
  }
  return new Sequence(body, invalid);
}

function invalid(reason: string): SoapFault {
  return coordinationFaults.invalidParameters(reason);
}

/** The notifications of WS-AtomicTransaction 1.1 and 1.2: empty, with room for extensions. */

export type NotificationName =
  | 'Prepare'
  | 'Prepared'
  | 'ReadOnly'
  | 'Aborted'
  | 'Commit'
  | 'Rollback'
  | 'Committed';

export const transactionFaultAction = `${namespaces.wsat}/fault`;

/** The `wsa:Action` of a notification. */
export function notificationAction(name: NotificationName): string {
  return `${namespaces.wsat}/${name}`;
}

export function writeNotification(
  name: NotificationName,
  ...extensions: readonly XmlElement[]
): XmlElement {
  return element(wsat(name), [], ...extensions);
}

/** The extensions in a notification. Throws `wscoor:InvalidParameters` where the body is another. */
export function readNotification(
  body: XmlElement | undefined,
  name: NotificationName,
): readonly XmlElement[] {
  if (body === undefined || !isNamed(body, namespaces.wsat, name)) {
    throw coordinationFaults.invalidParameters(`expected ${name} in the body`);
  }
  return new Sequence(body, coordinationFaults.invalidParameters).extensions(namespaces.wsat);
}
