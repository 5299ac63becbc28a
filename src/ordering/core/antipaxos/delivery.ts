import { readAll, Writer } from '../../../kernel/codec/bytes.js';
import { invariant, type StoredRecord } from '../../../kernel/core.js';
import type { ReplicaId } from '../../../kernel/ids.js';
import type { Signed } from '../../../kernel/signed.js';
import { decodeReports, encodeReports } from '../../report-codec.js';
import type { Batch, Cycle, OrderingRequest, ReportStatement } from '../../types.js';
import { Checkpoints } from '../checkpoints.js';
import { ClientTable, Snapshot, type StableCheckpoint } from '../client-table.js';
import type { StateMachine } from '../engine.js';
import { type CycleDecision, type CycleState, readVector, writeVector } from './cycle.js';
import { digestsOf, type Vector } from './reports.js';
import type { AntipaxosState } from './state.js';

const nothing: readonly OrderingRequest[] = [];

export interface DeliveryEvents {
  /** Cycles were delivered, or the state jumped. */
  progressed(): void;
  behind(holders: readonly ReplicaId[]): void;
  /** A cycle is over. */
  settled(state: CycleState): void;
  /** The Decision Module's decision of a cycle, where there is one. */
  slowDecision(cycle: Cycle): Vector | undefined;
}

/** Decided cycles in their order, each request once; checkpoints and state transfer. */
export class Delivery {
  readonly checkpoints: Checkpoints;
  readonly #state: AntipaxosState;
  readonly #machine: StateMachine;
  readonly #events: DeliveryEvents;
  readonly #clients = new ClientTable();

  constructor(state: AntipaxosState, machine: StateMachine, events: DeliveryEvents) {
    this.#state = state;
    this.#machine = machine;
    this.#events = events;
    this.checkpoints = new Checkpoints(state.outbox, {
      stable: (position) => state.cut(position),
      behind: (holders) => events.behind(holders),
      install: (checkpoint) => this.#install(checkpoint),
      installed: () => this.#onInstalled(),
      differences: (own, theirs) => machine.differences(own.machine, theirs.machine),
    });
  }

  isExecuted(request: OrderingRequest): boolean {
    return this.#clients.has(request);
  }

  /** From disk: the stable checkpoint. */
  restoreCheckpoint(records: readonly StoredRecord[]): void {
    const stable = this.checkpoints.restore(records);
    if (stable) this.#install(stable);
    this.#state.low = this.checkpoints.low;
  }

  /** From disk: what was delivered above the checkpoint, whose values are back already. */
  restoreDecisions(records: readonly StoredRecord[]): void {
    for (const [place, bytes] of this.#state.outbox.stored(records, 'decided/')) {
      const state = this.#state.cycles.get(Number(place));
      if (!state) continue;
      state.decision = this.#decodeDecision(bytes);
      state.stored.add(`decided/${place}`);
    }
    this.#state.outbox.replaying = true;
    while (this.#deliverNext());
    this.#state.outbox.replaying = false;
  }

  /** A cycle was decided, here or by a proof. Nothing decides it otherwise. */
  decide(state: CycleState, decision: CycleDecision): void {
    state.decision ??= decision;
    invariant(isSame(state.decision.vector, decision.vector), 'one decision a cycle');
    this.#seek(state, state.decision);
    this.deliver();
  }

  deliver(): void {
    const before = this.#state.delivered;
    while (this.#deliverNext());
    if (this.#state.delivered > before) this.#events.progressed();
  }

  #onInstalled(): void {
    this.#state.pending.retain((request) => !this.isExecuted(request));
    while (this.#deliverNext());
    this.#events.progressed();
  }

  #deliverNext(): boolean {
    const cycle = (this.#state.delivered + 1) as Cycle;
    const vector = this.#events.slowDecision(cycle);
    const state = vector ? this.#state.cycle(cycle) : this.#state.cycles.get(cycle);
    if (vector && state) state.decision ??= { path: 'slow', vector };
    if (!state?.decision) return false;
    invariant(!vector || isSame(state.decision.vector, vector), 'one decision a cycle');
    if (!state.holds(state.decision.vector)) {
      this.#seek(state, state.decision);
      return false;
    }
    this.#deliver(state, state.decision);
    return true;
  }

  #seek(state: CycleState, decision: CycleDecision): void {
    const reports = decision.path === 'fast' ? decision.reports : [];
    this.#state.seek(
      state,
      decision.vector,
      reports.map(({ statement }) => statement),
    );
  }

  #deliver(state: CycleState, decision: CycleDecision): void {
    const { outbox, membership, pending } = this.#state;
    const { cycle } = state;
    invariant(cycle === this.#state.delivered + 1, 'cycles are delivered one after the other');
    const missing = decision.vector.filter((digest) => digest === null).length;
    invariant(missing <= outbox.options.resilience.f, 'at most f values are missing');
    if (!outbox.replaying) {
      this.#state.storeValues(state, decision.vector);
      this.#state.persist(state, `decided/${cycle}`, () => this.#encodeDecision(decision));
    }
    const values = decision.vector.map((digest) =>
      digest === null ? undefined : state.values.get(digest)?.value,
    );
    const batch: Batch = nothing.concat(...values.map((value) => value?.batch ?? nothing));
    const fresh = this.#clients.execute(batch);
    membership.decided(cycle, values);
    this.#state.delivered = cycle;
    this.#state.remember(cycle, decision.vector);
    this.#events.settled(state);
    pending.remove(batch, (request) => this.isExecuted(request));
    state.pack();
    if (fresh.length > 0) this.#machine.apply(cycle, fresh);
    if (fresh.length > 0 && !outbox.replaying) {
      outbox.output({ kind: 'delivered', position: cycle, batch: fresh });
    }
    this.checkpoints.reached(cycle, () => this.#snapshot(cycle));
  }

  #snapshot(cycle: Cycle): Snapshot {
    const writer = new Writer();
    writer.u64(cycle);
    this.#state.membership.write(writer, cycle);
    this.#clients.write(writer);
    return Snapshot.of(writer.finish(), this.#machine.snapshot());
  }

  #install({ certificate, snapshot }: StableCheckpoint): void {
    readAll(snapshot.own, (reader) => {
      this.#state.membership.read(reader, reader.u64());
      this.#clients.read(reader);
    });
    this.#machine.install(snapshot.machine);
    this.#state.delivered = certificate.statement.position;
  }

  #encodeDecision(decision: CycleDecision): Uint8Array {
    const writer = new Writer();
    writer.flag(decision.path === 'fast');
    if (decision.path === 'fast') writer.bytes(encodeReports(decision.reports));
    else writeVector(writer, decision.vector);
    return writer.finish();
  }

  #decodeDecision(bytes: Uint8Array): CycleDecision {
    const { cluster, resilience } = this.#state.options;
    return readAll(bytes, (reader) => {
      if (!reader.flag()) return { path: 'slow', vector: readVector(reader, resilience.n) };
      const reports = decodeReports(cluster, reader.bytes());
      return { path: 'fast', vector: vectorOf(reports), reports };
    });
  }
}

function isSame(a: Vector, b: Vector): boolean {
  return a.length === b.length && a.every((digest, index) => digest === b[index]);
}

function vectorOf([first]: readonly Signed<ReportStatement>[]): Vector {
  return first ? digestsOf(first.statement) : [];
}
