import {
  type ParticipantId,
  participantId,
  type TransactionId,
  transactionId,
} from '../kernel/ids.js';
import { soapFaults } from '../soap/faults.js';
import { cc, namespaces } from '../soap/vocabulary.js';
import { element, isNamed, Sequence, wholeNumber, type XmlElement } from '../soap/xml.js';
import { jsonTextOf, payloadBytesMax, resultBytesMax, serviceNameRule } from './json.js';

/**
 * The bodies of `wsdl/concordat.xsd` for applications of one's own: Run, by which a client has a procedure run, and
 * Call, by which an initiator calls a participant. Payloads and results are JSON in ASCII.
 */

const ns = namespaces.concordat;

/** The action of every message is its namespace, a slash and the name of its body element. */
export const serviceActions = {
  run: `${ns}/Run`,
  runResponse: `${ns}/RunResponse`,
  call: `${ns}/Call`,
  callResponse: `${ns}/CallResponse`,
} as const;

/** Calls that a client may permit in one request. */
export const permitsMax = 16;
export const reasonLengthMax = 500;

/** One call at one participant, as the client or a procedure names it. */
export interface ServiceCall {
  readonly participant: ParticipantId;
  /** Name of the participant's operation. */
  readonly operation: string;
  /** JSON text. */
  readonly payload: string;
}

/** A client's request to run a procedure as one transaction. */
export interface Run {
  /** Name of the application whose procedure it is. */
  readonly application: string;
  readonly procedure: string;
  /** JSON text. */
  readonly payload: string;
  /** Calls that the client agrees to, each just as it is to be made: what participants ask for that guard something. */
  readonly permits: readonly ServiceCall[];
}

export interface RunResponse {
  readonly transactionId: TransactionId;
  readonly outcome: 'committed' | 'aborted';
  /** Why it was aborted; at most 500 characters. */
  readonly reason?: string;
  /** JSON text: what the procedure made, where it committed. */
  readonly result?: string;
}

/** A call as it is sent: its number makes two alike two. */
export interface NumberedCall {
  /** Calls of one transaction count from 0, in the order of the procedure. */
  readonly number: number;
  readonly operation: string;
  /** JSON text. */
  readonly payload: string;
}

/** Names an application, a procedure or an operation: a letter or digit, then at most 62 letters, digits, `.`, `_`, `-`. */
export function serviceName(text: string): string {
  if (!serviceNameRule.test(text)) throw new RangeError('not a name');
  return text;
}

const payload = jsonTextOf(payloadBytesMax);
const result = jsonTextOf(resultBytesMax);

export function writeRun({ application, procedure, payload, permits }: Run): XmlElement {
  return element(
    cc('Run'),
    [],
    leaf('Application', application),
    leaf('Procedure', procedure),
    leaf('Payload', payload),
    ...permits.map((permit) =>
      element(
        cc('Permit'),
        [],
        leaf('Participant', permit.participant),
        leaf('Operation', permit.operation),
        leaf('Payload', permit.payload),
      ),
    ),
  );
}

/** Throws a `SoapFault` where the body is no valid Run; so do the other readers. */
export function readRun(body: XmlElement | undefined): Run {
  const parts = open(body, 'Run');
  const run = {
    application: parts.value(ns, 'Application', serviceName),
    procedure: parts.value(ns, 'Procedure', serviceName),
    payload: parts.value(ns, 'Payload', payload),
    permits: readPermits(parts),
  };
  parts.end();
  return run;
}

function readPermits(parts: Sequence): ServiceCall[] {
  const permits: ServiceCall[] = [];
  for (let one = parts.optional(ns, 'Permit'); one; one = parts.optional(ns, 'Permit')) {
    if (permits.length === permitsMax) throw parts.fault(`more than ${permitsMax} Permit`);
    const fields = new Sequence(one, soapFaults.sender);
    permits.push({
      participant: fields.value(ns, 'Participant', participantId),
      operation: fields.value(ns, 'Operation', serviceName),
      payload: fields.value(ns, 'Payload', payload),
    });
    fields.end();
  }
  return permits;
}

export function writeRunResponse(response: RunResponse): XmlElement {
  const { transactionId, outcome, reason, result } = response;
  return element(
    cc('RunResponse'),
    [],
    leaf('TransactionId', transactionId),
    leaf('Outcome', outcome),
    reason === undefined ? undefined : leaf('Reason', reasonText(reason)),
    result === undefined ? undefined : leaf('Result', result),
  );
}

export function readRunResponse(body: XmlElement | undefined): RunResponse {
  const parts = open(body, 'RunResponse');
  const ended = {
    transactionId: parts.value(ns, 'TransactionId', transactionId),
    outcome: parts.value(ns, 'Outcome', outcomeIn),
  };
  const reason = parts.optionalValue(ns, 'Reason', shortText);
  const made = parts.optionalValue(ns, 'Result', result);
  parts.end();
  return {
    ...ended,
    ...(reason === undefined ? {} : { reason }),
    ...(made === undefined ? {} : { result: made }),
  };
}

export function writeCall({ number, operation, payload }: NumberedCall): XmlElement {
  return element(
    cc('Call'),
    [],
    leaf('Number', String(number)),
    leaf('Operation', operation),
    leaf('Payload', payload),
  );
}

export function readCall(body: XmlElement | undefined): NumberedCall {
  const parts = open(body, 'Call');
  const call = {
    number: parts.value(ns, 'Number', callNumber),
    operation: parts.value(ns, 'Operation', serviceName),
    payload: parts.value(ns, 'Payload', payload),
  };
  parts.end();
  return call;
}

export function writeCallResponse(result: string | undefined): XmlElement {
  const made = result === undefined ? undefined : leaf('Result', result);
  return element(cc('CallResponse'), [], made);
}

export function readCallResponse(body: XmlElement | undefined): string | undefined {
  const parts = open(body, 'CallResponse');
  const made = parts.optionalValue(ns, 'Result', result);
  parts.end();
  return made;
}

export const callNumber = wholeNumber(0, 65_535);

/** Fit for XML, whatever a procedure has put into it: the client could not read the outcome else. */
function reasonText(reason: string): string {
  return reason.slice(0, reasonLengthMax).replace(/[^\t\n\x20-\x7e\u{a0}-\u{d7ff}]/gu, '?');
}

function outcomeIn(text: string): RunResponse['outcome'] {
  if (text !== 'committed' && text !== 'aborted') throw new RangeError('not an outcome');
  return text;
}

function shortText(text: string): string {
  if (text.length > reasonLengthMax) throw new RangeError(`longer than ${reasonLengthMax}`);
  return text;
}

/** An element of the schema that holds a text. */
export function leaf(name: string, value: string): XmlElement {
  return element(cc(name), [], value);
}

/** The parts of a body. Throws a `SoapFault` where it is not the element of this name. */
export function open(body: XmlElement | undefined, name: string): Sequence {
  if (body === undefined || !isNamed(body, ns, name)) {
    throw soapFaults.sender(`expected ${name} in the body`);
  }
  return new Sequence(body, soapFaults.sender);
}
