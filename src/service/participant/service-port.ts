import { randomUUID } from 'node:crypto';
import type { TwoPhaseProtocol } from '../../agreement/statements.js';
import { sha256 } from '../../kernel/digest.js';
import {
  type ClusterId,
  clientPrincipal,
  type Digest,
  type ParticipantId,
  type TransactionId,
} from '../../kernel/ids.js';
import type { Keyring } from '../../kernel/keys.js';
import { SoapFault, securityFaults, soapFaults } from '../../soap/faults.js';
import type { Operations } from '../../soap/port.js';
import type { MessageVerifier, ReceivedMessage } from '../../soap/verification.js';
import { namespaces } from '../../soap/vocabulary.js';
import { newEnlistment } from '../../transaction/enlistment-name.js';
import type { Invited, OperationResult } from '../../transaction/participant/messages.js';
import { findCoordinationContext, transactionOf } from '../../transaction/soap/coordination.js';
import { findRequestHeader, findSignedRequest } from '../../transaction/soap/extension.js';
import { dialogueActions, readInvoke } from '../dialogue-messages.js';
import { parseJson, payloadBytesMax } from '../json.js';
import {
  type NumberedCall,
  readCall,
  readRun,
  serviceActions,
  writeCallResponse,
} from '../messages.js';
import { requireInvitation } from './invitation.js';
import type { ServiceOperation } from './operations.js';

/** A call of an initiator; the node adds the handle of its caller. */
export type CallRequest = Omit<Invited<ServiceOperation>, 'call'>;

export interface ServicePortOptions {
  readonly keyring: Keyring;
  /** For clients' messages that initiators hand on: each of them, and again and again. */
  readonly verifier: MessageVerifier;
  readonly participant: ParticipantId;
  /** What its calls are registered for. */
  readonly protocol: TwoPhaseProtocol;
  /** Lifetime of a transaction whose context names none. */
  readonly defaultExpiresMs: number;
  readonly ask: (request: CallRequest) => Promise<OperationResult>;
}

/** `/service`: calls of initiators, within a transaction. */
export function serviceOperations(options: ServicePortOptions): Operations<ReceivedMessage> {
  return {
    [serviceActions.call]: {
      kind: 'request-reply',
      replyAction: serviceActions.callResponse,
      handle: async (message) => {
        const result = await options.ask(readRequest(options, message));
        if (result.kind === 'refused') throw refusalFault(result.reason);
        return { body: writeCallResponse(result.result) };
      },
    },
  };
}

/** Throws a `SoapFault` unless it is an initiator's call within a transaction, with the request that a client signed. */
function readRequest(
  options: ServicePortOptions,
  { principal, headers, body }: ReceivedMessage,
): CallRequest {
  const { keyring, participant, protocol, defaultExpiresMs } = options;
  if (principal.role !== 'initiator') {
    throw securityFaults.failedAuthentication('not an initiator');
  }
  const context = findCoordinationContext(headers);
  if (context === undefined) throw soapFaults.sender('The CoordinationContext is missing.');
  const call = readCall(body);
  const tid = transactionOf(context);
  const request = readSignedRequest(options, headers, tid, call);
  const { id: initiator } = principal;
  const { operation, number } = call;
  return {
    kind: 'invited',
    initiator,
    tid,
    operation: { operation, number, payload: parseJson(call.payload, payloadBytesMax), request },
    digest: callDigest(keyring.cluster.id, call, request),
    protocol,
    invitation: requireInvitation(keyring, context, { initiator, tid, participant }),
    expiresMs: context.expiresMs ?? defaultExpiresMs,
    enlistment: newEnlistment(participant, protocol, randomUUID()),
  };
}

/** What the client asked the initiators for. No initiator is believed in it. */
function readSignedRequest(
  options: ServicePortOptions,
  headers: ReceivedMessage['headers'],
  tid: TransactionId,
  call: NumberedCall,
): ServiceOperation['request'] {
  const { verifier, participant } = options;
  const bytes = findSignedRequest(headers);
  if (bytes === undefined) throw soapFaults.sender('cc:SignedRequest is missing.');
  const signed = verifier.verify(Buffer.from(bytes).toString());
  const header = findRequestHeader(signed.headers);
  const { principal, addressing } = signed;
  const isOfDialogue = addressing.action === dialogueActions.invoke;
  if (principal.role !== 'client' || !(isOfDialogue || addressing.action === serviceActions.run)) {
    throw soapFaults.sender('cc:SignedRequest is no Run or Invoke that a client has signed.');
  }
  if (header === undefined || clientPrincipal(header.client) !== principal.name) {
    throw soapFaults.sender('cc:SignedRequest is not in the name of the client that signed it.');
  }
  if (isOfDialogue)
    return { ...header, name: principal.name, ...inDialogue(options, signed, tid, call) };
  const { application, procedure, payload, permits } = readRun(signed.body);
  const permitted = permits.filter(
    (permit) =>
      permit.participant === participant &&
      permit.operation === call.operation &&
      permit.payload === call.payload,
  );
  const asked = parseJson(payload, payloadBytesMax);
  const run = { application, procedure, payload: asked, permits: permitted.length };
  return { ...header, name: principal.name, ...run };
}

/** In a dialogue the client asks for each call itself, and for no other transaction. */
function inDialogue(
  { participant }: ServicePortOptions,
  { body }: Pick<ReceivedMessage, 'body'>,
  tid: TransactionId,
  call: NumberedCall,
): Pick<ServiceOperation['request'], 'application' | 'procedure' | 'payload' | 'permits'> {
  const asked = readInvoke(body);
  const isAsked =
    asked.transactionId === tid &&
    asked.participant === participant &&
    asked.number === call.number &&
    asked.operation === call.operation &&
    asked.payload === call.payload;
  if (!isAsked) throw soapFaults.sender('cc:SignedRequest asks for another call.');
  return { application: '', procedure: '', payload: null, permits: Number.POSITIVE_INFINITY };
}

/** Equal where the calls and their requests are, however their messages were written. */
function callDigest(
  cluster: ClusterId,
  { number, operation, payload }: NumberedCall,
  {
    client,
    timestamp,
    application,
    procedure,
    payload: asked,
    permits,
  }: ServiceOperation['request'],
): Digest {
  // A client that signs two requests with one timestamp is believed neither for the other's.
  const request = [client, timestamp, application, procedure, asked, permits];
  const content = ['concordat/1 call', cluster, ...request, number, operation, payload];
  return sha256(Buffer.from(JSON.stringify(content)));
}

const reasons: Readonly<Record<string, string>> = {
  Busy: 'Too much is under way.',
  Unmatched: 'Too few initiators asked for the same.',
  CannotRegister: 'The coordinators did not take the registration.',
  Aborted: 'The transaction was aborted.',
  Superseded: 'The same initiator has called again.',
  UnknownOperation: 'The participant has no such operation.',
  OperationFailed: 'The operation failed.',
  OutOfTime: 'The operation took too long.',
  RequestUsed: 'What the client permitted has been done, or what a later request of it permits.',
};

function refusalFault(code: string): SoapFault {
  return new SoapFault({
    soapCode: code === 'Busy' ? 'Receiver' : 'Sender',
    namespace: namespaces.concordat,
    code,
    reason: reasons[code] ?? 'The participant refused it.',
  });
}
