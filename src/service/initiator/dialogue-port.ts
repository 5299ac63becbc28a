import type { Cluster } from '../../kernel/cluster.js';
import { sha256 } from '../../kernel/digest.js';
import type { ClusterId, Digest, TransactionId } from '../../kernel/ids.js';
import { soapFaults } from '../../soap/faults.js';
import type { Operation, Operations } from '../../soap/port.js';
import type { ReceivedMessage } from '../../soap/verification.js';
import type {
  ClientRequest,
  DialogueReply,
  Instructed,
  RequestOutcome,
  Warrant,
} from '../../transaction/initiator/messages.js';
import type { RequestHeader } from '../../transaction/soap/extension.js';
import {
  dialogueActions,
  readBegin,
  readComplete,
  readInvoke,
  writeBeginResponse,
  writeInvokeResponse,
} from '../dialogue-messages.js';
import { writeRunResponse } from '../messages.js';
import type { ProcedureCall } from './procedures.js';

/** The most calls of one dialogue. */
export const dialogueCallsMax = 32;

/** A step of a dialogue; the node adds the handle of its caller. */
export type DialogueStep =
  | Omit<ClientRequest<ProcedureCall>, 'requestId'>
  | Omit<Instructed<ProcedureCall>, 'requestId'>;

export interface DialoguePortOptions {
  readonly cluster: Cluster;
  /** Checks that the message is a client's request in its own name; throws a `SoapFault` else. */
  readonly readHeader: (message: ReceivedMessage) => RequestHeader & { readonly warrant: Warrant };
  /** Throws a `SoapFault` where the step is refused. */
  readonly ask: (step: DialogueStep) => Promise<RequestOutcome | DialogueReply>;
}

/** `/dialogue`: Begin, Invoke and Complete of clients that drive a transaction from outside. */
export function dialogueOperations(options: DialoguePortOptions): Operations<ReceivedMessage> {
  const { ask } = options;
  const operation = (
    replyAction: string,
    handle: (message: ReceivedMessage) => Promise<{ body: ReturnType<typeof writeRunResponse> }>,
  ): Operation<ReceivedMessage> => ({ kind: 'request-reply', replyAction, handle });
  return {
    [dialogueActions.begin]: operation(dialogueActions.beginResponse, async (message) => ({
      body: writeBeginResponse(idIn(await ask(readBeginning(options, message)))),
    })),
    [dialogueActions.invoke]: operation(dialogueActions.invokeResponse, async (message) => {
      const reply = await ask(readNext(options, message));
      if (reply.kind !== 'called') throw soapFaults.receiver('The dialogue has ended.');
      return { body: writeInvokeResponse(reply.answer) };
    }),
    [dialogueActions.complete]: operation(dialogueActions.completeResponse, async (message) => {
      const reply = await ask(readLast(options, message));
      if (reply.kind !== 'outcome') throw soapFaults.receiver('The dialogue goes on.');
      return { body: writeRunResponse(reply) };
    }),
  };
}

/** A dialogue that has ended is known by its outcome. */
function idIn(reply: RequestOutcome | DialogueReply): TransactionId {
  if (reply.kind === 'called') throw soapFaults.receiver('The dialogue goes on.');
  return reply.transactionId;
}

function readBeginning(
  { cluster, readHeader }: DialoguePortOptions,
  message: ReceivedMessage,
): DialogueStep {
  const { warrant, ...header } = readHeader(message);
  readBegin(message.body);
  return {
    kind: 'request',
    ...header,
    digest: dialogueDigest(cluster.id, header),
    operation: { kind: 'dialogue', callsMax: dialogueCallsMax },
    warrant,
  };
}

function readNext(
  { cluster, readHeader }: DialoguePortOptions,
  message: ReceivedMessage,
): DialogueStep {
  const { warrant, ...header } = readHeader(message);
  const { transactionId: tid, number, participant, operation, payload } = readInvoke(message.body);
  return {
    kind: 'instructed',
    client: header.client,
    request: dialogueDigest(cluster.id, header),
    tid,
    instruction: {
      kind: 'call',
      number,
      call: { kind: 'call', participant, operation, payload },
      text: sha256(Buffer.from(JSON.stringify([participant, operation, payload]))),
      warrant,
    },
  };
}

function readLast(
  { cluster, readHeader }: DialoguePortOptions,
  message: ReceivedMessage,
): DialogueStep {
  const { warrant: _, ...header } = readHeader(message);
  const { transactionId: tid, decision } = readComplete(message.body);
  const request = dialogueDigest(cluster.id, header);
  const instruction = { kind: 'complete', decision } as const;
  return { kind: 'instructed', client: header.client, request, tid, instruction };
}

/** Digest of the request that begins a dialogue: who begins it and when; the same at every initiator. */
function dialogueDigest(cluster: ClusterId, { client, timestamp }: RequestHeader): Digest {
  return sha256(Buffer.from(JSON.stringify(['concordat/1 begin', cluster, client, timestamp])));
}
