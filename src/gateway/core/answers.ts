import type { CallId } from '../../transaction/participant/messages.js';
import type { GatewayAnswer, GatewayOutput, RefusalReason } from './messages.js';

/** What is said to plain software that waits, or to the gateway's own participant. */
export function answer(call: CallId | undefined, said: GatewayAnswer): readonly GatewayOutput[] {
  return call === undefined ? [] : [{ kind: 'answer', call, answer: said }];
}

export function refused(reason: RefusalReason): GatewayAnswer {
  return { kind: 'refused', reason };
}

export const accepted: GatewayAnswer = { kind: 'accepted' };
