import type { ReplicaId } from '../../../vocabulary/ids.js';
import type { OrderingRequest, SequenceNumber } from '../../../vocabulary/ordering.js';
import { readAll } from '../../../wire/reader.js';
import { Writer } from '../../../wire/writer.js';
import type { StoredRecord } from '../../effects.js';
import { Checkpoints } from '../checkpoints.js';
import { ClientTable } from '../client-table.js';
import { Snapshot, type StableCheckpoint } from '../snapshot.js';
import type { PbftHost } from './host.js';
import type { PbftState } from './state.js';

export interface ExecutionEvents {
  /** Something was executed, or the state jumped. */
  progressed(): void;
  /** These replicas have a state that this one has not. */
  behind(holders: readonly ReplicaId[]): void;
}

/** Execution in order, each request once; checkpoints; state transfer (Castro and Liskov §4.3). */
export class Executor {
  readonly checkpoints: Checkpoints;
  readonly #state: PbftState;
  readonly #host: PbftHost;
  readonly #events: ExecutionEvents;
  readonly #clients = new ClientTable();
  #isExecuting = false;

  constructor(state: PbftState, host: PbftHost, events: ExecutionEvents) {
    this.#state = state;
    this.#host = host;
    this.#events = events;
    this.checkpoints = new Checkpoints(state.outbox, {
      stable: (position) => state.cut(position),
      behind: (holders) => events.behind(holders),
      install: (checkpoint) => this.#install(checkpoint),
      installed: () => this.#onInstalled(),
      differences: (own, theirs) => host.differences(own.machine, theirs.machine),
    });
  }

  isExecuted(request: OrderingRequest): boolean {
    return this.#clients.has(request);
  }

  /** From disk: the stable checkpoint, and what is committed above it. */
  restore(records: readonly StoredRecord[]): void {
    const stable = this.checkpoints.restore(records);
    if (stable) this.#install(stable);
    this.#state.restore(records, this.checkpoints.low);
    this.#state.outbox.replaying = true;
    this.execute();
    this.#state.outbox.replaying = false;
  }

  /** Whatever is committed and follows on what was executed. */
  execute(): void {
    // What is applied may lead back here, in the middle of a batch: the loop below comes to the next.
    if (this.#isExecuting) return;
    this.#isExecuting = true;
    const before = this.#state.executed;
    while (this.#executeNext());
    this.#isExecuting = false;
    if (this.#state.executed > before) this.#events.progressed();
  }

  #onInstalled(): void {
    this.#state.pending.retain((request) => !this.isExecuted(request));
    this.execute();
    this.#events.progressed();
  }

  #executeNext(): boolean {
    const sequence = (this.#state.executed + 1) as SequenceNumber;
    const digest = this.#state.log.get(sequence)?.committed?.statement.digest;
    const batch = digest === undefined ? undefined : this.#state.batch(digest);
    if (!batch) return false;
    this.#state.executed = sequence;
    const fresh = this.#clients.execute(batch);
    this.#state.pending.remove(batch);
    if (fresh.length > 0) this.#host.apply(sequence, fresh);
    this.checkpoints.reached(sequence, () => this.#snapshot());
    return true;
  }

  #snapshot(): Snapshot {
    const writer = new Writer();
    this.#clients.write(writer);
    return Snapshot.of(writer.finish(), this.#host.snapshot());
  }

  #install({ certificate, snapshot }: StableCheckpoint): void {
    readAll(snapshot.own, (reader) => this.#clients.read(reader));
    this.#host.install(snapshot.machine);
    this.#state.executed = certificate.statement.position;
  }
}
