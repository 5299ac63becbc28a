import type { StoredRecord, TimerInput } from '../../../kernel/core.js';
import { type ReplicaId, unreachable } from '../../../kernel/ids.js';
import type { Signed } from '../../../kernel/signed.js';
import { decodeOrderingMessage } from '../../message-codec.js';
import { decodeOrderingSigned } from '../../statement-codec.js';
import {
  type Batch,
  cycleNumber,
  type OrderingRequest,
  type ProposalStatement,
  type VerifiedOrderingMessage,
} from '../../types.js';
import type { CheckpointMessage } from '../checkpoints.js';
import {
  checkOptions,
  type OrderingEngine,
  type OrderingInput,
  type OrderingOutput,
  type StateMachine,
} from '../engine.js';
import { type InputParts, outputsOf } from '../inputs.js';
import { Outbox, Reminders } from '../outbox.js';
import { isTooLong } from '../pending.js';
import { CatchingUp, Returning } from './catching-up.js';
import { Cycles } from './cycles.js';
import { DecisionModule } from './decision-module.js';
import { Delivery } from './delivery.js';
import { type AntipaxosOptions, AntipaxosState } from './state.js';

/** What an operator may want to see. */
export interface AntipaxosMetrics {
  readonly delayMs: number;
  readonly timeoutMs: number;
  readonly fastCycles: number;
  readonly slowCycles: number;
  readonly excluded: readonly ReplicaId[];
  readonly openCycles: number;
}

/**
 * The `antipaxos` engine: no leader, all replicas propose in each cycle. Positions are cycles.
 *
 * @example
 * ```ts
 * import { AntipaxosEngine, type OrderingOptions, type StateMachine } from 'concordat/ordering';
 *
 * export function engineOf(options: OrderingOptions, machine: StateMachine): AntipaxosEngine {
 *   return new AntipaxosEngine({ ...options, exclusion: 'S1', timeoutMaxMs: 2000 }, machine);
 * }
 * ```
 */
export class AntipaxosEngine implements OrderingEngine {
  readonly kind = 'antipaxos';
  /**
   * Counts as one, however many batches are under way, so that a turn is what is there to be read: a batch has many
   * requests in it already, and a longer turn makes all its clients wait.
   */
  readonly underWay = 1;
  readonly #outbox: Outbox;
  readonly #parts: InputParts = {
    submit: (request) => this.#submit(request),
    peer: (message) => this.#onPeer(message),
    peerUp: (replica) => this.#greet(replica),
    timer: (name) => this.#onTimer(name),
  };
  readonly #state: AntipaxosState;
  readonly #delivery: Delivery;
  readonly #decisions: DecisionModule;
  readonly #cycles: Cycles;
  readonly #catchingUp: CatchingUp;
  readonly #reminders: Reminders;
  readonly #returning: Returning;
  #fastCycles = 0;
  #slowCycles = 0;

  constructor(options: AntipaxosOptions, machine: StateMachine) {
    checkOptions(options);
    this.#outbox = new Outbox(options, 'antipaxos');
    this.#state = new AntipaxosState(options, this.#outbox);
    this.#delivery = new Delivery(this.#state, machine, {
      progressed: () => this.#onProgress(),
      behind: (holders) => {
        for (const holder of holders) this.#reminders.sendStatus(holder);
      },
      settled: (state) => this.#cycles.settled(state),
      slowDecision: (cycle) => this.#decisions.decision(cycle),
    });
    this.#decisions = new DecisionModule(this.#state, () => {
      this.#slowCycles += 1;
      this.#delivery.deliver();
    });
    this.#cycles = new Cycles(this.#state, {
      decided: (state, decision) => {
        this.#fastCycles += 1;
        this.#delivery.decide(state, decision);
        this.#catchingUp.answer(state);
      },
      needsHelp: (state, reports) => this.#decisions.assist(state.cycle, reports),
      valueHeld: () => this.#onValue(),
      started: () => this.#reminders.watch(),
    });
    this.#catchingUp = new CatchingUp(
      this.#state,
      this.#cycles,
      this.#decisions,
      this.#delivery.checkpoints,
    );
    this.#reminders = new Reminders(this.#outbox, this.#catchingUp);
    this.#returning = new Returning(this.#state, {
      wanted: () => this.#cycles.start(),
      returned: () => {
        this.#reminders.watch();
        this.#cycles.start();
      },
    });
  }

  get position(): number {
    return this.#state.delivered;
  }

  get isLost(): boolean {
    return this.#state.lost.isLost || this.#decisions.isLost;
  }

  get forgottenThrough(): number | undefined {
    return this.#state.lost.forgottenThrough;
  }

  get metrics(): AntipaxosMetrics {
    const { delay, options, membership, cycles, delivered } = this.#state;
    const replicas = Array.from({ length: options.resilience.n }, (_, index) => index as ReplicaId);
    return {
      delayMs: delay.delayMs,
      timeoutMs: delay.timeoutMs,
      fastCycles: this.#fastCycles,
      slowCycles: this.#slowCycles,
      excluded: replicas.filter((replica) => membership.isExcluded(replica)),
      openCycles: [...cycles.keys()].filter((cycle) => cycle > delivered).length,
    };
  }

  restore(records: readonly StoredRecord[]): readonly OrderingOutput[] {
    this.#state.lost.restore(records);
    this.#state.joins.restore(records);
    this.#delivery.restoreCheckpoint(records);
    this.#restoreCycles(records);
    this.#delivery.restoreDecisions(records);
    this.#decisions.restore(records);
    this.#cycles.restore();
    this.#returning.check();
    if (this.#state.cycles.size > 0) this.#reminders.watch();
    return this.#outbox.take();
  }

  handle(input: OrderingInput | TimerInput): readonly OrderingOutput[] {
    return outputsOf(this.#outbox, this.#parts, input);
  }

  #submit(request: OrderingRequest): void {
    const { pending, self } = this.#state;
    if (this.#delivery.isExecuted(request)) {
      this.#outbox.output({ kind: 'refused', request, reason: 'executed' });
    } else if (isTooLong(request)) {
      this.#outbox.output({ kind: 'refused', request, reason: 'too-long' });
    } else if (!pending.add(request, self, this.#outbox.nowMs)) {
      this.#outbox.output({ kind: 'refused', request, reason: 'busy' });
    } else {
      this.#reminders.watch();
      this.#cycles.start();
    }
  }

  /** A peer is there again. */
  #greet(replica: ReplicaId): void {
    this.#reminders.sendStatus(replica);
    this.#decisions.greet(replica);
    this.#state.lost.ask();
    if (this.#state.membership.isExcluded(this.#state.self)) this.#reminders.watch();
  }

  #onTimer(name: string): void {
    if (this.#decisions.onTimer(name)) return;
    const own = this.#outbox.timerRanOut(name);
    if (own === undefined) return;
    const parts = [this.#state.lost, this.#cycles, this.#delivery.checkpoints];
    if (!parts.some((one) => one.onTimer(own))) this.#reminders.onTimer(own);
  }

  #onPeer(verified: VerifiedOrderingMessage): void {
    const { from, message } = verified;
    if (message.scope === 'decision-module') return this.#decisions.onMessage(verified);
    if (message.scope !== 'antipaxos') return;
    switch (message.kind) {
      case 'requests':
        return this.#onRequests(from, message.batch);
      case 'proposal':
        return this.#onProposal(from, message.proposal, message);
      case 'report':
        return this.#cycles.onReport(message.report);
      case 'fetch-value':
        return this.#catchingUp.onFetch(from, message.cycle, message.digest);
      case 'fetch-reports':
        return this.#catchingUp.onFetchReports(from, message.cycle);
      case 'fast-decision':
        return this.#cycles.onFastDecision(message.reports);
      case 'rejoin':
        return this.#cycles.onRejoin(from, message.position);
      case 'status':
        return this.#reminders.onStatus(from, message);
      case 'lost':
        return this.#returning.onLost(from, message);
      case 'reach':
        return this.#returning.onReach(from, message);
      case 'checkpoint':
      case 'stable':
      case 'state':
      case 'fetch-chunk':
      case 'chunk':
        return this.#onCheckpointMessage(from, message);
      // Of the Decision Module's log only.
      case 'pre-prepare':
      case 'phase':
      case 'view-change':
      case 'new-view':
      case 'fetch-batch':
      case 'batch':
      case 'committed':
      case 'slow':
      // Of ezBFT only.
      case 'spec-order':
      case 'spec-reply':
      case 'commit-fast':
      case 'fetch-instance':
      case 'lost-instances':
      case 'reach-instances':
      case 'two-step-view-change':
      case 'two-step-new-view':
      case 'confirmation':
      case 'fast-committed':
        return;
      default:
        return unreachable(message);
    }
  }

  #onCheckpointMessage(from: ReplicaId, message: CheckpointMessage): void {
    if (message.kind === 'checkpoint') {
      this.#reminders.heard(from, message.signed.statement.position);
    }
    this.#delivery.checkpoints.onMessage(from, message);
    this.#cycles.start();
  }

  /** An excluded process hands its requests on. */
  #onRequests(from: ReplicaId, batch: Batch): void {
    const open = batch.filter((request) => !this.#delivery.isExecuted(request));
    for (const request of open) this.#state.pending.add(request, from, this.#outbox.nowMs);
    if (open.length === 0) return;
    this.#reminders.watch();
    this.#cycles.start();
  }

  #onProposal(
    from: ReplicaId,
    proposal: Signed<ProposalStatement>,
    { value }: Extract<VerifiedOrderingMessage['message'], { kind: 'proposal' }>,
  ): void {
    // A process that proposes in a cycle has delivered all that is a pipeline's depth before it.
    const { cycle, replica } = proposal.statement;
    if (replica === from) {
      this.#reminders.heard(from, Math.max(0, cycle - this.#state.options.pipelineDepth));
    }
    this.#cycles.onProposal(proposal, value);
  }

  #onValue(): void {
    this.#decisions.recheck();
    this.#delivery.deliver();
  }

  #onProgress(): void {
    this.#reminders.progressed();
    this.#returning.check();
    this.#cycles.progressed();
    this.#decisions.cut(this.#state.delivered);
    this.#decisions.recheck();
  }

  /** Values, and what this process said, of cycles above the checkpoint. */
  #restoreCycles(records: readonly StoredRecord[]): void {
    const { cluster } = this.#state.options;
    for (const [key, bytes] of this.#outbox.stored(records, 'value/')) {
      const message = decodeOrderingMessage(cluster, bytes, { mayShare: true });
      if (message.kind !== 'proposal') continue;
      const { proposal, value } = message;
      const { cycle, replica, digest } = proposal.statement;
      const state = this.#state.restoredCycle(cycle);
      state.stored.add(`value/${key}`);
      state.values.set(digest, { proposal, value });
      // One whose store was lost has it from others: it goes on with no cycle of before.
      const isOwn = replica === this.#state.self && !this.#state.lost.isLost;
      if (isOwn) state.startedMs = this.#outbox.nowMs;
      if (!state.proposals.has(replica)) {
        state.proposals.set(replica, { digest, signature: proposal.signature });
      }
    }
    for (const [place, bytes] of this.#outbox.stored(records, 'report/')) {
      const report = decodeOrderingSigned(cluster, bytes, 'report');
      const state = this.#state.restoredCycle(cycleNumber(Number(place)));
      state.stored.add(`report/${place}`);
      state.reports.add(report);
    }
  }
}
