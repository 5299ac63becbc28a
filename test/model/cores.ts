import type { TimerInput } from '../../src/kernel/core.js';
import type { ReplicaId } from '../../src/kernel/ids.js';
import type { Signed } from '../../src/kernel/signed.js';
import { signOrdering, verifyOrderingMessage } from '../../src/ordering/check-message.js';
import {
  type OrderingEngine,
  type OrderingInput,
  type OrderingOptions,
  type OrderingOutput,
  orderingDefaults,
  type StateMachine,
} from '../../src/ordering/core/engine.js';
import { decodeOrderingMessage, encodeOrderingMessage } from '../../src/ordering/message-codec.js';
import type { OrderingMessage, OrderingStatement } from '../../src/ordering/types.js';
import { type TestCluster, testCluster } from '../support/keys.js';
import { HistoryMachine } from '../support/ordering-rig.js';

export type EngineFactory<E extends OrderingEngine> = (
  options: OrderingOptions,
  machine: StateMachine,
) => E;

/** A message of a correct replica, to one or to all others. */
export interface Sent {
  readonly from: number;
  readonly to: number | undefined;
  readonly message: OrderingMessage;
}

/** The keys are the same in all runs. */
const parties: TestCluster = testCluster({ n: 4, f: 1 });

/**
 * The correct ones of four replicas, as they are in production, and a liar's key. Nothing moves by itself: whoever
 * replays a run says which message arrives next and which timer runs out.
 */
export class Cores<E extends OrderingEngine> {
  readonly liar: number;
  /** All that correct replicas have sent. */
  readonly sent: Sent[] = [];
  readonly #engines = new Map<number, E>();
  readonly #machines = new Map<number, HistoryMachine>();
  readonly #stored = new Map<number, Set<string>>();
  readonly #timers = new Map<number, Set<string>>();

  constructor(liar: number, factory: EngineFactory<E>, options: Partial<OrderingOptions>) {
    this.liar = liar;
    const { id, resilience } = parties.cluster;
    for (const self of this.#others(liar)) {
      const machine = new HistoryMachine();
      const sign = parties.replicaSign(self);
      const known = { cluster: id, resilience, self: self as ReplicaId, sign };
      this.#machines.set(self, machine);
      this.#timers.set(self, new Set());
      this.#stored.set(self, new Set());
      this.#engines.set(self, factory({ ...orderingDefaults, ...known, ...options }, machine));
    }
    for (const self of this.correct) this.#perform(self, this.engine(self).restore([]));
  }

  get correct(): readonly number[] {
    return [...this.#engines.keys()];
  }

  engine(replica: number): E {
    const engine = this.#engines.get(replica);
    if (!engine) throw new Error(`replica ${replica} is the liar`);
    return engine;
  }

  history(replica: number): readonly string[] {
    return this.#machines.get(replica)?.history ?? [];
  }

  input(replica: number, input: OrderingInput | TimerInput): void {
    this.#perform(replica, this.engine(replica).handle(input));
  }

  /** As it comes off a link: what does not pass the checks is a mistake of whoever replays. */
  deliver(from: number, to: number, message: OrderingMessage): void {
    const read = decodeOrderingMessage(parties.cluster.id, encodeOrderingMessage(message));
    const checked = verifyOrderingMessage(parties.keyring, () => true, from as ReplicaId, read);
    if (!checked.ok)
      throw new Error(`${message.kind} of ${from}: ${JSON.stringify(checked.error)}`);
    this.input(to, { kind: 'peer', message: checked.value, nowMs: 0 });
  }

  hasStored(replica: number, key: string): boolean {
    return this.#stored.get(replica)?.has(key) === true;
  }

  runOut(replica: number, timer: string): void {
    if (!this.#timers.get(replica)?.delete(timer)) throw new Error(`${timer} does not run`);
    this.input(replica, { kind: 'timer', name: timer });
  }

  /** What the liar signs. */
  forge<S extends OrderingStatement>(statement: S): Signed<S> {
    return signOrdering(parties.replicaSign(this.liar), parties.cluster.id, statement);
  }

  #perform(replica: number, outputs: readonly OrderingOutput[]): void {
    for (const output of outputs) {
      if (output.kind === 'broadcast') {
        this.sent.push({ from: replica, to: undefined, message: output.message });
      } else if (output.kind === 'send') {
        this.sent.push({ from: replica, to: output.to, message: output.message });
      } else if (output.kind === 'persist') {
        const keys = this.#stored.get(replica);
        if (output.value === null) keys?.delete(output.key);
        else keys?.add(output.key);
      } else if (output.kind === 'start-timer') this.#timers.get(replica)?.add(output.name);
      else if (output.kind === 'stop-timer') this.#timers.get(replica)?.delete(output.name);
    }
  }

  #others(liar: number): readonly number[] {
    return parties.cluster.coordinators.map(({ id }) => Number(id)).filter((id) => id !== liar);
  }
}
