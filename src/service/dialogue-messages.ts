import type { Decision } from '../agreement/statements.js';
import { participantId, type TransactionId, transactionId } from '../kernel/ids.js';
import { cc, namespaces } from '../soap/vocabulary.js';
import { element, type XmlElement } from '../soap/xml.js';
import type { CallAnswer } from '../transaction/initiator/messages.js';
import { jsonTextOf, payloadBytesMax, resultBytesMax } from './json.js';
import { callNumber, leaf, open, type ServiceCall, serviceName } from './messages.js';

/**
 * The bodies of `wsdl/concordat.xsd` for dialogues: a client begins a transaction, calls participants one after the
 * other, and completes it. All of one dialogue have the same `cc:Request` header: the request that began it.
 */

const ns = namespaces.concordat;

/** The action of every message is its namespace, a slash and the name of its body element. */
export const dialogueActions = {
  begin: `${ns}/Begin`,
  beginResponse: `${ns}/BeginResponse`,
  invoke: `${ns}/Invoke`,
  invokeResponse: `${ns}/InvokeResponse`,
  complete: `${ns}/Complete`,
  completeResponse: `${ns}/RunResponse`,
} as const;

/** The next call of a dialogue. */
export interface Invoke extends ServiceCall {
  readonly transactionId: TransactionId;
  /** Calls of one dialogue count from 0. */
  readonly number: number;
}

export interface Complete {
  readonly transactionId: TransactionId;
  readonly decision: Decision;
}

const payload = jsonTextOf(payloadBytesMax);
const result = jsonTextOf(resultBytesMax);

export function writeBegin(): XmlElement {
  return element(cc('Begin'));
}

/** Throws a `SoapFault` where the body is no valid Begin; so do the other readers. */
export function readBegin(body: XmlElement | undefined): void {
  open(body, 'Begin').end();
}

export function writeBeginResponse(id: TransactionId): XmlElement {
  return element(cc('BeginResponse'), [], leaf('TransactionId', id));
}

export function readBeginResponse(body: XmlElement | undefined): TransactionId {
  const parts = open(body, 'BeginResponse');
  const id = parts.value(ns, 'TransactionId', transactionId);
  parts.end();
  return id;
}

export function writeInvoke(invoke: Invoke): XmlElement {
  return element(
    cc('Invoke'),
    [],
    leaf('TransactionId', invoke.transactionId),
    leaf('Number', String(invoke.number)),
    leaf('Participant', invoke.participant),
    leaf('Operation', invoke.operation),
    leaf('Payload', invoke.payload),
  );
}

export function readInvoke(body: XmlElement | undefined): Invoke {
  const parts = open(body, 'Invoke');
  const invoke = {
    transactionId: parts.value(ns, 'TransactionId', transactionId),
    number: parts.value(ns, 'Number', callNumber),
    participant: parts.value(ns, 'Participant', participantId),
    operation: parts.value(ns, 'Operation', serviceName),
    payload: parts.value(ns, 'Payload', payload),
  };
  parts.end();
  return invoke;
}

export function writeInvokeResponse(answer: CallAnswer): XmlElement {
  if (answer.kind === 'refused') {
    return element(cc('InvokeResponse'), [], leaf('Refused', answer.reason));
  }
  const made = answer.result === undefined ? undefined : leaf('Result', answer.result);
  return element(cc('InvokeResponse'), [], made);
}

export function readInvokeResponse(body: XmlElement | undefined): CallAnswer {
  const parts = open(body, 'InvokeResponse');
  const reason = parts.optionalValue(ns, 'Refused', shortText);
  const made = reason === undefined ? parts.optionalValue(ns, 'Result', result) : undefined;
  parts.end();
  if (reason !== undefined) return { kind: 'refused', reason };
  return made === undefined ? { kind: 'done' } : { kind: 'done', result: made };
}

export function writeComplete({ transactionId: id, decision }: Complete): XmlElement {
  return element(cc('Complete'), [], leaf('TransactionId', id), leaf('Decision', decision));
}

export function readComplete(body: XmlElement | undefined): Complete {
  const parts = open(body, 'Complete');
  const complete = {
    transactionId: parts.value(ns, 'TransactionId', transactionId),
    decision: parts.value(ns, 'Decision', decisionIn),
  };
  parts.end();
  return complete;
}

function decisionIn(text: string): Decision {
  if (text !== 'commit' && text !== 'rollback') throw new RangeError('neither commit nor rollback');
  return text;
}

const refusalLengthMax = 200;

function shortText(text: string): string {
  if (text.length > refusalLengthMax) throw new RangeError(`longer than ${refusalLengthMax}`);
  return text;
}
