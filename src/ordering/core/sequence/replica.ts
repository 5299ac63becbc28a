import { invariant, type StoredRecord } from '../../../kernel/core.js';
import { type ReplicaId, unreachable, type View } from '../../../kernel/ids.js';
import { digestOfBatch } from '../../check-message.js';
import { intervalThatFits } from '../../new-view-sizes.js';
import type {
  Batch,
  OrderingMessage,
  OrderingRequest,
  SequenceNumber,
  SequencePhase,
  VerifiedOrderingMessage,
} from '../../types.js';
import type { CheckpointMessage } from '../checkpoints.js';
import type { OrderingOptions } from '../engine.js';
import { type Outbox, Reminders } from '../outbox.js';
import { CatchingUp, Executor } from './execution.js';
import { Forwarder } from './forwarding.js';
import { Proposer } from './proposing.js';
import type { AnyNewView, AnyViewChange, NewViewProposals, RuleMaker } from './rule.js';
import { type SequenceHost, SequenceState } from './state.js';
import { Suspicion } from './suspicion.js';
import { ViewChanger } from './view-change.js';
import { Voter } from './voting.js';

/** With no more places in the log than a new view can show. */
export function fitted({ checkpointInterval, resilience }: OrderingOptions): {
  readonly checkpointInterval: number;
} {
  return { checkpointInterval: Math.min(checkpointInterval, intervalThatFits(resilience)) };
}

/**
 * One replica of a replicated state machine with a primary (Castro and Liskov 2002), by the rule that it is given. Its
 * outputs go to its outbox.
 */
export class SequenceReplica<
  V extends AnyViewChange = AnyViewChange,
  N extends AnyNewView = AnyNewView,
> {
  readonly #state: SequenceState;
  readonly #host: SequenceHost;
  readonly #executor: Executor;
  readonly #voter: Voter;
  readonly #proposer: Proposer;
  readonly #forwarder: Forwarder;
  readonly #views: ViewChanger<V, N>;
  readonly #suspicion: Suspicion;
  readonly #reminders: Reminders;

  constructor(outbox: Outbox, host: SequenceHost, rule: RuleMaker<V, N>) {
    const { checkpointInterval } = outbox.options;
    invariant(
      checkpointInterval === fitted(outbox.options).checkpointInterval,
      'a new view holds all that its view changes may show',
    );
    this.#host = host;
    this.#state = new SequenceState(outbox, rule.fastQuorum);
    this.#executor = new Executor(this.#state, host, {
      executed: (requests) => this.#proposer.executed(requests),
      progressed: () => this.#onProgress(),
      behind: (holders) => {
        for (const holder of holders) this.#reminders.sendStatus(holder);
      },
    });
    const { checkpoints } = this.#executor;
    this.#voter = new Voter(this.#state, host, checkpoints, {
      committed: () => this.#executor.execute(),
      required: (sequence) => this.#views.required(sequence),
      isVouched: (sequence) => this.#views.isVouched(sequence),
      isExecuted: (request) => this.isExecuted(request),
      staked: () => this.#watch(),
      lacking: (holders) => {
        for (const holder of holders) this.#reminders.sendStatus(holder);
      },
      accepted: (batch) => this.#suspicion.proposed(batch),
    });
    this.#proposer = new Proposer(this.#state, host, this.#voter, checkpoints);
    this.#forwarder = new Forwarder(this.#state);
    const views = rule.make(this.#state, checkpoints, {
      judgeRequired: (batch) => this.#voter.judgeRequired(batch),
      justified: () => this.#onJustified(),
    });
    this.#views = new ViewChanger(views, this.#state, checkpoints, {
      entered: (proposals) => this.#onViewEntered(proposals),
    });
    this.#suspicion = new Suspicion(this.#state, host, this.#views);
    const catchingUp = new CatchingUp(this.#state, this.#voter, this.#views, checkpoints);
    this.#reminders = new Reminders(outbox, catchingUp);
  }

  get view(): View {
    return this.#state.view;
  }

  /** The last sequence number executed. */
  get position(): number {
    return this.#state.executed;
  }

  /** Entries in the log, for metrics and bounds. */
  get logSize(): number {
    return this.#state.log.size;
  }

  /** Whether this replica has lost its store and takes no full part yet. */
  get isLost(): boolean {
    return this.#views.isLost;
  }

  get forgottenThrough(): number | undefined {
    return this.#views.forgottenThrough;
  }

  isExecuted(request: OrderingRequest): boolean {
    return this.#executor.isExecuted(request);
  }

  restore(records: readonly StoredRecord[]): void {
    this.#executor.restore(records);
    this.#views.restore(records);
    this.#proposer.enter(this.#views.proposals);
    if (this.#state.log.size > 0 || !this.#state.isActive) this.#watch();
  }

  /** Wants the request executed. False where too much waits already. */
  submit(request: OrderingRequest): boolean {
    const { self, pending, outbox } = this.#state;
    if (this.isExecuted(request) || pending.has(request, self)) return true;
    if (!pending.add(request, self, outbox.nowMs)) return false;
    this.#forwarder.forward(request);
    this.#watch();
    this.#proposer.propose();
    return true;
  }

  /** Drops what nobody needs executed any more. */
  retain(isOpen: (request: OrderingRequest) => boolean): void {
    this.#state.pending.retain(isOpen);
  }

  /** Lets another replica see how far this one is, so that it asks for what it lacks. */
  showPosition(replica: ReplicaId): void {
    this.#reminders.sendStatus(replica);
  }

  /** A peer is there again. */
  greet(replica: ReplicaId): void {
    this.showPosition(replica);
    this.#views.greet();
  }

  /** The host's judgements may have changed. */
  recheck(): void {
    this.#voter.recheck();
    this.#views.recheck();
    this.#proposer.propose();
  }

  /** Returns false where the timer is not this replica's. */
  onTimer(name: string): boolean {
    const own = this.#state.outbox.timerRanOut(name);
    if (own === undefined) return false;
    const { checkpoints } = this.#executor;
    const parts = [
      this.#suspicion,
      this.#views,
      this.#voter,
      this.#proposer,
      this.#forwarder,
      checkpoints,
    ];
    if (!parts.some((one) => one.onTimer(own))) this.#reminders.onTimer(own);
    return true;
  }

  /** Messages of other scopes, or of cycles, change nothing. */
  onMessage({ from, message }: VerifiedOrderingMessage): void {
    if (message.scope !== this.#state.outbox.scope) return;
    switch (message.kind) {
      case 'requests':
        return this.#onRequests(from, message.batch);
      case 'pre-prepare':
        return this.#voter.onPrePrepare(message);
      case 'phase':
        return this.#onPhase(from, message.signed.statement, message);
      case 'checkpoint':
      case 'stable':
      case 'state':
      case 'fetch-chunk':
      case 'chunk':
        return this.#onCheckpointMessage(from, message);
      case 'view-change':
      case 'two-step-view-change':
      case 'new-view':
      case 'two-step-new-view':
        return this.#views.onMessage(message) ? this.#watch() : undefined;
      case 'fetch-batch': {
        const batch = this.#state.batch(message.digest);
        return batch && this.#state.outbox.send(from, { kind: 'batch', batch });
      }
      case 'batch':
        return this.#onBatch(message);
      case 'committed':
        return this.#voter.onCommitted(message.commits, message.batch);
      case 'fast-committed':
        return this.#voter.onFastCommitted(message.acks, message.batch);
      case 'confirmation':
        return this.#views.onConfirmation(from, message);
      case 'slow':
        return this.#suspicion.onComplaint(from, message.view);
      case 'status':
        return this.#reminders.onStatus(from, message);
      case 'lost':
        return this.#onLost(from, message);
      case 'reach':
        return this.#views.onReach(from, message);
      case 'proposal':
      case 'report':
      case 'fetch-value':
      case 'fetch-reports':
      case 'fast-decision':
      case 'rejoin':
      case 'spec-order':
      case 'spec-reply':
      case 'commit-fast':
      case 'fetch-instance':
      case 'lost-instances':
      case 'reach-instances':
        return undefined;
      default:
        return unreachable(message);
    }
  }

  /** It may be in an earlier view, too. */
  #onLost(from: ReplicaId, message: Extract<OrderingMessage, { kind: 'lost' }>): void {
    this.#views.onLost(from, message);
    if (this.#state.isActive) return;
    this.#watch();
  }

  #onCheckpointMessage(from: ReplicaId, message: CheckpointMessage): void {
    if (message.kind === 'checkpoint') {
      this.#reminders.heard(from, message.signed.statement.position);
    }
    this.#executor.checkpoints.onMessage(from, message);
    this.#onWindow();
  }

  #onRequests(from: ReplicaId, batch: Batch): void {
    const { pending, outbox } = this.#state;
    let isNew = false;
    for (const request of batch) {
      if (this.isExecuted(request) || this.#host.judge([request]) === 'refuse') continue;
      isNew = pending.add(request, from, outbox.nowMs) || isNew;
    }
    if (!isNew) return;
    this.#watch();
    this.#proposer.propose();
  }

  #onPhase(
    from: ReplicaId,
    { phase, sequence }: SequencePhase,
    { signed }: Extract<OrderingMessage, { kind: 'phase' }>,
  ): void {
    if (phase === 'commit') this.#reminders.heard(from, sequence);
    this.#voter.onPhase(from, signed);
  }

  #onBatch({ batch }: Extract<OrderingMessage, { kind: 'batch' }>): void {
    const digest = digestOfBatch(batch);
    this.#voter.onBatch(digest, batch);
    for (const [sequence, required] of this.#views.proposals?.digests ?? []) {
      if (required === digest) this.#state.learnBatch(digest, batch, sequence as SequenceNumber);
    }
    this.#views.onBatch(digest, batch);
    this.#proposer.proposeRequired();
  }

  #onProgress(): void {
    this.#views.progressed();
    this.#reminders.progressed();
    this.#proposer.proposeRequired();
    this.#proposer.propose();
    this.#watch();
  }

  /** A stable checkpoint makes room in the log, for what waits and nobody sends again. */
  #onWindow(): void {
    this.#proposer.proposeRequired();
    this.#proposer.propose();
  }

  /** What waited for the proof of this view's start. */
  #onJustified(): void {
    this.#voter.recheck();
    this.#proposer.proposeRequired();
    this.#proposer.propose();
    this.#watch();
  }

  #onViewEntered(proposals: NewViewProposals): void {
    const { log, outbox } = this.#state;
    for (const entry of log.values()) {
      entry.held = undefined;
      entry.sinceMs = outbox.nowMs;
    }
    this.#suspicion.entered();
    this.#proposer.enter(proposals);
    this.#forwarder.sendAll();
    if (proposals.last > this.#state.executed) this.#reminders.watch();
    this.#watch();
  }

  #watch(): void {
    this.#suspicion.watch();
    this.#reminders.watch();
  }
}

/** What there is to a replica, whatever its rule. */
export type AnySequenceReplica = Pick<SequenceReplica, keyof SequenceReplica>;
