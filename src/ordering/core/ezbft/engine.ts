import type { StoredRecord, TimerInput } from '../../../kernel/core.js';
import { type ReplicaId, unreachable } from '../../../kernel/ids.js';
import type { Batch, Instance, OrderingRequest, VerifiedOrderingMessage } from '../../types.js';
import type { CheckpointMessage } from '../checkpoints.js';
import {
  checkOptions,
  type OrderingEngine,
  type OrderingInput,
  type OrderingOptions,
  type OrderingOutput,
  type StateMachine,
} from '../engine.js';
import { type InputParts, outputsOf } from '../inputs.js';
import { nonceOf } from '../lost-store.js';
import { Outbox, Reminders } from '../outbox.js';
import { isTooLong } from '../pending.js';
import { CatchingUp } from './catching-up.js';
import { DecisionModule } from './decision-module.js';
import { Execution } from './executing.js';
import { Judge } from './interference.js';
import { LostInstances } from './lost-instances.js';
import { Proposing } from './proposing.js';
import { Replying } from './replying.js';
import type { SettledInstance } from './settled-instances.js';
import { EzbftState } from './state.js';

/**
 * The `ezbft` engine: no leader, and only what interferes is put into one order. Positions are a replica's own: so many
 * batches and barriers it has executed, which says the same at two replicas only where a barrier is executed.
 *
 * @example
 * ```ts
 * import { EzbftEngine, type OrderingOptions, type StateMachine } from 'concordat/ordering';
 *
 * // What two accounts are asked for may pass each other, where the payload is an account's name.
 * export function ofAccounts(options: OrderingOptions, machine: StateMachine): EzbftEngine {
 *   const accountOf = ({ payload }: { payload: Uint8Array }) => new TextDecoder().decode(payload);
 *   return new EzbftEngine(options, {
 *     apply: (position, batch) => machine.apply(position, batch),
 *     snapshot: () => machine.snapshot(),
 *     differences: (own, theirs) => machine.differences(own, theirs),
 *     install: (snapshot) => machine.install(snapshot),
 *     interferes: (a, b) => accountOf(a) === accountOf(b),
 *   });
 * }
 * ```
 */
export class EzbftEngine implements OrderingEngine {
  readonly kind = 'ezbft';
  /** Counts as one, however many batches are under way: a turn is what is there to be read. */
  readonly underWay = 1;
  readonly #outbox: Outbox;
  readonly #parts: InputParts = {
    submit: (request) => this.#submit(request),
    peer: (message) => this.#onPeer(message),
    peerUp: (replica) => this.#greet(replica),
    timer: (name) => this.#onTimer(name),
  };
  readonly #state: EzbftState;
  readonly #decisions: DecisionModule;
  readonly #execution: Execution;
  readonly #replying: Replying;
  readonly #proposing: Proposing;
  readonly #catchingUp: CatchingUp;
  readonly #reminders: Reminders;
  readonly #lost: LostInstances;
  #hasLost = false;

  constructor(options: OrderingOptions, machine: StateMachine) {
    checkOptions(options);
    this.#outbox = new Outbox(options, 'ezbft');
    this.#state = new EzbftState(this.#outbox, new Judge(machine));
    this.#execution = new Execution(this.#state, machine, {
      progressed: () => this.#onProgress(),
      behind: (holders) => {
        for (const holder of holders) this.#reminders.sendStatus(holder);
      },
      executed: (instance) => this.#catchingUp.executed(instance),
      executedOwn: (requests) => this.#proposing.executed(requests),
      cut: () => this.#onCut(),
    });
    this.#decisions = new DecisionModule(this.#state, {
      installed: () => this.#takeSettled(),
      settled: (settled) => this.#onSettled(settled),
    });
    this.#replying = new Replying(this.#state, {
      decided: () => this.#execute(),
      settle: (entry) => this.#decisions.submit(entry),
      isSettling: () => this.#decisions.isPrimary,
      opened: () => this.#reminders.watch(),
    });
    this.#proposing = new Proposing(this.#state, this.#replying, this.#execution);
    this.#catchingUp = new CatchingUp(this.#state, {
      replying: this.#replying,
      execution: this.#execution,
      decisions: this.#decisions,
      proposing: this.#proposing,
    });
    this.#reminders = new Reminders(this.#outbox, this.#catchingUp);
    this.#lost = new LostInstances(this.#state, {
      wanted: (closed) => this.#proposing.proposeToCover(closed),
      returned: () => {
        this.#reminders.watch();
        this.#proposing.propose();
      },
    });
  }

  get position(): number {
    return this.#state.position;
  }

  /** Instances that were not decided fast, for metrics. */
  get settled(): number {
    return this.#decisions.position;
  }

  get isLost(): boolean {
    return this.#state.isLost || this.#decisions.isLost;
  }

  get forgottenThrough(): number | undefined {
    if (!this.#hasLost) return undefined;
    return this.isLost ? Number.POSITIVE_INFINITY : this.#state.position;
  }

  restore(records: readonly StoredRecord[]): readonly OrderingOutput[] {
    this.#hasLost = nonceOf(records) !== undefined;
    this.#lost.restore(records);
    this.#outbox.replaying = true;
    this.#execution.restore(records);
    this.#state.restore(records);
    this.#decisions.restore(records);
    this.#state.checkTouched();
    this.#execution.execute();
    this.#outbox.replaying = false;
    this.#catchingUp.watch();
    this.#lost.check();
    if ([...this.#state.entries()].length > 0) this.#reminders.watch();
    return this.#outbox.take();
  }

  handle(input: OrderingInput | TimerInput): readonly OrderingOutput[] {
    return outputsOf(this.#outbox, this.#parts, input);
  }

  #greet(replica: ReplicaId): void {
    this.#reminders.sendStatus(replica);
    this.#decisions.greet(replica);
    this.#lost.ask();
  }

  #submit(request: OrderingRequest): void {
    const { pending, self, judge, keptBytesMax } = this.#state;
    if (this.#execution.isExecuted(request)) {
      this.#outbox.output({ kind: 'refused', request, reason: 'executed' });
    } else if (isTooLong(request) || judge.keptBytesOf(request) > keptBytesMax) {
      this.#outbox.output({ kind: 'refused', request, reason: 'too-long' });
    } else if (!pending.add(request, self, this.#outbox.nowMs)) {
      this.#outbox.output({ kind: 'refused', request, reason: 'busy' });
    } else {
      this.#reminders.watch();
      this.#proposing.propose();
    }
  }

  #onTimer(name: string): void {
    if (this.#decisions.onTimer(name)) return;
    const own = this.#outbox.timerRanOut(name);
    if (own === undefined || this.#decisions.onPatience(own)) return;
    const { checkpoints } = this.#execution;
    const parts = [this.#lost, this.#replying, this.#proposing, this.#catchingUp, checkpoints];
    if (!parts.some((one) => one.onTimer(own))) this.#reminders.onTimer(own);
  }

  #onPeer(verified: VerifiedOrderingMessage): void {
    const { from, message } = verified;
    if (message.scope === 'ezbft-decisions') return this.#decisions.onMessage(verified);
    if (message.scope !== 'ezbft') return;
    switch (message.kind) {
      case 'spec-order':
        return this.#replying.onOrder(from, message);
      case 'spec-reply':
        return this.#replying.onReply(from, message.reply);
      case 'commit-fast':
        return this.#replying.onCommitFast(message);
      case 'batch':
        return this.#onBatch(message.batch);
      case 'fetch-instance':
        return this.#catchingUp.onFetch(from, message.instance);
      case 'lost-instances':
        return this.#lost.onLost(from, message);
      case 'reach-instances':
        return this.#lost.onReach(from, message);
      case 'status':
        return this.#reminders.onStatus(from, message);
      case 'checkpoint':
      case 'stable':
      case 'state':
      case 'fetch-chunk':
      case 'chunk':
        return this.#onCheckpointMessage(from, message);
      case 'lost':
      case 'reach':
      // Of the Decision Module's log, or of other engines, only.
      case 'requests':
      case 'pre-prepare':
      case 'phase':
      case 'view-change':
      case 'new-view':
      case 'fetch-batch':
      case 'committed':
      case 'slow':
      case 'proposal':
      case 'report':
      case 'fetch-value':
      case 'fetch-reports':
      case 'fast-decision':
      case 'rejoin':
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
    this.#execution.checkpoints.onMessage(from, message);
  }

  /** The Decision Module may be further on than this replica: what is out of reach, it gives again where the log is cut. */
  #onSettled(settled: SettledInstance): void {
    const { instance } = settled;
    if (!this.#isOfUse(instance)) return;
    this.#state.settle(this.#state.entry(instance), settled);
    this.#execute();
  }

  #execute(): void {
    this.#execution.execute();
    if (!this.#outbox.replaying) this.#catchingUp.watch();
  }

  #isOfUse(instance: Instance): boolean {
    const { space, index } = instance;
    return !this.#state.isCovered(instance) && this.#state.isWithinReach(space, index);
  }

  /** What the Decision Module has settled and this replica has not: of a batch it may have the digest alone. */
  #takeSettled(): void {
    for (const settled of this.#decisions.settled()) {
      const { instance } = settled;
      if (this.#isOfUse(instance)) this.#state.settle(this.#state.entry(instance), settled);
    }
    this.#execute();
  }

  #onBatch(batch: Batch): void {
    if (this.#state.supply(batch)) this.#execute();
  }

  #onCut(): void {
    this.#takeSettled();
    if (this.#outbox.replaying) return;
    this.#lost.check();
    this.#proposing.propose();
  }

  #onProgress(): void {
    if (this.#outbox.replaying) return;
    this.#reminders.progressed();
    this.#proposing.proposeBarrier(0);
    this.#proposing.propose();
  }
}
