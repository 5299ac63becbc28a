import type { ReplicaId } from '../../../vocabulary/ids.js';
import type {
  CheckpointCertificate,
  OrderingRequest,
  SequenceNumber,
} from '../../../vocabulary/ordering.js';
import type { StoredRecord } from '../../effects.js';
import { Checkpoints } from '../checkpoints.js';
import { ClientTable } from '../client-table.js';
import { decodeSnapshot, encodeSnapshot, type StableCheckpoint } from '../snapshot.js';
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
      behind: (certificate) => this.#onBehind(certificate),
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

  /** A state that a quorum vouches for. Older than ours it changes nothing. */
  onState(checkpoint: StableCheckpoint): void {
    const { position } = checkpoint.certificate.statement;
    if (position <= this.#state.executed) return this.checkpoints.learn(checkpoint.certificate);
    this.#install(checkpoint);
    this.checkpoints.installed(checkpoint);
    this.#state.pending.retain((request) => !this.isExecuted(request));
    this.#state.outbox.output({ kind: 'installed', position });
    this.#state.outbox.log('info', 'state-installed', { position });
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
    if (this.checkpoints.isDue(sequence)) this.checkpoints.take(sequence, this.#snapshot());
    return true;
  }

  #snapshot(): Uint8Array {
    return encodeSnapshot((writer) => this.#clients.write(writer), this.#host.snapshot());
  }

  #install({ certificate, snapshot }: StableCheckpoint): void {
    this.#host.install(decodeSnapshot(snapshot, (reader) => this.#clients.read(reader)));
    this.#state.executed = certificate.statement.position;
  }

  #onBehind({ signatures }: CheckpointCertificate): void {
    this.#events.behind(signatures.map(({ replica }) => replica));
  }
}
