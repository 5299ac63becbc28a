import type { Cluster } from '../../kernel/cluster.js';
import { OccasionalLog } from '../../kernel/http/log-output.js';
import type { Logger } from '../../kernel/http/logger.js';
import { clientPrincipal } from '../../kernel/ids.js';
import type { Keyring } from '../../kernel/keys.js';
import { orderRequest } from '../../session/request.js';
import { readFault } from '../../soap/fault-body.js';
import { coordinationFaults, SoapFault, securityFaults, soapFaults } from '../../soap/faults.js';
import type { Operation, Operations } from '../../soap/port.js';
import type { ReceivedMessage } from '../../soap/verification.js';
import { namespaces } from '../../soap/vocabulary.js';
import type {
  ClientRequest,
  DialogueReply,
  InitiatorInput,
  InitiatorRefusalCode,
  RequestId,
  RequestOutcome,
  RequestReply,
  Warrant,
} from '../../transaction/initiator/messages.js';
import {
  coordinationActions,
  notificationAction,
  readNotification,
  transactionFaultAction,
} from '../../transaction/soap/coordination.js';
import {
  findProof,
  findRequestHeader,
  findTransactionId,
  type RequestHeader,
  readCertificate,
} from '../../transaction/soap/extension.js';
import { operationOfOrder, orderActions, readCertifiedOrder, readOrder } from '../session-order.js';
import { bankActions, readTransfer, writeTransferResponse } from '../soap.js';
import { type InitiatorCall, operationOf, requestDigest } from './outbound.js';

export type InitiatorReply = RequestReply | DialogueReply;

/** Clients whose requests the core has and has not answered yet. */
export class WaitingClients {
  readonly #waiting = new Map<RequestId, (reply: InitiatorReply) => void>();
  #last = 0;

  /** Hands `submit` a new id, and waits until that id is answered. */
  wait(submit: (requestId: RequestId) => void): Promise<InitiatorReply> {
    this.#last += 1;
    const requestId = this.#last as RequestId;
    return new Promise((resolve) => {
      this.#waiting.set(requestId, resolve);
      submit(requestId);
    });
  }

  answer(requestId: RequestId, reply: InitiatorReply): void {
    this.#waiting.get(requestId)?.(reply);
    this.#waiting.delete(requestId);
  }

  /** Answers all that still wait, for when no answer will come any more. */
  dismissAll(): void {
    for (const requestId of this.#waiting.keys()) {
      this.answer(requestId, { kind: 'refusal', code: 'outcome-unknown' });
    }
  }
}

/**
 * A request travels on, in base64, with each debit. The largest that says no more than it must, with 15
 * creditors and a long certificate, has 25 kB.
 */
export const requestBytesMax = 64 * 1024;

type Notified = Extract<InitiatorInput, { kind: 'notified' }>;
export type InitiatorRequest = Omit<ClientRequest<InitiatorCall>, 'requestId'>;

/** `/transfer`: takes a client's signed request, and answers when its transaction has ended. */
export function transferOperations(
  cluster: Cluster,
  ask: (request: InitiatorRequest) => Promise<InitiatorReply>,
): Operations<ReceivedMessage> {
  return {
    [bankActions.transfer]: {
      kind: 'request-reply',
      replyAction: bankActions.transferResponse,
      handle: async (message) => answerTo(ask, readRequest(cluster, message)),
    },
  };
}

/**
 * `/order`: takes an order of sessions from any coordinator, and answers when its transaction has ended.
 * The order proves itself; which replica brings it does not matter.
 */
export function orderOperations(
  keyring: Keyring,
  ask: (request: InitiatorRequest) => Promise<InitiatorReply>,
): Operations<ReceivedMessage> {
  return {
    [orderActions.order]: {
      kind: 'request-reply',
      replyAction: orderActions.orderResponse,
      handle: async (message) => answerTo(ask, readOrderRequest(keyring, message)),
    },
  };
}

/** Answers once the transaction of the request has ended. Throws a fault where it is refused. */
async function answerTo(
  ask: (request: InitiatorRequest) => Promise<InitiatorReply>,
  request: InitiatorRequest,
) {
  return { body: writeTransferResponse(await outcomeOf(ask, request)) };
}

/** Resolves when the transaction of the request has ended. Throws a fault where it is refused. */
export async function outcomeOf(
  ask: (request: InitiatorRequest) => Promise<InitiatorReply>,
  request: InitiatorRequest,
): Promise<RequestOutcome> {
  const reply = unlessRefused(await ask(request));
  if (reply.kind === 'outcome') return reply;
  throw refusalFault('outcome-unknown');
}

/** Throws a fault where the reply is a refusal. */
export function unlessRefused(reply: InitiatorReply): RequestOutcome | DialogueReply {
  if (reply.kind === 'refusal') throw refusalFault(reply.code);
  return reply;
}

/** `/completion-initiator`: takes Committed, Aborted and faults from the coordinators. */
export function completionInitiatorOperations(
  keyring: Keyring,
  submit: (input: Notified) => void,
  log: Logger,
): Operations<ReceivedMessage> {
  const operation = (name: 'Committed' | 'Aborted'): Operation<ReceivedMessage> => ({
    kind: 'one-way',
    handle: (message) => submit(readNotice(keyring, message, name)),
  });
  const occasionally = new OccasionalLog(log);
  const fault: Operation<ReceivedMessage> = {
    kind: 'one-way',
    handle: (message) => {
      const notice = readFaultNotice(message);
      if (notice !== undefined) return submit(notice);
      const code = readFault(message)?.code;
      occasionally.write('warn', 'fault-received', { from: message.principal.name, fault: code });
    },
  };
  return {
    [coordinationActions.fault]: fault,
    [transactionFaultAction]: fault,
    [notificationAction('Committed')]: operation('Committed'),
    [notificationAction('Aborted')]: operation('Aborted'),
  };
}

/**
 * A client's clock may be ahead by so much. A timestamp far in the future would make all that the client
 * asks for after it too old.
 */
const aheadMaxMs = 600_000;

/** Throws a `SoapFault` unless it is a request in the signer's own name, of a size that participants take. */
export function readRequestHeader(
  message: ReceivedMessage,
): RequestHeader & { readonly warrant: Warrant } {
  const { principal, headers, text } = message;
  const header = findRequestHeader(headers);
  if (header === undefined) throw soapFaults.sender('The header cc:Request is missing.');
  const { client, timestamp } = header;
  if (principal.role !== 'client' || principal.name !== clientPrincipal(client)) {
    throw soapFaults.sender('The request is not in the name of the client that signed it.');
  }
  if (timestamp > (Date.now() + aheadMaxMs) * 1000) {
    const reason = 'Timestamps are microseconds since 1970; this one is in the future.';
    throw requestFault('TimestampAhead', reason, 'Sender');
  }
  if (text === undefined) throw soapFaults.sender('A request is a signed message.');
  const bytes = Buffer.from(text);
  if (bytes.length > requestBytesMax) {
    throw requestFault('TooLarge', `A request has ${requestBytesMax} bytes at most.`, 'Sender');
  }
  return { client, timestamp, warrant: { kind: 'request', bytes, of: principal.name } };
}

/** Throws a `SoapFault` unless it is a client's request for banks that we know. */
function readRequest(cluster: Cluster, message: ReceivedMessage): InitiatorRequest {
  const { warrant, ...header } = readRequestHeader(message);
  const transfer = readTransfer(message.body);
  const operation = operationOf(transfer);
  for (const { participant } of operation.legs) {
    if (!cluster.participants.some(({ id }) => id === participant)) {
      throw requestFault('UnknownBank', `There is no bank ${participant}.`, 'Sender');
    }
  }
  const digest = requestDigest(cluster.id, header, transfer);
  return { kind: 'request', ...header, digest, operation, warrant };
}

/** Throws a `SoapFault` unless it is an order that `f + 1` coordinators have signed. */
function readOrderRequest(
  keyring: Keyring,
  { principal, body }: ReceivedMessage,
): InitiatorRequest {
  if (principal.role !== 'coordinator') {
    throw securityFaults.failedAuthentication('not a coordinator');
  }
  const bytes = readOrder(body);
  const { certificate, transfers } = readCertifiedOrder(keyring, bytes);
  const { statement } = certificate;
  const request = orderRequest(keyring.cluster.id, statement);
  const warrant = { kind: 'order', bytes, of: statement.owner } as const;
  return { kind: 'request', ...request, operation: operationOfOrder(transfers), warrant };
}

/** Throws a `SoapFault` where the message is not a coordinator's, or its certificate proves nothing. */
function readNotice(
  keyring: Keyring,
  { principal, headers, body }: ReceivedMessage,
  name: 'Committed' | 'Aborted',
): Notified {
  if (principal.role !== 'coordinator') throw coordinationFaults.invalidState('not a coordinator');
  const tid = findTransactionId(headers);
  if (tid === undefined) throw coordinationFaults.invalidParameters('no cc:TransactionId');
  const proof = findProof(readNotification(body, name));
  const evidence: Notified['evidence'] =
    proof === undefined
      ? { kind: 'plain', outcome: name === 'Committed' ? 'commit' : 'abort' }
      : { kind: 'proof', certificate: readCertificate(keyring, proof) };
  return { kind: 'notified', replica: principal.id, tid, evidence };
}

/**
 * Of the Completion protocol's states only Committed answers a Rollback with InvalidState, and none
 * answers a Commit so (WS-AtomicTransaction 1.2 §3.2): the fault is how a coordinator says Committed.
 */
function readFaultNotice(message: ReceivedMessage): Notified | undefined {
  const { principal, headers } = message;
  const tid = findTransactionId(headers);
  if (principal.role !== 'coordinator' || tid === undefined) return undefined;
  if (!readFault(message)?.is(namespaces.wscoor, 'InvalidState')) return undefined;
  const evidence = { kind: 'plain', outcome: 'commit' } as const;
  return { kind: 'notified', replica: principal.id, tid, evidence };
}

function refusalFault(code: InitiatorRefusalCode): SoapFault {
  switch (code) {
    case 'stale':
      return requestFault(
        'StaleRequest',
        'It or a later request of this client was taken before.',
        'Sender',
      );
    case 'conflict':
      return requestFault('ConflictingRequest', 'The timestamp has been used before.', 'Sender');
    case 'busy':
      return requestFault(
        'Busy',
        'Too many transactions are open, or an earlier one of this client id is.',
        'Receiver',
      );
    case 'not-activated':
      return requestFault('NotActivated', 'The coordinators did not answer in time.', 'Receiver');
    case 'unknown-dialogue':
      return requestFault('UnknownDialogue', 'No such dialogue is open here.', 'Receiver');
    case 'out-of-place':
      return requestFault('OutOfPlace', 'Another call has that number, or none is due.', 'Sender');
    case 'outcome-unknown':
      return requestFault('OutcomeUnknown', 'The outcome is not known yet.', 'Receiver');
  }
}

/** A sender's fault is final; after a receiver's fault the client may send the same request again. */
function requestFault(code: string, reason: string, soapCode: 'Sender' | 'Receiver'): SoapFault {
  return new SoapFault({ soapCode, namespace: namespaces.concordat, code, reason });
}
