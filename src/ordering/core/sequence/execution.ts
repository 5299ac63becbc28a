import { readAll, Writer } from '../../../kernel/codec/bytes.js';
import type { StoredRecord } from '../../../kernel/core.js';
import type { ReplicaId } from '../../../kernel/ids.js';
import type { OrderingRequest, SequenceNumber } from '../../types.js';
import { Checkpoints } from '../checkpoints.js';
import { ClientTable, Snapshot, type StableCheckpoint } from '../client-table.js';
import { nudgesMax, type Progress, type Reminding } from '../outbox.js';
import { inBatches } from '../pending.js';
import { decisionOf } from './log-entry.js';
import type { SequenceHost, SequenceState } from './state.js';
import type { ViewChanger } from './view-change.js';
import type { Voter } from './voting.js';

/** What it has view changes say again. */
type Views = Pick<ViewChanger, 'showView' | 'sayAgain'>;

/** Proofs, and requests, that go out at once; the other side asks for more. */
const CHUNK = 16;

/** What is said again, and what is shown to those that are behind. */
export class CatchingUp implements Reminding {
  readonly #state: SequenceState;
  readonly #voter: Voter;
  readonly #views: Views;
  readonly #checkpoints: Checkpoints;

  constructor(state: SequenceState, voter: Voter, views: Views, checkpoints: Checkpoints) {
    this.#state = state;
    this.#voter = voter;
    this.#views = views;
    this.#checkpoints = checkpoints;
  }

  get progress(): Progress {
    const { view, executed: position } = this.#state;
    return { view, position, stable: this.#checkpoints.low };
  }

  show(to: ReplicaId, { view, position, stable }: Progress): boolean {
    const { low } = this.#checkpoints;
    if (view < this.#state.view) this.#views.showView(to);
    if (stable < low && position >= low) this.#checkpoints.show(to, 'stable');
    if (position < low) this.#checkpoints.show(to, 'state');
    else this.#showProofs(to, position);
    return position < this.#state.executed;
  }

  isBehind({ view, position, stable }: Progress): boolean {
    const own = this.progress;
    return position > own.position || stable > own.stable || view > own.view;
  }

  sayAgain(tries: number): boolean {
    const { log, mayVote, pending, outbox } = this.#state;
    const open = [...log.values()].filter((entry) => this.#state.isOpen(entry));
    for (const entry of open.slice(0, CHUNK)) this.#voter.sayAgain(entry);
    for (const entry of open.slice(0, CHUNK)) {
      const digest = decisionOf(entry)?.digest;
      if (digest && !this.#state.batch(digest)) outbox.broadcast({ kind: 'fetch-batch', digest });
    }
    if (!mayVote) this.#views.sayAgain();
    this.#checkpoints.sayAgain();
    this.#spreadRequests();
    const { isUnstable } = this.#checkpoints;
    // One that asks for a view alone, with nothing to gain, waits until another one asks.
    const isAsking = !mayVote && tries < nudgesMax;
    return open.length > 0 || isAsking || pending.size > 0 || isUnstable;
  }

  /**
   * Its own to everybody, so that everybody watches the primary; it alone may be deaf to this client. Those
   * of others to the primary, as backups relay them (Castro and Liskov §4.2): its sender may have
   * sent it here alone. A replica that has left its view does not know which that is.
   */
  #spreadRequests(): void {
    const { pending, self, options, outbox, primary, isActive } = this.#state;
    const olderThan = outbox.nowMs - options.resendAfterMs / 2;
    const old = (isOwn: boolean) =>
      inBatches(
        pending.first(
          CHUNK,
          ({ source, sinceMs }) => (source === self) === isOwn && sinceMs <= olderThan,
        ),
        options,
      );
    for (const batch of old(true)) outbox.broadcast({ kind: 'requests', batch });
    for (const batch of old(false)) {
      if (isActive) outbox.send(primary, { kind: 'requests', batch });
      else outbox.broadcast({ kind: 'requests', batch });
    }
  }

  /** Proofs of what the other lacks. */
  #showProofs(to: ReplicaId, position: number): void {
    const last = Math.min(position + CHUNK, this.#state.executed);
    for (let place = position + 1; place <= last; place += 1) {
      const { committed: commits, fast: acks } = this.#state.log.get(place) ?? {};
      const { digest } = commits?.statement ?? acks?.prePrepare.statement ?? {};
      const batch = digest && this.#state.batch(digest);
      if (batch && commits) this.#state.outbox.send(to, { kind: 'committed', commits, batch });
      else if (batch && acks) this.#state.outbox.send(to, { kind: 'fast-committed', acks, batch });
    }
  }
}

export interface ExecutionEvents {
  /** A batch of so many requests was executed. */
  executed(requests: number): void;
  /** Something was executed, or the state jumped. */
  progressed(): void;
  /** These replicas have a state that this one has not. */
  behind(holders: readonly ReplicaId[]): void;
}

/** Execution in order, each request once; checkpoints; state transfer (Castro and Liskov §4.3). */
export class Executor {
  readonly checkpoints: Checkpoints;
  readonly #state: SequenceState;
  readonly #host: SequenceHost;
  readonly #events: ExecutionEvents;
  readonly #clients = new ClientTable();
  #isExecuting = false;

  constructor(state: SequenceState, host: SequenceHost, events: ExecutionEvents) {
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
    const entry = this.#state.log.get(sequence);
    const digest = entry && decisionOf(entry)?.digest;
    const batch = digest === undefined ? undefined : this.#state.batch(digest);
    if (!entry || !digest || !batch) return false;
    this.#state.executed = sequence;
    const fresh = this.#clients.execute(batch);
    this.#state.pending.remove(batch, (request) => this.isExecuted(request));
    this.#state.pack(entry, digest);
    this.#events.executed(batch.length);
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
