import { createHash } from 'node:crypto';
import type { StoredRecord, TimerInput } from '../../src/kernel/core.js';
import type { ReplicaId } from '../../src/kernel/ids.js';
import {
  type OrderingEngine,
  type OrderingInput,
  type OrderingOptions,
  type OrderingOutput,
  orderingDefaults,
  type StateMachine,
} from '../../src/ordering/core/engine.js';
import { encodeOrderingMessage } from '../../src/ordering/message-codec.js';
import type { OrderingMessage } from '../../src/ordering/types.js';
import { HistoryMachine, makeRequest } from '../support/ordering-rig.js';
import type { Choices } from './choices.js';
import type { SharedWork } from './shared-work.js';

export type EngineFactory = (options: OrderingOptions, machine: StateMachine) => OrderingEngine;

/**
 * What may come instead of the usual step, where the oldest message arrives. `late`: it comes after all others.
 * `lost`: it never comes. `hasty`: the next timer runs out first. `restart`: a correct replica starts anew from its
 * store. `turn`: a correct replica is served by the liar's other copy from now on.
 */
export const deviations = ['late', 'lost', 'hasty', 'restart', 'turn'] as const;
export type Deviation = (typeof deviations)[number];

/** What is explored. */
export interface Scenario {
  readonly engine: EngineFactory;
  readonly deviations: readonly Deviation[];
  readonly options?: Partial<OrderingOptions>;
  /**
   * One replica that lies, as two honest copies with one key (Twins: Bano and others, OPODIS 2021); or which one is
   * silent from the start.
   */
  readonly liar: { readonly replica: number; readonly kind: 'twins' | 'silent' } | undefined;
  /** Requests, each handed to a replica at the start; to both copies of a liar. */
  readonly submitted: readonly { readonly replica: number; readonly client: string }[];
}

/** The rules that a run breaks, in words. */
export class Broken extends Error {}

/** Replicas of one cluster, the messages between them and their timers, one step at a time. */
export class ExploredWorld {
  readonly #scenario: Scenario;
  readonly #choices: Choices;
  readonly #processes: Process[] = [];
  #pending: Envelope[] = [];
  #nowMs = 1000;
  /** Which copy of the liar each replica talks to. */
  readonly #copyFor: number[];
  readonly #shared: SharedWork;
  readonly #unusual: readonly Unusual[];

  constructor(shared: SharedWork, scenario: Scenario, choices: Choices) {
    this.#shared = shared;
    this.#scenario = scenario;
    this.#choices = choices;
    this.#copyFor = shared.replicas.map((replica) => replica % 2);
    for (const replica of shared.replicas) {
      for (let copy = 0; copy < this.#copiesOf(replica); copy += 1) {
        this.#processes.push(this.#opened(replica, copy, new Map()));
      }
    }
    this.#unusual = scenario.deviations.flatMap((kind) => this.#unusualOf(kind));
  }

  #unusualOf(kind: Deviation): readonly Unusual[] {
    const { liar } = this.#scenario;
    const correct = this.#shared.replicas.filter((replica) => replica !== liar?.replica);
    if (kind === 'restart') return correct.map((replica) => ({ kind, replica }));
    if (kind !== 'turn') return correct.slice(0, 1).map((replica) => ({ kind, replica }));
    return liar?.kind === 'twins' ? correct.map((replica) => ({ kind, replica })) : [];
  }

  /** Runs to the end. Throws `Broken` where a rule is broken, or a request is not executed in `stepsMax` steps. */
  run(stepsMax: number): void {
    for (const one of this.#processes) this.#perform(one, one.engine.restore([]));
    for (const one of this.#processes) {
      for (const replica of this.#shared.replicas) {
        if (replica !== one.replica) this.#input(one, { kind: 'peer-up', replica });
      }
    }
    for (const one of this.#processes) this.#submit(one);
    for (let step = 0; !this.#isDone(); step += 1) {
      if (step >= stepsMax) throw new Broken(`not executed after ${stepsMax} steps`);
      this.#step();
    }
  }

  /** Hands a replica the requests of its clients, who do so again when it has restarted. */
  #submit(process: Process): void {
    for (const { replica, client } of this.#scenario.submitted) {
      if (replica !== process.replica) continue;
      const request = makeRequest(client, 1, client);
      this.#input(process, { kind: 'submit', request, nowMs: this.#nowMs });
    }
  }

  #copiesOf(replica: number): number {
    const { liar } = this.#scenario;
    if (liar?.replica !== replica) return 1;
    return liar.kind === 'twins' ? 2 : 0;
  }

  #opened(replica: ReplicaId, copy: number, store: Map<string, Uint8Array>): Process {
    const { cluster } = this.#shared.parties;
    const machine = new HistoryMachine();
    const engine = this.#scenario.engine(
      {
        ...orderingDefaults,
        cluster: cluster.id,
        resilience: cluster.resilience,
        self: replica,
        sign: this.#shared.signerOf(replica),
        ...this.#scenario.options,
      },
      machine,
    );
    return new Process(replica, copy, store, engine, machine);
  }

  #step(): void {
    const [head] = this.#pending;
    if (head === undefined) return this.#fireTimer();
    const option = this.#choices.choose(1 + this.#unusual.length, () => this.#state());
    const unusual = this.#unusual[option - 1];
    if (unusual) return this.#deviate(unusual);
    this.#pending.shift();
    this.#deliver(head);
  }

  #deviate({ kind, replica }: Unusual): void {
    switch (kind) {
      case 'late':
        this.#pending.push(...this.#pending.splice(0, 1));
        return;
      case 'lost':
        this.#pending.shift();
        return;
      case 'hasty':
        return this.#fireTimer();
      case 'restart':
        return this.#restart(replica);
      case 'turn':
        this.#copyFor[replica] = 1 - (this.#copyFor[replica] ?? 0);
    }
  }

  /** What was on its way to it is lost. */
  #restart(replica: ReplicaId): void {
    const at = this.#processes.findIndex((one) => one.replica === replica);
    const before = this.#processes[at];
    if (!before) return;
    this.#pending = this.#pending.filter(({ to }) => to !== before);
    const process = this.#opened(replica, 0, before.store);
    this.#processes[at] = process;
    process.inputs = `${before.inputs} restarted`;
    this.#perform(process, process.engine.restore(process.records()));
    for (const other of this.#processes) {
      if (other === process) continue;
      this.#input(process, { kind: 'peer-up', replica: other.replica });
      this.#input(other, { kind: 'peer-up', replica });
    }
    this.#submit(process);
  }

  /** The one that is due first; time goes on to then. */
  #fireTimer(): void {
    let next: { process: Process; name: string; dueMs: number } | undefined;
    for (const process of this.#processes) {
      for (const [name, dueMs] of process.timers) {
        if (!next || dueMs < next.dueMs) next = { process, name, dueMs };
      }
    }
    if (!next) throw new Broken('nothing is under way, and requests are not executed');
    const { process, name, dueMs } = next;
    this.#nowMs = Math.max(this.#nowMs, dueMs);
    process.timers.delete(name);
    this.#input(process, { kind: 'timer', name });
  }

  #deliver({ from, to, bytes }: Envelope): void {
    const message = this.#shared.verified(from.replica, bytes);
    if (message) this.#input(to, { kind: 'peer', message, nowMs: this.#nowMs });
  }

  #input(process: Process, input: OrderingInput | TimerInput): void {
    process.note(input, this.#shared);
    this.#perform(process, process.engine.handle(input));
    this.#check();
  }

  #perform(process: Process, outputs: readonly OrderingOutput[]): void {
    for (const output of outputs) {
      switch (output.kind) {
        case 'send':
          this.#send(process, output.to, output.message);
          break;
        case 'broadcast':
          for (const to of this.#shared.replicas) {
            if (to !== process.replica) this.#send(process, to, output.message);
          }
          break;
        case 'persist':
          process.persist(output.key, output.value);
          break;
        case 'start-timer':
          process.timers.set(output.name, this.#nowMs + output.delayMs);
          break;
        case 'stop-timer':
          process.timers.delete(output.name);
          break;
      }
    }
  }

  /** A copy of the liar and a replica exchange messages where the replica is on the copy's side. */
  #send(from: Process, to: ReplicaId, message: OrderingMessage): void {
    const { liar } = this.#scenario;
    if (from.replica === liar?.replica && this.#copyFor[to] !== from.copy) return;
    const copy = to === liar?.replica ? this.#copyFor[from.replica] : 0;
    const receiver = this.#processes.find((one) => one.replica === to && one.copy === copy);
    if (!receiver) return;
    this.#pending.push({ from, to: receiver, bytes: encodeOrderingMessage(message) });
  }

  #correct(): readonly Process[] {
    return this.#processes.filter(({ replica }) => replica !== this.#scenario.liar?.replica);
  }

  #isDone(): boolean {
    const { submitted, liar } = this.#scenario;
    const due = submitted.filter(({ replica }) => replica !== liar?.replica);
    return this.#correct().every(({ machine }) =>
      due.every(({ client }) => machine.history.some((entry) => entry.split(':')[1] === client)),
    );
  }

  /** Agreement: all correct replicas have executed the same requests in one order, each once. */
  #check(): void {
    let longest: readonly string[] = [];
    for (const { machine } of this.#correct()) {
      if (machine.history.length > longest.length) longest = machine.history;
    }
    for (const { replica, machine } of this.#correct()) {
      machine.history.forEach((entry, at) => {
        if (entry !== longest[at]) throw new Broken(`replica ${replica}: ${entry}, ${longest[at]}`);
      });
    }
    if (new Set(longest.map((entry) => entry.split(':')[1])).size !== longest.length) {
      throw new Broken(`executed twice: ${longest.join(' ')}`);
    }
  }

  #state(): string {
    const hash = createHash('sha1');
    for (const { inputs } of this.#processes) hash.update(inputs);
    for (const { from, to, bytes } of this.#pending) {
      hash
        .update(`${from.replica}.${from.copy}>${to.replica}.${to.copy} ${bytes.length} `)
        .update(bytes);
    }
    return hash.update(`${this.#nowMs} ${this.#copyFor}`).digest('base64');
  }
}

interface Unusual {
  readonly kind: Deviation;
  /** Whose, where it is one replica's. */
  readonly replica: ReplicaId;
}

interface Envelope {
  readonly from: Process;
  readonly to: Process;
  readonly bytes: Uint8Array;
}

class Process {
  readonly replica: ReplicaId;
  readonly copy: number;
  readonly store: Map<string, Uint8Array>;
  readonly engine: OrderingEngine;
  readonly machine: HistoryMachine;
  readonly timers = new Map<string, number>();
  /** Digest of all that it was given, in its order: what its state follows from. */
  inputs = '';

  constructor(
    replica: ReplicaId,
    copy: number,
    store: Map<string, Uint8Array>,
    engine: OrderingEngine,
    machine: HistoryMachine,
  ) {
    this.replica = replica;
    this.copy = copy;
    this.store = store;
    this.engine = engine;
    this.machine = machine;
  }

  persist(key: string, value: Uint8Array | null): void {
    if (value === null) this.store.delete(key);
    else this.store.set(key, value);
  }

  records(): readonly StoredRecord[] {
    return [...this.store]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => ({ key, value }));
  }

  note(input: OrderingInput | TimerInput, shared: SharedWork): void {
    const hash = createHash('sha1').update(this.inputs).update(input.kind);
    if (input.kind === 'timer') hash.update(input.name);
    if (input.kind === 'peer') hash.update(shared.bytesOf(input.message));
    if (input.kind === 'peer' || input.kind === 'submit') hash.update(`${input.nowMs}`);
    this.inputs = hash.digest('base64');
  }
}
