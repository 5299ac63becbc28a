import type { CommonOutput, Core, StoredRecord, TimerInput } from '../../kernel/core.js';
import { unreachable } from '../../kernel/ids.js';
import type { OrderingEngine, OrderingInput, OrderingOutput } from '../../ordering/core/engine.js';
import type { OrderingRequest } from '../../ordering/types.js';
import type { SessionMessage, VerifiedSessionMessage } from '../message.js';
import type { SessionOptions } from './application.js';
import { Attesting } from './attesting.js';
import { Finals } from './finals.js';
import { decodeHeld } from './held.js';
import { HeldSessions } from './held-sessions.js';
import { Intake } from './intake.js';
import { type MachineEvent, SessionMachine } from './machine/machine.js';
import { SessionOrders } from './orders.js';
import { type SessionInput, SessionOutbox, type SessionOutput } from './outbox.js';
import { PassingOn } from './passing-on.js';
import { PendingView } from './pending-view.js';
import { Reconciliation, type SessionMetrics, Statuses } from './reconciliation.js';
import { Submissions } from './submissions.js';
import { Witnessing } from './witnessing.js';

/**
 * Layer 2 at one replica: answers its clients' operations at once with a promise, has them ordered by the
 * engine, which it owns and drives, and proves what they came to.
 */
export class SessionReplica implements Core<SessionInput, SessionOutput> {
  readonly #outbox: SessionOutbox;
  readonly #machine: SessionMachine;
  readonly #engine: OrderingEngine;
  readonly #view: PendingView;
  readonly #held: HeldSessions;
  readonly #finals: Finals;
  readonly #statuses: Statuses;
  readonly #submissions: Submissions;
  readonly #reconciliation: Reconciliation;
  readonly #passingOn: PassingOn;
  readonly #intake: Intake;
  readonly #witnessing: Witnessing;
  readonly #orders: SessionOrders;
  readonly #attesting: Attesting;
  #divergence: SessionMetrics['divergence'] = { times: 0, last: [] };
  /** What the parts want ordered, until the engine has been asked. */
  readonly #requests: OrderingRequest[] = [];

  constructor(options: SessionOptions) {
    const { cluster, resilience, self, sign, applications } = options;
    const submit = (request: OrderingRequest) => void this.#requests.push(request);
    const position = () => this.#engine.position;
    const forgottenThrough = () => this.#engine.forgottenThrough;
    this.#outbox = new SessionOutbox(options);
    this.#machine = new SessionMachine({ cluster, resilience, applications });
    this.#engine = options.engine({ cluster, resilience, self, sign }, this.#machine);
    const { states, quota } = this.#machine.settling;
    this.#view = new PendingView(applications, states, quota);
    this.#held = new HeldSessions(this.#outbox, this.#view);
    this.#finals = new Finals(this.#outbox, {
      proved: (position, outcomes) => this.#reconciliation.onProved(position, outcomes),
      simulated: (outcome) => this.#reconciliation.simulated(outcome),
      isPromised: (outcome) => this.#reconciliation.isPromised(outcome),
    });
    const { table } = this.#machine;
    this.#statuses = new Statuses(resilience, table, this.#held, this.#finals);
    this.#submissions = new Submissions(this.#outbox, this.#held, table, submit, (held) =>
      this.#reconciliation.drop(held),
    );
    const parts = {
      outbox: this.#outbox,
      machine: this.#machine,
      view: this.#view,
      held: this.#held,
      finals: this.#finals,
      statuses: this.#statuses,
      submissions: this.#submissions,
      position,
    };
    this.#reconciliation = new Reconciliation(parts);
    this.#passingOn = new PassingOn(parts);
    this.#intake = new Intake({ ...parts, passingOn: this.#passingOn, forgottenThrough });
    this.#witnessing = new Witnessing({ ...parts, passingOn: this.#passingOn });
    this.#orders = new SessionOrders(this.#outbox, submit);
    this.#attesting = new Attesting(this.#outbox, this.#machine, position);
  }

  /** Whether this replica has lost its store, and takes no full part yet. */
  get isLost(): boolean {
    return this.#engine.isLost;
  }

  get metrics(): SessionMetrics {
    return {
      engine: this.#engine.kind,
      position: this.#engine.position,
      sessions: this.#machine.table.size,
      open: this.#held.values().length,
      orders: this.#orders.size,
      divergence: this.#divergence,
      provisional: this.#intake.promised,
      witnessed: this.#witnessing.witnessed,
      doubted: this.#witnessing.doubted,
      ...this.#reconciliation.counts,
    };
  }

  /** False where nothing would come of the message, so that its signatures need no check. */
  needs(message: SessionMessage): boolean {
    switch (message.kind) {
      case 'history':
        return !this.#finals.isProved(message.history.statement.position);
      case 'certificate':
        return !this.#finals.isProved(message.certificate.statement.position);
      case 'witness':
        return message.witnesses.some(({ statement: { session, sequence } }) =>
          this.#held.get(session)?.operations.has(sequence),
        );
      default:
        return true;
    }
  }

  /** The committed value under a key, without a proof. */
  valueOf(application: string, key: string): string | undefined {
    return this.#machine.settling.states.get(application)?.get(key);
  }

  restore(records: readonly StoredRecord[]): readonly SessionOutput[] {
    const { cluster } = this.#outbox.options;
    this.#finals.restore(records);
    const runs = this.#outbox.stored(records, 'run/');
    this.#held.restore(runs.map(([, bytes]) => decodeHeld(cluster, bytes)));
    this.#perform(this.#engine.restore(records) as readonly OrderingOutput[]);
    this.#reconciliation.reconcile();
    for (const order of this.#machine.lanes.open()) {
      this.#orders.opened(order, this.#machine.contentOf(order));
    }
    this.#submissions.restart();
    this.#submitAll();
    return this.#outbox.take();
  }

  handle(input: SessionInput | TimerInput): readonly SessionOutput[] {
    if ('nowMs' in input) this.#outbox.advance(input.nowMs);
    this.#take(input);
    this.#submitAll();
    return this.#outbox.take();
  }

  #take(input: SessionInput | TimerInput): void {
    switch (input.kind) {
      case 'run':
        return this.#intake.onRun(input.replyId, input.run, input.commit);
      case 'commit':
        return this.#intake.onCommit(input.replyId, input.session);
      case 'status':
        return this.#intake.onStatus(input.replyId, input.session, input.from);
      case 'prove':
        return this.#attesting.onProve(input.replyId, input.application, input.key);
      case 'attest':
        return this.#attesting.onAttest(input.replyId, input.session);
      case 'session':
        return this.#onPeer(input.message);
      case 'ordering':
        return this.#drive({ kind: 'peer', message: input.message, nowMs: input.nowMs });
      case 'peer-up':
        this.#finals.greet(input.replica);
        this.#orders.greet(input.replica);
        this.#passingOn.greet(input.replica);
        return this.#drive(input);
      case 'order-ended': {
        const { lane, number, outcome } = input;
        const ended =
          outcome === 'committed'
            ? ({ kind: 'committed' } as const)
            : ({ kind: 'aborted', reason: outcome.aborted } as const);
        return this.#orders.onEnded(lane, number, ended);
      }
      case 'timer':
        return this.#onTimer(input);
      default:
        return unreachable(input);
    }
  }

  #onPeer({ from, message, run }: VerifiedSessionMessage): void {
    switch (message.kind) {
      case 'run':
        // Its state is not that of the others yet.
        if (run && !this.isLost) this.#witnessing.onRun(from, run, message.receipts);
        return;
      case 'witness':
        return this.#witnessing.onWitnesses(from, message.witnesses);
      case 'history':
        return this.#finals.onHistory(from, message.history);
      case 'final':
        return this.#finals.onFinal(message.outcomes, message.certificate);
      case 'certificate':
        return this.#finals.onCertificate(from, message.certificate);
      case 'order':
        return this.#orders.onOrder(from, message.order);
      case 'attest':
        return this.#attesting.onPeerAttest(from, message.subject);
      case 'attestation':
        return this.#attesting.onAttestation(from, message.attestation);
      case 'fetch': {
        const { what } = message;
        if (what.kind === 'run') return this.#passingOn.onFetch(from, what.session, what.next);
        if (what.kind === 'final') return this.#finals.onFetch(from, what.position);
        return this.#orders.onFetch(from, what.lane, what.number);
      }
      default:
        return unreachable(message);
    }
  }

  #onTimer(input: TimerInput): void {
    if (!this.#outbox.isOwn(input.name)) return this.#drive(input);
    const name = this.#outbox.timerRanOut(input.name);
    if (name === undefined) return;
    if (this.#passingOn.onTimer(name) || this.#submissions.onTimer(name)) return;
    if (this.#finals.onTimer(name) || this.#orders.onTimer(name)) return;
    this.#attesting.onTimer(name);
  }

  #drive(input: OrderingInput | TimerInput): void {
    this.#perform(this.#engine.handle(input) as readonly OrderingOutput[]);
  }

  /** Each request may lead to others. */
  #submitAll(): void {
    for (let request = this.#requests.shift(); request; request = this.#requests.shift()) {
      this.#drive({ kind: 'submit', request, nowMs: this.#outbox.nowMs });
    }
  }

  #perform(outputs: readonly OrderingOutput[]): void {
    const later: OrderingOutput[] = [];
    for (const output of outputs) {
      switch (output.kind) {
        case 'send':
          this.#outbox.output({ ...output, kind: 'send-ordering' });
          break;
        case 'broadcast':
          this.#outbox.output({ ...output, kind: 'broadcast-ordering' });
          break;
        case 'delivered':
        case 'installed':
        case 'refused':
          later.push(output);
          break;
        // Of an engine that sessions do not run on.
        case 'speculated':
          break;
        default:
          this.#outbox.output(output satisfies CommonOutput);
      }
    }
    // The machine's events are of after the last of them.
    for (const output of later) if (output.kind === 'installed') this.#onJump(output.replaced);
    for (const event of this.#machine.takeEvents()) this.#onEvent(event);
    for (const output of later) {
      if (output.kind === 'delivered') this.#submissions.delivered(output.position, output.batch);
      else if (output.kind === 'refused') this.#onRefused(output.request);
    }
  }

  #onRefused(request: OrderingRequest): void {
    if (!this.#orders.refused(request)) this.#submissions.refused(request);
  }

  #onEvent(event: MachineEvent): void {
    switch (event.kind) {
      case 'applied':
        return this.#view.applied(event.application, event.call, event.writes);
      case 'outcomes':
        return this.#reconciliation.onOutcomes(event);
      case 'order-opened':
        return this.#orders.opened(event.order, event.content);
      case 'order-closed':
        return this.#orders.closed(event.order);
      default:
        return unreachable(event);
    }
  }

  /** The state of others is in place of this replica's own, which had `replaced` where it had diverged. */
  #onJump(replaced: readonly string[] | undefined): void {
    if (replaced) {
      this.#divergence = { times: this.#divergence.times + 1, last: replaced };
      this.#finals.doubt();
    }
    this.#view.jumped();
    this.#orders.reset();
    this.#reconciliation.reconcile();
    this.#submissions.jumped();
    for (const order of this.#machine.lanes.open()) {
      this.#orders.opened(order, this.#machine.contentOf(order));
    }
  }
}
