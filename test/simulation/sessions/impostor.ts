import type { ClusterId, ReplicaId } from '../../../src/kernel/ids.js';
import type { Sign } from '../../../src/kernel/keys.js';
import type { SessionInput } from '../../../src/session/core/outbox.js';
import type { SessionMessage } from '../../../src/session/message.js';
import { signSession } from '../../../src/session/proof.js';
import type { Engine } from '../engine/engine.js';
import type { Random } from '../engine/random.js';
import type { Coverage } from '../kit/coverage.js';
import type { SessionBehaviour, SessionLiar } from './byzantine/liar.js';
import { type SessionLie, sessionLies } from './byzantine/library.js';
import type { Answer, Question } from './packets.js';

export interface SessionImpostorOptions {
  readonly self: ReplicaId;
  readonly n: number;
  readonly cluster: ClusterId;
  readonly signer: Sign;
  readonly engine: Engine;
  readonly random: Random;
  readonly coverage: Coverage;
  readonly behaviours: readonly SessionLie[];
  readonly transmit: (to: ReplicaId, message: SessionMessage) => void;
}

/** Stands between a replica and everybody else, and misbehaves with the replica's key. */
export class SessionImpostor {
  readonly #options: SessionImpostorOptions;
  readonly #behaviours: readonly SessionBehaviour[];
  #isMuted = false;

  constructor(options: SessionImpostorOptions) {
    this.#options = options;
    this.#behaviours = options.behaviours.map((name) => sessionLies[name](this.#liar(name)));
  }

  mute(): void {
    this.#isMuted = true;
  }

  send(to: ReplicaId, message: SessionMessage): void {
    let all: readonly SessionMessage[] = [message];
    for (const behaviour of this.#behaviours) {
      all = all.flatMap((one) => behaviour.outgoing?.(to, one) ?? [one]);
    }
    for (const one of all) this.#transmit(to, one);
  }

  receives(from: ReplicaId, message: SessionMessage): boolean {
    return this.#behaviours.every((behaviour) => behaviour.incoming?.(from, message) ?? true);
  }

  /** An answer without asking the replica; `null` for silence, undefined where it is asked. */
  asked(question: Question, client: string): Answer | null | undefined {
    for (const { asked } of this.#behaviours) {
      const answer = asked?.(question, client);
      if (answer !== undefined) return answer;
    }
    return undefined;
  }

  answering(answer: Answer, client: string): Answer | null {
    let said: Answer | null = answer;
    for (const { answering } of this.#behaviours) {
      const other: Answer | null | undefined = said && answering?.(said, client);
      if (other !== undefined) said = other;
    }
    return said;
  }

  ended(input: Extract<SessionInput, { kind: 'order-ended' }>): typeof input {
    return this.#behaviours.reduce((one, { ended }) => ended?.(one) ?? one, input);
  }

  #transmit(to: ReplicaId, message: SessionMessage): void {
    if (!this.#isMuted) this.#options.transmit(to, message);
  }

  #liar(name: SessionLie): SessionLiar {
    const { self, n, cluster, signer, engine, random, coverage } = this.#options;
    const own = random.fork(name);
    const every = (periodMs: number, run: () => void): void =>
      engine.after(periodMs * own.between(0.5, 1.5), () => {
        if (this.#isMuted) return;
        run();
        every(periodMs, run);
      });
    return {
      self,
      n,
      cluster,
      signer,
      random: own,
      nowMs: () => engine.nowMs,
      sign: (statement) => signSession(signer, cluster, statement),
      send: (to, message) => this.#transmit(to, message),
      every,
      lied: () => coverage.count(`liar ${name}`),
    };
  }
}
