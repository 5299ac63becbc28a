import type { ReplicaId } from '../../vocabulary/ids.js';
import { quorum, type Resilience } from '../../vocabulary/quorum.js';
import type { RegistrationStatement, Signed } from '../../vocabulary/statements.js';
import { type CommonOutput, resendDelayMs } from '../effects.js';
import { everyReplica } from './participant-hearing.js';
import type { ParticipantOptions, ParticipantOutput } from './participant-messages.js';
import type { ReplicaOrder } from './participant-replicas.js';
import type { Voice } from './participant-voice.js';

type Outputs = readonly (ParticipantOutput<never> | CommonOutput)[];

/**
 * A registration on its way: sent to a quorum at first, then to all that have not acknowledged it. A
 * quorum is enough: it shares a correct replica with every quorum that decides, and that one refuses
 * a decision without this registration (Zhao §4.2).
 */
export class Registration<Operation> {
  /** What to execute once it is done. */
  readonly operation: Operation;
  readonly #statement: Signed<RegistrationStatement>;
  readonly #resilience: Resilience;
  readonly #resendAfterMs: number;
  readonly #voice: Voice;
  readonly #order: ReplicaOrder;
  #first: readonly ReplicaId[] = [];
  readonly #taken = new Set<ReplicaId>();
  readonly #refused = new Set<ReplicaId>();
  #rounds = 0;

  constructor(
    { resilience, resendAfterMs }: ParticipantOptions,
    statement: Signed<RegistrationStatement>,
    operation: Operation,
    voice: Voice,
    order: ReplicaOrder,
  ) {
    this.#resilience = resilience;
    this.#resendAfterMs = resendAfterMs;
    this.#statement = statement;
    this.operation = operation;
    this.#voice = voice;
    this.#order = order;
  }

  /** Asks a quorum first, then all those that have not acknowledged it, ever more slowly. */
  send(): Outputs {
    const delayMs = resendDelayMs(this.#resendAfterMs, this.#rounds);
    const isFirst = this.#rounds === 0;
    if (isFirst) this.#first = this.#order.all.slice(0, quorum(this.#resilience));
    const to = this.#missing(isFirst ? this.#first : everyReplica(this.#resilience));
    this.#rounds += 1;
    this.#refused.clear();
    return [
      { kind: 'register', to, statement: this.#statement },
      this.#voice.startTimer('register', delayMs),
    ];
  }

  #missing(replicas: readonly ReplicaId[]): readonly ReplicaId[] {
    return replicas.filter((replica) => !this.#taken.has(replica));
  }

  /** The time for an answer is over. */
  overdue(): Outputs {
    if (this.#rounds === 1) {
      for (const replica of this.#missing(this.#first)) this.#order.wasLate(replica);
    }
    return this.send();
  }

  /** One of the first that were asked cannot be reached: the others are asked at once. */
  failed(): Outputs {
    return this.#rounds === 1 ? this.send() : [];
  }

  acknowledged(replica: ReplicaId): 'wait' | 'enough' {
    this.#taken.add(replica);
    return this.#taken.size >= quorum(this.#resilience) ? 'enough' : 'wait';
  }

  /** The refusals of the first round may come of replicas that do not know the transaction yet. */
  refused(replica: ReplicaId): 'wait' | 'hopeless' {
    if (!this.#taken.has(replica)) this.#refused.add(replica);
    const possible = this.#resilience.n - this.#refused.size;
    return this.#rounds > 1 && possible < quorum(this.#resilience) ? 'hopeless' : 'wait';
  }
}
