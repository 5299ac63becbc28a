import { invariant } from '../../../kernel/core.js';
import {
  type Digest,
  oneCorrect,
  primaryOf,
  type ReplicaId,
  type View,
} from '../../../kernel/ids.js';
import { type Signed, signatureOf } from '../../../kernel/signed.js';
import type {
  Batch,
  OrderingRequest,
  SequenceNumber,
  SequencePhase,
  SequencePrepared,
  SharedCertificate,
} from '../../types.js';
import type { Checkpoints } from '../checkpoints.js';
import { decisionOf, type LogEntry, type Proposed } from './log-entry.js';
import type { Judgement, SequenceHost, SequenceState } from './state.js';

const ASK = 'ask';
/** Of the time of a retransmission: what a quorum commits comes sooner, unless a liar keeps it from here. */
const ASK_PART = 1 / 16;

export interface VotingEvents {
  /** A sequence number was committed. */
  committed(): void;
  /**
   * What the new-view message of this view, recomputed, says of a place: its batch; `null` for nothing,
   * as a checkpoint covers it; `undefined` where the primary is free.
   */
  required(sequence: SequenceNumber): Digest | null | undefined;
  /** Whether a correct replica is known to have judged what is required at a place. */
  isVouched(sequence: SequenceNumber): boolean;
  isExecuted(request: OrderingRequest): boolean;
  /** There is something to wait for. */
  staked(): void;
  /** These replicas have committed what this one has no proof of. */
  lacking(holders: Iterable<ReplicaId>): void;
  /** The primary's proposal was accepted, or this replica is the primary. */
  accepted(batch: Batch): void;
}

/** The three phases (Castro and Liskov §4.2), of which an engine of two steps needs two where few are silent. */
export class Voter {
  readonly #state: SequenceState;
  readonly #host: SequenceHost;
  readonly #checkpoints: Checkpoints;
  readonly #events: VotingEvents;

  constructor(
    state: SequenceState,
    host: SequenceHost,
    checkpoints: Checkpoints,
    events: VotingEvents,
  ) {
    this.#state = state;
    this.#host = host;
    this.#checkpoints = checkpoints;
    this.#events = events;
  }

  isInWindow(sequence: number): boolean {
    return sequence > this.#checkpoints.low && sequence <= this.#checkpoints.high;
  }

  /** The primary's own proposal is its vote. */
  propose(sequence: SequenceNumber, digest: Digest, batch: Batch): void {
    const { outbox, view } = this.#state;
    const { scope } = outbox;
    this.#assertOpen();
    const statement: SequencePhase = {
      kind: 'phase',
      scope,
      phase: 'pre-prepare',
      view,
      sequence,
      digest,
    };
    const prePrepare = outbox.sign(statement);
    const entry = this.#state.entry(sequence);
    this.#state.recordAccepted(entry, { prePrepare, batch });
    outbox.broadcast({ kind: 'pre-prepare', prePrepare, batch });
    this.#events.accepted(batch);
    this.#events.staked();
    this.#checkPrepared(entry);
  }

  onPrePrepare(proposed: Proposed): void {
    const { sequence, view, digest } = proposed.prePrepare.statement;
    const state = this.#state;
    if (view !== state.view || !state.isActive || state.isPrimary) return;
    if (!this.isInWindow(sequence)) return;
    const entry = state.entry(sequence);
    this.#learnCommittedBatch(entry, digest, proposed.batch);
    if (entry.accepted?.prePrepare.statement.view === view) return this.#again(entry, digest);
    if (!this.#hasRoomFor(sequence, proposed)) return;
    const judgement = this.#judge(sequence, proposed);
    entry.held = judgement === 'later' ? proposed : undefined;
    if (judgement === 'refuse') state.outbox.log('warn', 'proposal-refused', { sequence, view });
    if (judgement !== 'accept') return;
    state.recordAccepted(entry, proposed);
    this.#events.accepted(proposed.batch);
    this.#events.staked();
    this.sayAgain(entry);
    this.#checkPrepared(entry);
  }

  onPhase(from: ReplicaId, signed: Signed<SequencePhase>): void {
    const { sequence, phase, view } = signed.statement;
    if (!this.isInWindow(sequence)) return;
    const entry = this.#state.entry(sequence);
    const votes = phase === 'commit' ? entry.commits : entry.prepares;
    const known = votes.get(from)?.statement.view;
    if (known !== undefined && known > view) return;
    votes.set(from, signed);
    if (phase === 'prepare') return this.#onPrepare(entry);
    this.#events.staked();
    this.#checkCommitted(entry, signed);
    this.#askInTime(entry);
  }

  #onPrepare(entry: LogEntry): void {
    this.#checkPrepared(entry);
    const { fastQuorum } = this.#state;
    if (fastQuorum !== undefined && entry.prepares.size >= fastQuorum - 1) this.#askInTime(entry);
  }

  /** Returns false where the timer is not this. */
  onTimer(name: string): boolean {
    if (name !== ASK) return false;
    const holders = new Set<ReplicaId>();
    for (const entry of this.#state.log.values()) {
      if (!this.#isLacking(entry)) continue;
      entry.hasAsked = true;
      for (const replica of entry.commits.keys()) holders.add(replica);
      if (this.#state.fastQuorum === undefined) continue;
      for (const replica of entry.prepares.keys()) holders.add(replica);
    }
    this.#events.lacking(holders);
    return true;
  }

  /** A quorum's commits, from anybody. */
  onCommitted(commits: SharedCertificate<SequencePhase>, batch: Batch): void {
    const { sequence, digest } = commits.statement;
    if (!this.isInWindow(sequence)) return;
    const entry = this.#state.entry(sequence);
    this.#state.learnBatch(digest, batch, sequence);
    if (!decisionOf(entry)) this.#state.recordCommitted(entry, commits);
    this.#events.committed();
  }

  /** As many acknowledgements as decide alone, from anybody. */
  onFastCommitted(acks: SequencePrepared, batch: Batch): void {
    const { sequence, digest } = acks.prePrepare.statement;
    if (this.#state.fastQuorum === undefined || !this.isInWindow(sequence)) return;
    const entry = this.#state.entry(sequence);
    this.#state.learnBatch(digest, batch, sequence);
    if (!decisionOf(entry)) this.#state.recordFast(entry, acks);
    this.#events.committed();
  }

  /** A batch that was asked for. */
  onBatch(digest: Digest, batch: Batch): void {
    for (const entry of this.#state.log.values()) {
      this.#learnCommittedBatch(entry, digest, batch);
    }
  }

  /** The host knows more: what it put off it may now accept. */
  recheck(): void {
    for (const { held } of [...this.#state.log.values()]) if (held) this.onPrePrepare(held);
  }

  /** This replica's own votes in the current view, signed anew; signatures are deterministic. */
  sayAgain(entry: LogEntry): void {
    const { outbox, view, isActive, isPrimary } = this.#state;
    const accepted = entry.accepted;
    if (!isActive || accepted?.prePrepare.statement.view !== view) return;
    if (isPrimary) outbox.broadcast({ kind: 'pre-prepare', ...accepted });
    else this.#vote('prepare', accepted.prePrepare.statement);
    const prepared = entry.prepared?.prePrepare.statement;
    if (prepared?.view === view) this.#vote('commit', prepared);
  }

  /**
   * What a new view requires was prepared before. What else would be too much comes again, once this replica has
   * executed some of it.
   */
  #hasRoomFor(sequence: SequenceNumber, { batch }: Proposed): boolean {
    if (this.#events.required(sequence) !== undefined) return true;
    return this.#state.hasRoomFor(sequence, batch);
  }

  /** Above what the new view requires, a batch is judged. Below, it is that or nothing. */
  #judge(sequence: SequenceNumber, { prePrepare, batch }: Proposed): Judgement {
    if (!this.#state.isJustified) return 'later';
    const required = this.#events.required(sequence);
    if (required === undefined) return batch.length === 0 ? 'refuse' : this.#host.judge(batch);
    if (required !== prePrepare.statement.digest) return 'refuse';
    return this.#events.isVouched(sequence) ? 'accept' : this.judgeRequired(batch);
  }

  /** What was executed since an acknowledgement changes nothing any more, and the host may not judge it as it did. */
  judgeRequired(batch: Batch): Judgement {
    const open = batch.filter((request) => !this.#events.isExecuted(request));
    return open.length === 0 ? 'accept' : this.#host.judge(open, 'acknowledged');
  }

  /** Seen before: vote again, it may have been lost. Never for another batch in the same view. */
  #again(entry: LogEntry, digest: Digest): void {
    const { view, primary, outbox } = this.#state;
    if (entry.accepted?.prePrepare.statement.digest === digest) return this.sayAgain(entry);
    outbox.log('warn', 'equivocation', { sequence: entry.sequence, view, primary });
  }

  #vote(phase: 'prepare' | 'commit', statement: SequencePhase): void {
    this.#assertOpen();
    const signed = this.#state.outbox.sign<SequencePhase>({ ...statement, phase });
    this.#state.outbox.broadcast({ kind: 'phase', signed });
    this.onPhase(this.#state.self, signed);
  }

  /** Prepared: the primary's pre-prepare and `quorum - 1` prepares of backups. */
  #checkPrepared(entry: LogEntry): void {
    const { view, isActive, quorum, fastQuorum, options } = this.#state;
    const prePrepare = entry.accepted?.prePrepare;
    if (!prePrepare || !isActive || prePrepare.statement.view !== view) return;
    const isPrepared = entry.prepared?.prePrepare.statement.view === view;
    if (isPrepared && (fastQuorum === undefined || decisionOf(entry))) return;
    const primary = primaryOf(options.resilience, view);
    if (entry.prepares.size < quorum - 1) return;
    const backups = [...entry.prepares].filter(([replica]) => replica !== primary);
    const prepares =
      quorum === 1
        ? this.#noBackups(prePrepare)
        : gather(backups, view, prePrepare.statement.digest);
    if (!prepares || prepares.signatures.length < quorum - 1) return;
    const acks = prepares.signatures.length + 1;
    if (fastQuorum !== undefined && acks >= fastQuorum && !decisionOf(entry)) {
      this.#state.recordFast(entry, { prePrepare, prepares });
      return this.#events.committed();
    }
    if (isPrepared || entry.fast) return;
    this.#state.recordPrepared(entry, { prePrepare, prepares });
    this.#vote('commit', prePrepare.statement);
  }

  #assertOpen(): void {
    const { view, closedThrough } = this.#state;
    invariant(view > closedThrough, 'a replica without its store votes in no view that it was in');
  }

  /** A replica alone is its own quorum. */
  #noBackups({ statement }: Signed<SequencePhase>): SharedCertificate<SequencePhase> {
    const vote = this.#state.outbox.sign<SequencePhase>({ ...statement, phase: 'prepare' });
    return { statement: vote.statement, bytes: vote.bytes, signatures: [] };
  }

  /** Committed: a quorum, in whatever view. */
  #checkCommitted(entry: LogEntry, { statement }: Signed<SequencePhase>): void {
    if (decisionOf(entry) || entry.commits.size < this.#state.quorum) return;
    const commits = gather([...entry.commits], statement.view, statement.digest);
    if (!commits || commits.signatures.length < this.#state.quorum) return;
    this.#state.recordCommitted(entry, commits);
    const batch = this.#state.batch(statement.digest);
    if (batch) this.#state.learnBatch(statement.digest, batch, entry.sequence);
    else this.#state.outbox.broadcast({ kind: 'fetch-batch', digest: statement.digest });
    this.#events.committed();
  }

  /** A primary may keep a place from one replica alone, which then would wait for a retransmission. */
  #askInTime(entry: LogEntry): void {
    const { outbox, options } = this.#state;
    if (this.#isLacking(entry)) outbox.ensureTimer(ASK, options.resendAfterMs * ASK_PART);
  }

  /** A correct replica may have decided here, and this one has not executed it. */
  #isLacking({ sequence, prepares, commits, hasAsked }: LogEntry): boolean {
    const { executed, options, fastQuorum } = this.#state;
    if (hasAsked || sequence <= executed) return false;
    if (fastQuorum !== undefined && prepares.size >= fastQuorum - 1) return true;
    return commits.size >= oneCorrect(options.resilience);
  }

  #learnCommittedBatch(entry: LogEntry, digest: Digest, batch: Batch): void {
    if (decisionOf(entry)?.digest !== digest || this.#state.batch(digest)) return;
    this.#state.learnBatch(digest, batch, entry.sequence);
    this.#events.committed();
  }
}

/** The votes for one digest in one view, under the bytes that they share. */
function gather(
  votes: readonly (readonly [ReplicaId, Signed<SequencePhase>])[],
  view: View,
  digest: Digest,
): SharedCertificate<SequencePhase> | undefined {
  const matching = votes
    .filter(([, { statement }]) => statement.view === view && statement.digest === digest)
    .sort(([a], [b]) => a - b);
  const first = matching[0]?.[1];
  if (!first) return undefined;
  const signatures = matching.map(([replica, signed]) => signatureOf(replica, signed));
  return { statement: first.statement, bytes: first.bytes, signatures };
}
