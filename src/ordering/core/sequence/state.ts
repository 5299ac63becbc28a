import { readAll, Writer } from '../../../kernel/codec/bytes.js';
import { invariant, type StoredRecord } from '../../../kernel/core.js';
import {
  type Digest,
  oneCorrect,
  primaryOf,
  quorum,
  type ReplicaId,
  type View,
} from '../../../kernel/ids.js';
import { decodeBatch, encodeBatch, nullBatch, nullDigest, packedBatch } from '../../batch-codec.js';
import { orderingLimits } from '../../fields.js';
import {
  decodeOrderingSigned,
  encodeOrderingSigned,
  readPrepared,
  readShared,
  writePrepared,
  writeShared,
} from '../../statement-codec.js';
import {
  type Batch,
  type SequenceNumber,
  type SequencePhase,
  type SequencePrepared,
  type SharedCertificate,
  sequenceNumber,
} from '../../types.js';
import type { OrderingOptions } from '../engine.js';
import type { Outbox } from '../outbox.js';
import { Pending } from '../pending.js';
import { decisionOf, freshEntry, type LogEntry, type Proposed } from './log-entry.js';

export type Judgement = 'accept' | 'later' | 'refuse';

/** What the log is for: an application, or the Decision Module. */
export interface SequenceHost {
  /**
   * Whether a backup may prepare the batch. Asked again on `recheck` where it said `later`. `acknowledged`: a new view
   * may require it, as a replica has acknowledged it before, a liar perhaps.
   */
  judge(batch: Batch, what?: 'acknowledged'): Judgement;
  /** How long a request may wait for its proposal, where the host measures delays itself. */
  usualWaitMs?(): number;
  /** Requests that are new, in their order. The batch of a null request is empty and not applied. */
  apply(sequence: number, batch: Batch): void;
  snapshot(): readonly Uint8Array[];
  differences(own: Uint8Array, theirs: Uint8Array): readonly string[];
  install(snapshot: Uint8Array): void;
}

/** What a primary may have under way at a backup: in full batches, so many pipelines. */
const PIPELINES_MAX = 4;

interface KnownBatch {
  held: { readonly batch: Batch };
  /** The last place that it was proposed for; forgotten with that. */
  last: number;
}

/** What the parts of a replica share: the view, the log, and the log's form on disk. */
export class SequenceState {
  readonly outbox: Outbox;
  readonly options: OrderingOptions;
  readonly quorum: number;
  /** So many acknowledgements decide without commits; `undefined` where none do. */
  readonly fastQuorum: number | undefined;
  readonly pending = new Pending();
  readonly log = new Map<number, LogEntry>();
  readonly #batches = new Map<Digest, KnownBatch>();
  view = 0 as View;
  /** The view that this replica asks for; the current one while it asks for none. */
  target = 0 as View;
  /** The last view that a new-view message has shown, whether this replica may enter it or not. */
  shown = 0 as View;
  /** The last sequence number executed. */
  executed = 0;
  /**
   * Views up to here are closed to this replica: it has lost its store and may have voted in them, or asked for
   * them, before. -1 where none is.
   */
  closedThrough = -1;
  /** Whether the start of the current view is proved, so that a vote in it counts. */
  isJustified = true;

  constructor(outbox: Outbox, fastQuorum?: number) {
    this.outbox = outbox;
    this.fastQuorum = fastQuorum;
    this.options = outbox.options;
    this.quorum = quorum(outbox.options.resilience);
  }

  get self(): ReplicaId {
    return this.options.self;
  }

  get primary(): ReplicaId {
    return primaryOf(this.options.resilience, this.view);
  }

  /** Whether this replica takes part in the view; not once it has asked for another. */
  get isActive(): boolean {
    return this.target === this.view && this.view > this.closedThrough;
  }

  /** Whether this replica may propose and acknowledge. */
  get mayVote(): boolean {
    return this.isActive && this.isJustified;
  }

  get isPrimary(): boolean {
    return this.primary === this.self;
  }

  entry(sequence: SequenceNumber): LogEntry {
    const known = this.log.get(sequence);
    if (known) return known;
    const entry = freshEntry(sequence, this.outbox.nowMs);
    this.log.set(sequence, entry);
    return entry;
  }

  /**
   * Whether this place is waited for: it was voted for in this view, or a correct replica has committed
   * in it. What an earlier view left behind and the new one does not require is nobody's concern, also where this
   * replica may not enter the new one; nor is what one that asks for the next view has accepted, and not prepared.
   */
  isOpen(entry: LogEntry): boolean {
    const { sequence, accepted, prepared, commits } = entry;
    if (sequence <= this.executed) return false;
    const voted = this.isActive ? accepted : prepared;
    if (decisionOf(entry) || (voted && voted.prePrepare.statement.view >= this.shown)) return true;
    const recent = [...commits.values()].filter(({ statement }) => statement.view >= this.view);
    return recent.length >= oneCorrect(this.options.resilience);
  }

  batch(digest: Digest): Batch | undefined {
    return digest === nullDigest ? nullBatch : this.#batches.get(digest)?.held.batch;
  }

  /**
   * Whether this view's primary may have this batch under way here. A correct one has one pipeline beyond what it
   * has executed; the others are for a backup that is behind it.
   */
  hasRoomFor(place: SequenceNumber, batch: Batch): boolean {
    let bytes = encodeBatch(batch).length;
    for (const { sequence, accepted, held } of this.log.values()) {
      if (sequence <= this.executed || sequence === place) continue;
      const isOfView = accepted?.prePrepare.statement.view === this.view;
      const proposed = isOfView ? accepted : held;
      if (proposed) bytes += encodeBatch(proposed.batch).length;
    }
    return bytes <= PIPELINES_MAX * this.options.pipelineDepth * orderingLimits.batchBytes;
  }

  /** Keeps a batch for a place in the log. */
  learnBatch(digest: Digest, batch: Batch, sequence: number): void {
    if (digest === nullDigest) return;
    const known = this.#batches.get(digest);
    if (known) {
      known.last = Math.max(known.last, sequence);
      return;
    }
    this.#batches.set(digest, { held: { batch }, last: sequence });
    this.outbox.persist(`batch/${digest}`, encodeBatch(batch));
  }

  /** A batch is executed: it is kept for those that ask for it. */
  pack(entry: LogEntry, digest: Digest): void {
    const known = this.#batches.get(digest);
    if (!known) return;
    const packed = packedBatch(known.held.batch);
    known.held = packed;
    if (entry.accepted?.prePrepare.statement.digest !== digest) return;
    const { prePrepare } = entry.accepted;
    entry.accepted = {
      prePrepare,
      get batch() {
        return packed.batch;
      },
    };
  }

  /** On disk before the vote leaves, so that a restart cannot contradict it. */
  recordAccepted(entry: LogEntry, proposed: Proposed): void {
    const { prePrepare, batch } = proposed;
    const before = entry.accepted?.prePrepare.statement.view ?? -1;
    invariant(
      before < prePrepare.statement.view,
      'a replica votes once in a view, and in rising views',
    );
    invariant(this.isJustified, 'a replica votes where the start of the view is proved');
    this.learnBatch(prePrepare.statement.digest, batch, entry.sequence);
    entry.accepted = proposed;
    entry.held = undefined;
    entry.sinceMs = this.outbox.nowMs;
    this.outbox.persistSigned(`accepted/${entry.sequence}`, () => encodeOrderingSigned(prePrepare));
  }

  recordPrepared(entry: LogEntry, prepared: SequencePrepared): void {
    const before = entry.prepared?.prePrepare.statement.view ?? -1;
    const { view, digest } = prepared.prePrepare.statement;
    invariant(before < view, 'what is prepared gives way to a higher view only');
    const accepted = entry.accepted?.prePrepare.statement;
    invariant(
      accepted?.view === view && accepted.digest === digest,
      'a replica commits only what it voted for last',
    );
    entry.prepared = prepared;
    this.outbox.persistSigned(`prepared/${entry.sequence}`, () => encodePrepared(prepared));
  }

  recordCommitted(entry: LogEntry, commits: SharedCertificate<SequencePhase>): void {
    invariant(!decisionOf(entry), 'one decision a place');
    entry.committed = commits;
    this.outbox.persistSigned(`committed/${entry.sequence}`, () => {
      const writer = new Writer();
      writeShared(writer, commits);
      return writer.finish();
    });
  }

  recordFast(entry: LogEntry, acks: SequencePrepared): void {
    invariant(!decisionOf(entry), 'one decision a place');
    entry.fast = acks;
    this.outbox.persistSigned(`fast/${entry.sequence}`, () => encodePrepared(acks));
  }

  /** Forgets what a stable checkpoint covers. */
  cut(position: number): void {
    for (const [sequence, entry] of this.log) {
      if (sequence > position) continue;
      if (entry.accepted) this.outbox.persist(`accepted/${sequence}`, null);
      if (entry.prepared) this.outbox.persist(`prepared/${sequence}`, null);
      if (entry.committed) this.outbox.persist(`committed/${sequence}`, null);
      if (entry.fast) this.outbox.persist(`fast/${sequence}`, null);
      this.log.delete(sequence);
    }
    for (const [digest, { last }] of this.#batches) {
      if (last > position) continue;
      this.#batches.delete(digest);
      this.outbox.persist(`batch/${digest}`, null);
    }
  }

  /** Takes the log back from disk. */
  restore(records: readonly StoredRecord[], low: number): void {
    const { cluster } = this.options;
    for (const [digest, bytes] of this.outbox.stored(records, 'batch/')) {
      this.#batches.set(digest as Digest, { held: { batch: decodeBatch(bytes) }, last: low });
    }
    for (const [place, bytes] of this.outbox.stored(records, 'accepted/')) {
      const prePrepare = decodeOrderingSigned(cluster, bytes, 'phase');
      const batch = this.batch(prePrepare.statement.digest);
      const entry = this.#restored(place, low);
      if (entry && batch) entry.accepted = { prePrepare, batch };
      this.#use(prePrepare.statement);
    }
    for (const [place, bytes] of this.outbox.stored(records, 'prepared/')) {
      const prepared = readAll(bytes, (reader) => readPrepared(reader, cluster));
      const entry = this.#restored(place, low);
      if (entry) entry.prepared = prepared;
      this.#use(prepared.prePrepare.statement);
    }
    for (const [place, bytes] of this.outbox.stored(records, 'committed/')) {
      const committed = readAll(bytes, (reader) => readShared(reader, cluster, 'phase'));
      const entry = this.#restored(place, low);
      if (entry) entry.committed = committed;
      this.#use(committed.statement);
    }
    for (const [place, bytes] of this.outbox.stored(records, 'fast/')) {
      const fast = readAll(bytes, (reader) => readPrepared(reader, cluster));
      const entry = this.#restored(place, low);
      if (entry) entry.fast = fast;
      this.#use(fast.prePrepare.statement);
    }
  }

  #restored(place: string, low: number): LogEntry | undefined {
    const sequence = sequenceNumber(Number(place));
    return sequence > low ? this.entry(sequence) : undefined;
  }

  #use({ digest, sequence }: SequencePhase): void {
    const known = this.#batches.get(digest);
    if (known) known.last = Math.max(known.last, sequence);
  }
}

function encodePrepared(prepared: SequencePrepared): Uint8Array {
  const writer = new Writer();
  writePrepared(writer, prepared);
  return writer.finish();
}
