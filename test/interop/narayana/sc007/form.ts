import { anonymousAddress, noneAddress } from '../../../../src/soap/addressing.js';
import type { SoapMessage } from '../../../../src/soap/envelope.js';
import { readFault } from '../../../../src/soap/fault-body.js';
import { namespaces } from '../../../../src/soap/vocabulary.js';
import type { Place } from './conversation.js';
import type { Sent } from './wire.js';

/**
 * What every message of the protocols has to be like, whatever the scenario. That `To` and the echoed reference
 * parameters are right is known already: the message has found its place by them.
 */

/** After these the sender forgets; after all others an answer may come, so they name its address. */
const terminal: readonly string[] = ['Committed', 'Aborted', 'ReadOnly', 'Fault'];
const toParticipant: readonly string[] = ['Prepare', 'Commit', 'Rollback', 'Fault'];
const toCoordinator: readonly string[] = ['Prepared', 'ReadOnly', 'Aborted', 'Committed', 'Fault'];

/** Of a one-way message to a place; `from`: the place that it names as its sender's. */
export function faultsOf(sent: Sent, to: Place, from: Place | undefined): string[] {
  const { message, soapAction } = sent;
  const { action, messageId, replyTo } = message.addressing;
  const name = message.body?.localName ?? '';
  const expected = name === 'Fault' ? `${namespaces.wsat}/fault` : `${namespaces.wsat}/${name}`;
  const isFromCounterpart =
    from?.conversation === to.conversation && from.party === to.party && from.side !== to.side;
  const problems: readonly (readonly [string, boolean])[] = [
    ['another action', action !== expected],
    ['another SOAPAction', message.version === '1.1' && soapAction !== action],
    ['no MessageID', messageId === undefined],
    ['ReplyTo is not none', replyTo?.address !== noneAddress],
    ['From is not its sender', !terminal.includes(name) && !isFromCounterpart],
    ['to the wrong side', !mayGet(to).includes(name)],
    ['not UnknownTransaction', name === 'Fault' && codeOf(message) !== 'UnknownTransaction'],
  ];
  return problems.flatMap(([what, is]) => (is ? [`${name}: ${what}`] : []));
}

function mayGet({ party, side }: Place): readonly string[] {
  const isClient = party === 'I';
  return (side === 'participant') === isClient ? toCoordinator : toParticipant;
}

function codeOf(message: SoapMessage): string | undefined {
  return readFault(message)?.code;
}

/** Of a reply on the HTTP answer. */
export function faultsOfReply({ message }: Sent, reply: SoapMessage): string[] {
  const { action, messageId, replyTo } = message.addressing;
  const name = reply.body?.localName ?? '';
  const problems: readonly (readonly [string, boolean])[] = [
    ['another action', reply.addressing.action !== `${action}Response`],
    ['RelatesTo is not the request', reply.addressing.relatesTo !== messageId],
    ['the request has no anonymous ReplyTo', replyTo?.address !== anonymousAddress],
  ];
  return problems.flatMap(([what, is]) => (is ? [`${name}: ${what}`] : []));
}
