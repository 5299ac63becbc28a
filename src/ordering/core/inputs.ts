import type { TimerInput } from '../../kernel/core.js';
import { type ReplicaId, unreachable } from '../../kernel/ids.js';
import type { OrderingRequest, VerifiedOrderingMessage } from '../types.js';
import type { OrderingInput, OrderingOutput } from './engine.js';
import type { Outbox } from './outbox.js';

/** What an engine does with each kind of input. */
export interface InputParts {
  submit(request: OrderingRequest): void;
  peer(message: VerifiedOrderingMessage): void;
  peerUp(replica: ReplicaId): void;
  timer(name: string): void;
}

/** Hands an input to the part of an engine that it is for, at the time that it names. Gives all that it comes to. */
export function outputsOf(
  outbox: Outbox,
  parts: InputParts,
  input: OrderingInput | TimerInput,
): readonly OrderingOutput[] {
  switch (input.kind) {
    case 'submit':
      outbox.advance(input.nowMs);
      parts.submit(input.request);
      break;
    case 'peer':
      outbox.advance(input.nowMs);
      parts.peer(input.message);
      break;
    case 'peer-up':
      parts.peerUp(input.replica);
      break;
    case 'timer':
      parts.timer(input.name);
      break;
    default:
      return unreachable(input);
  }
  return outbox.take();
}
