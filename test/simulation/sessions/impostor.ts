import type { ClusterId, ReplicaId } from '../../../src/kernel/ids.js';
import type { Sign } from '../../../src/kernel/keys.js';
import type { SessionInput } from '../../../src/session/core/outbox.js';
import type { SessionMessage } from '../../../src/session/message.js';
import { signSession } from '../../../src/session/proof.js';
import { type Disguise, Impostor } from '../kit/impostor.js';
import type { SessionBehaviour } from './byzantine/liar.js';
import { type SessionLie, sessionLies } from './byzantine/library.js';
import type { Answer, Question } from './packets.js';

export interface SessionImpostorOptions extends Disguise<ReplicaId, SessionMessage, SessionLie> {
  readonly self: ReplicaId;
  readonly n: number;
  readonly cluster: ClusterId;
  readonly signer: Sign;
}

/** An impostor that stands between a replica and its clients, too, and before its coordinator. */
export class SessionImpostor extends Impostor<
  ReplicaId,
  SessionMessage,
  SessionLie,
  SessionBehaviour
> {
  constructor({ self, n, cluster, signer, ...disguise }: SessionImpostorOptions) {
    super({
      ...disguise,
      make: (name, tools) =>
        sessionLies[name]({
          ...tools,
          ...{ self, n, cluster, signer },
          sign: (statement) => signSession(signer, cluster, statement),
        }),
    });
  }

  /** An answer without asking the replica; `null` for silence, undefined where it is asked. */
  asked(question: Question, client: string): Answer | null | undefined {
    for (const { asked } of this.behaviours) {
      const answer = asked?.(question, client);
      if (answer !== undefined) return answer;
    }
    return undefined;
  }

  answering(answer: Answer, client: string): Answer | null {
    let said: Answer | null = answer;
    for (const { answering } of this.behaviours) {
      const other: Answer | null | undefined = said && answering?.(said, client);
      if (other !== undefined) said = other;
    }
    return said;
  }

  ended(input: Extract<SessionInput, { kind: 'order-ended' }>): typeof input {
    return this.behaviours.reduce((one, { ended }) => ended?.(one) ?? one, input);
  }
}
