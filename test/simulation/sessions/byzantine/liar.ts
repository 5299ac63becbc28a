import type { ClusterId, ReplicaId } from '../../../../src/kernel/ids.js';
import type { Sign } from '../../../../src/kernel/keys.js';
import type { Signed } from '../../../../src/kernel/signed.js';
import type { SessionInput } from '../../../../src/session/core/outbox.js';
import type { SessionMessage } from '../../../../src/session/message.js';
import type { SessionStatement } from '../../../../src/session/types.js';
import type { LiarTools, Lie } from '../../kit/liar.js';
import type { Answer, Question } from '../packets.js';

/** What a behaviour may use: all that the replica has, its key included. */
export interface SessionLiar extends LiarTools<ReplicaId, SessionMessage> {
  readonly self: ReplicaId;
  readonly n: number;
  readonly cluster: ClusterId;
  readonly signer: Sign;
  sign<S extends SessionStatement>(statement: S): Signed<S>;
}

/** A way to misbehave towards other replicas, and towards clients. */
export interface SessionBehaviour extends Lie<ReplicaId, SessionMessage> {
  /** What a client is told in place of the answer; `null` for nothing. */
  answering?(answer: Answer, client: string): Answer | null | undefined;
  /** An answer of its own, of which the replica hears nothing; `null` for silence. */
  asked?(question: Question, client: string): Answer | null | undefined;
  /** What its coordinator is made to say of an order. */
  ended?(
    input: Extract<SessionInput, { kind: 'order-ended' }>,
  ): Extract<SessionInput, { kind: 'order-ended' }>;
}

export type SessionBehaviourMaker = (liar: SessionLiar) => SessionBehaviour;
