import type { ParticipantMember } from '../../kernel/cluster.js';
import { endpoint } from '../../soap/addressing.js';
import type { SoapClient } from '../../soap/client.js';
import type { ReceivedMessage } from '../../soap/verification.js';
import type { XmlElement } from '../../soap/xml.js';
import type { CallAnswer } from '../../transaction/initiator/messages.js';
import { readCallResponse, serviceActions, writeCall } from '../messages.js';
import type { ProcedureCall } from './procedures.js';

export interface ServiceCallOptions {
  readonly client: SoapClient;
  /** Whom the call is to. */
  readonly member: ParticipantMember;
  /** The number of the call in its transaction. */
  readonly number: number;
  /** The coordination context, and the request that the client signed. */
  readonly headers: readonly XmlElement[];
  readonly timeoutMs: number;
  /** Throws where the reply is not the participant's. */
  readonly requireFrom: (principal: ReceivedMessage['principal']) => void;
}

/** Makes the call. Throws as the client does; a fault that the participant signed is its refusal. */
export async function callService(
  { operation, payload }: ProcedureCall,
  { client, member, number, headers, timeoutMs, requireFrom }: ServiceCallOptions,
): Promise<CallAnswer> {
  const reply = await client.request(endpoint(`${member.url}/service`), {
    action: serviceActions.call,
    headers,
    body: writeCall({ number, operation, payload }),
    timeoutMs,
  });
  requireFrom(reply.principal);
  const result = readCallResponse(reply.body);
  return result === undefined ? { kind: 'done' } : { kind: 'done', result };
}
