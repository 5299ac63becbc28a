import type { ReplicaId } from '../../vocabulary/ids.js';
import { quorum, type Resilience } from '../../vocabulary/quorum.js';
import type { RegistrationStatement, Signed } from '../../vocabulary/statements.js';
import { type CommonOutput, resendDelayMs } from '../effects.js';
import { everyReplica } from './participant-hearing.js';
import type { ParticipantOptions, ParticipantOutput } from './participant-messages.js';
import type { Voice } from './participant-voice.js';

type Outputs = readonly (ParticipantOutput<never> | CommonOutput)[];

/**
 * A registration on its way: sent to all replicas, and again to those that have not acknowledged it.
 * A quorum is enough: it shares a correct replica with every quorum that decides, and that one refuses
 * a decision without this registration (Zhao §4.2).
 */
export class Registration<Operation> {
  /** What to execute once it is done. */
  readonly operation: Operation;
  readonly #statement: Signed<RegistrationStatement>;
  readonly #resilience: Resilience;
  readonly #resendAfterMs: number;
  readonly #voice: Voice;
  readonly #taken = new Set<ReplicaId>();
  readonly #refused = new Set<ReplicaId>();
  #rounds = 0;

  constructor(
    { resilience, resendAfterMs }: ParticipantOptions,
    statement: Signed<RegistrationStatement>,
    operation: Operation,
    voice: Voice,
  ) {
    this.#resilience = resilience;
    this.#resendAfterMs = resendAfterMs;
    this.#statement = statement;
    this.operation = operation;
    this.#voice = voice;
  }

  /** Asks those that have not acknowledged it: all of them at first, then ever more slowly. */
  send(): Outputs {
    const delayMs = resendDelayMs(this.#resendAfterMs, this.#rounds);
    this.#rounds += 1;
    this.#refused.clear();
    const to = everyReplica(this.#resilience).filter((replica) => !this.#taken.has(replica));
    return [
      { kind: 'register', to, statement: this.#statement },
      this.#voice.startTimer('register', delayMs),
    ];
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
