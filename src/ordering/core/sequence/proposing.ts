import type { Digest } from '../../../kernel/ids.js';
import { digestOfBatch } from '../../check-message.js';
import type { SequenceNumber } from '../../types.js';
import type { Checkpoints } from '../checkpoints.js';
import { Batching } from '../outbox.js';
import type { NewViewProposals } from './rule.js';
import type { SequenceHost, SequenceState } from './state.js';
import type { Voter } from './voting.js';

/** The primary's side: batches of what waits, several under way at once. */
export class Proposer {
  readonly #state: SequenceState;
  readonly #host: SequenceHost;
  readonly #voter: Voter;
  readonly #checkpoints: Checkpoints;
  readonly #batching: Batching;
  /** What the new view requires, and this primary does not hold yet. */
  #required: [SequenceNumber, Digest][] = [];
  #next = 1;

  constructor(state: SequenceState, host: SequenceHost, voter: Voter, checkpoints: Checkpoints) {
    this.#state = state;
    this.#host = host;
    this.#voter = voter;
    this.#checkpoints = checkpoints;
    this.#batching = new Batching(state.outbox, state.pending);
  }

  /** A view begins: first what it requires, then what waits. */
  enter(proposals: NewViewProposals | undefined): void {
    this.#state.pending.restart(this.#state.outbox.nowMs);
    this.#required = [];
    this.#next = Math.max(this.#state.executed, proposals?.last ?? 0) + 1;
    for (const [place, { accepted }] of this.#state.log) {
      const isOurs = accepted?.prePrepare.statement.view === this.#state.view;
      if (!isOurs) continue;
      this.#next = Math.max(this.#next, place + 1);
      this.#state.pending.claim(accepted.batch);
    }
    if (!this.#state.isPrimary || !this.#state.isActive) return;
    this.#required = [...(proposals?.digests ?? [])].filter(
      ([sequence]) =>
        this.#state.log.get(sequence)?.accepted?.prePrepare.statement.view !== this.#state.view,
    );
    this.proposeRequired();
    this.propose();
  }

  /** Proposes again what may have been decided in earlier views, as far as it is at hand. */
  proposeRequired(): void {
    if (!this.#state.mayVote) return;
    const missing: [SequenceNumber, Digest][] = [];
    for (const [sequence, digest] of this.#required) {
      if (sequence <= this.#checkpoints.low) continue;
      if (sequence > this.#checkpoints.high) {
        // This primary is behind the view: its window gets there with the state that it lacks.
        missing.push([sequence, digest]);
        continue;
      }
      const known = this.#state.batch(digest);
      if (known) {
        this.#state.pending.claim(known);
        this.#voter.propose(sequence, digest, known);
      } else {
        missing.push([sequence, digest]);
        this.#state.outbox.broadcast({ kind: 'fetch-batch', digest: digest });
      }
    }
    this.#required = missing;
  }

  /** A batch was executed, of so many requests. */
  executed(requests: number): void {
    this.#batching.executed(requests);
  }

  /** Batches that are full, or whose time is up. */
  propose(): void {
    const { isPrimary, mayVote, executed, options, pending } = this.#state;
    if (!isPrimary || !mayVote) return;
    while (this.#next <= Math.min(executed + options.pipelineDepth, this.#checkpoints.high)) {
      if (!this.#batching.isReady(this.#next === executed + 1)) return;
      const batch = pending.take(options, (request) => this.#host.judge([request]) === 'accept');
      if (batch.length === 0) return;
      this.#batching.taken();
      const sequence = this.#next as SequenceNumber;
      this.#next += 1;
      this.#voter.propose(sequence, digestOfBatch(batch), batch);
    }
  }

  /** Returns false where the timer is not the proposer's. */
  onTimer(name: string): boolean {
    if (!this.#batching.onTimer(name)) return false;
    this.propose();
    return true;
  }
}
