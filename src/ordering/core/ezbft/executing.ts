import { readAll, Writer } from '../../../kernel/codec/bytes.js';
import { invariant, type StoredRecord } from '../../../kernel/core.js';
import type { ClientId, ReplicaId } from '../../../kernel/ids.js';
import { readIndexes, writeIndexes } from '../../instance-codec.js';
import type { Batch, Instance, OrderingRequest } from '../../types.js';
import { Checkpoints } from '../checkpoints.js';
import { ClientTable, Snapshot, type StableCheckpoint } from '../client-table.js';
import type { StateMachine } from '../engine.js';
import { union } from './deciding.js';
import { executionOrder, keyOf } from './execution.js';
import type { EzbftState, InstanceEntry } from './state.js';

/**
 * Clients in one generation of the client table. It takes in all clients since the last checkpoint at once, by name
 * and not as they came: as long as there are no more of them, none is forgotten that was executed just now.
 */
const FOLDED_CLIENTS_MAX = 32_768;

export interface ExecutionEvents {
  /** Something was executed, or the state jumped. */
  progressed(): void;
  behind(holders: readonly ReplicaId[]): void;
  /** An instance that is no no-op was. */
  executed(instance: Instance): void;
  /** So many requests of this replica's own were executed. */
  executedOwn(requests: number): void;
  /** A stable checkpoint has made room. */
  cut(): void;
}

/**
 * Executes decided instances, each request once. A checkpoint is taken where a component with a barrier is executed:
 * everything else is ordered with the barrier, so what was executed before is the same everywhere, but for no-ops.
 */
export class Execution {
  readonly checkpoints: Checkpoints;
  readonly #state: EzbftState;
  readonly #machine: StateMachine;
  readonly #events: ExecutionEvents;
  readonly #clients = new ClientTable(FOLDED_CLIENTS_MAX);
  /** What the application was told of before the state jumped, and may be executed again after it. */
  #told = new Map<ClientId, Map<number, OrderingRequest>>();
  /** The position that the machine was last told; the engine's own goes back where the state jumps. */
  #lastTold = 0;
  /** Executed since the last checkpoint was taken: the table takes them in then, in an order that is the same everywhere. */
  #recent = new Map<ClientId, Map<number, OrderingRequest>>();
  /**
   * By space: the last that is executed and no no-op, or that a barrier waited for. So it is the same at every replica
   * where a barrier is executed.
   */
  #covered: number[];
  /** The same when the last checkpoint was taken. */
  #coveredAtCut: readonly number[];
  #isExecuting = false;
  /** Checkpoints that are not stable: what each covers. */
  readonly #cuts = new Map<number, readonly number[]>();
  /** What is waited for, and since when. */
  #awaited = new Map<string, { readonly instance: Instance; readonly sinceMs: number }>();

  constructor(state: EzbftState, machine: StateMachine, events: ExecutionEvents) {
    this.#state = state;
    this.#machine = machine;
    this.#events = events;
    this.#covered = [...state.executed];
    this.#coveredAtCut = [...state.executed];
    this.checkpoints = new Checkpoints(state.outbox, {
      stable: (position) => this.#onStable(position),
      behind: (holders) => events.behind(holders),
      install: (checkpoint) => this.#install(checkpoint),
      installed: () => this.#onInstalled(),
      differences: (own, theirs) => machine.differences(own.machine, theirs.machine),
    });
  }

  /** What is not decided and others wait for. */
  get awaited(): readonly { readonly instance: Instance; readonly sinceMs: number }[] {
    return [...this.#awaited.values()];
  }

  get isWaiting(): boolean {
    return this.#awaited.size > 0;
  }

  /** Instances of one space since the last checkpoint was taken, the most of any. */
  get sinceCut(): number {
    return Math.max(...this.#sinceCut);
  }

  get #sinceCut(): readonly number[] {
    return this.#covered.map((index, space) => index - (this.#coveredAtCut[space] ?? 0));
  }

  /** Checkpoints that are not stable. */
  get unstable(): number {
    return this.#cuts.size;
  }

  isExecuted(request: OrderingRequest): boolean {
    const { client, number } = request;
    return this.#clients.has(request) || this.#recent.get(client)?.has(number) === true;
  }

  /** From disk: the stable checkpoint. */
  restore(records: readonly StoredRecord[]): void {
    const stable = this.checkpoints.restore(records);
    if (!stable) return;
    this.#install(stable);
    this.#onStable(stable.certificate.statement.position);
  }

  /** Whatever is decided and waits for nothing. */
  execute(): void {
    // A checkpoint may lead back here: the loop below comes to what is new.
    if (this.#isExecuting) return;
    this.#isExecuting = true;
    let hasProgressed = false;
    for (let order = this.#order(); order.length > 0; order = this.#order()) {
      for (const component of order) this.#executeComponent(component);
      hasProgressed = true;
    }
    this.#isExecuting = false;
    if (hasProgressed) this.#events.progressed();
  }

  #order(): readonly (readonly Instance[])[] {
    const { spaces, executed, outbox } = this.#state;
    const { components, awaited } = executionOrder({
      executed,
      last: spaces.map((_, space) => this.#state.lastDecidedOf(space)),
      depsOf: (instance) => depsOf(this.#state.find(instance)),
    });
    const before = this.#awaited;
    this.#awaited = new Map(
      awaited
        .flatMap((instance) => this.#undecidedUpTo(instance))
        .map((instance) => {
          const key = keyOf(instance);
          return [key, before.get(key) ?? { instance, sinceMs: outbox.nowMs }];
        }),
    );
    return components;
  }

  /** What is before an instance in its space must be decided with it. What is out of reach a checkpoint covers first. */
  #undecidedUpTo({ space, index }: Instance): readonly Instance[] {
    const { executed, cut, reach } = this.#state;
    const first = (executed[space] ?? 0) + 1;
    const last = Math.min(index, (cut[space] ?? 0) + reach);
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, place) => ({
      space,
      index: first + place,
    })).filter((instance) => !this.#state.find(instance)?.decision);
  }

  #executeComponent(component: readonly Instance[]): void {
    const barriers = component.filter((instance) => this.#executeInstance(instance));
    const [last] = barriers.slice(-1);
    if (!last) return;
    for (const barrier of barriers) {
      this.#covered = [...union(this.#covered, depsOf(this.#state.find(barrier)) ?? [])];
    }
    const ofAll = this.#sinceCut.reduce((sum, instances) => sum + instances, 0);
    if (ofAll < this.#state.options.checkpointInterval / 2) return;
    this.#foldRecent();
    this.#state.turn = (last.space + 1) % this.#covered.length;
    const { position } = this.#state;
    this.#take(position);
    this.checkpoints.take(position, () => this.#snapshot());
  }

  #take(position: number): void {
    this.#coveredAtCut = [...this.#covered];
    this.#cuts.set(position, [...this.#covered]);
    for (const [space, index] of this.#covered.entries()) this.#state.covered[space] = index;
  }

  /** Returns whether it was a barrier. */
  #executeInstance(instance: Instance): boolean {
    const { space, index } = instance;
    const { executed, pending, self } = this.#state;
    const entry = this.#state.find(instance);
    const decision = entry?.decision;
    invariant(index === (executed[space] ?? 0) + 1, 'instances of a space are executed in order');
    invariant(entry !== undefined && decision !== undefined, 'what is executed is decided');
    executed[space] = index;
    if (!decision.value) {
      if (space === self) this.#putBack(entry);
      return false;
    }
    this.#state.position += 1;
    this.#covered[space] = index;
    const fresh = decision.batch.filter((request) => this.#isNew(request));
    pending.remove(decision.batch, (request) => this.isExecuted(request));
    this.#events.executed(instance);
    if (space === self) this.#events.executedOwn(decision.batch.length);
    this.#apply(fresh);
    return decision.batch.length === 0;
  }

  /** The state jumps past proposals of this replica's: which of them came to nothing, its client table knows. */
  #putBackCovered(): void {
    const { spaces, self } = this.#state;
    for (const [index, entry] of spaces[self] ?? []) {
      if (index <= (this.#covered[self] ?? 0)) this.#putBack(entry);
    }
  }

  #apply(fresh: Batch): void {
    if (fresh.length === 0) return;
    const { outbox, position: reached } = this.#state;
    this.#lastTold = Math.max(this.#lastTold + 1, reached);
    const position = this.#lastTold;
    this.#machine.apply(position, fresh);
    if (outbox.replaying) return;
    const batch = fresh.filter(({ client, number }) => !this.#told.get(client)?.has(number));
    if (batch.length > 0) outbox.output({ kind: 'delivered', position, batch });
  }

  /** This replica's own proposal came to nothing. */
  #putBack({ orders }: InstanceEntry): void {
    for (const { batch } of orders.values()) this.#state.pending.putBack(batch);
  }

  #isNew(request: OrderingRequest): boolean {
    if (this.isExecuted(request)) return false;
    const { client, number } = request;
    const numbers = this.#recent.get(client) ?? new Map<number, OrderingRequest>();
    this.#recent.set(client, numbers.set(number, request));
    return true;
  }

  /** Replicas execute what does not interfere in different orders: the table is of all of it, sorted. */
  #foldRecent(): void {
    const clients = [...this.#recent].sort(([a], [b]) => (a < b ? -1 : 1));
    const batch: Batch = clients.flatMap(([, numbers]) =>
      [...numbers.values()].sort((a, b) => a.number - b.number),
    );
    this.#clients.execute(batch);
    this.#recent = new Map();
  }

  #snapshot(): Snapshot {
    const writer = new Writer();
    writeIndexes(writer, this.#covered);
    writer.u16(this.#state.turn);
    this.#clients.write(writer);
    return Snapshot.of(writer.finish(), this.#machine.snapshot());
  }

  #install({ certificate, snapshot }: StableCheckpoint): void {
    const { position } = certificate.statement;
    readAll(snapshot.own, (reader) => {
      this.#covered = [...readIndexes(reader)];
      this.#state.turn = reader.u16();
      this.#clients.read(reader);
    });
    // All of it that the state has not is above the cut, and comes again.
    this.#told = this.#recent;
    this.#recent = new Map();
    this.#take(position);
    this.#putBackCovered();
    this.#machine.install(snapshot.machine);
    for (const [space, index] of this.#covered.entries()) this.#state.executed[space] = index;
    this.#state.position = position;
  }

  #onInstalled(): void {
    this.#state.pending.retain((request) => !this.isExecuted(request));
    this.execute();
    this.#events.progressed();
  }

  #onStable(position: number): void {
    const cut = this.#cuts.get(position);
    invariant(cut !== undefined, 'a stable checkpoint is one of this replica');
    this.#state.cutAt(cut);
    for (const taken of [...this.#cuts.keys()]) if (taken <= position) this.#cuts.delete(taken);
    this.#events.cut();
  }
}

function depsOf(entry: InstanceEntry | undefined): readonly number[] | undefined {
  const decision = entry?.decision;
  if (!entry || !decision) return undefined;
  const { space, index } = entry.instance;
  // A no-op waits only for what is before it in its space.
  return (
    decision.value?.deps ??
    Array.from({ length: space + 1 }, (_, of) => (of === space ? index - 1 : 0))
  );
}
