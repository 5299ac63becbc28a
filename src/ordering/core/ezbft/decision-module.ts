import type { StoredRecord } from '../../../kernel/core.js';
import { primaryOf, type ReplicaId, type View } from '../../../kernel/ids.js';
import { decodeSettlement, encodeSettlement } from '../../settlement-codec.js';
import { digestOfTouched } from '../../touched-codec.js';
import {
  type Batch,
  type Instance,
  type InstanceValue,
  instanceClient,
  type OrderingRequest,
  type Touched,
  type VerifiedOrderingMessage,
} from '../../types.js';
import { fabRule } from '../fab/rule.js';
import { fitted, SequenceReplica } from '../sequence/replica.js';
import type { Judgement, SequenceHost } from '../sequence/state.js';
import { settle, type Weighed, weigh } from './deciding.js';
import { type SettledInstance, SettledInstances } from './settled-instances.js';
import type { EzbftState, InstanceEntry } from './state.js';

const PATIENCE = 'patience';
/** Of the time of a retransmission: how often what came too early is judged again. */
const LOOKED_AT_AGAIN = 1 / 4;

/** A command, read. */
interface Command extends Weighed {
  readonly instance: Instance;
  readonly said: readonly (InstanceValue | null)[];
  readonly touched: Touched | null;
}

export interface DecisionEvents {
  /** The state jumped: see `settled`. */
  installed(): void;
  settled(settled: SettledInstance): void;
}

/**
 * Settles instances one after the other (`deciding.ts`), on a replicated state machine of its own, in two steps more. What it has
 * settled is its state, since what is settled later may interfere.
 */
export class DecisionModule {
  readonly #state: EzbftState;
  readonly #events: DecisionEvents;
  readonly #replica: SequenceReplica;
  readonly #settled: SettledInstances;
  readonly #parsed = new WeakMap<OrderingRequest, Command>();

  constructor(state: EzbftState, events: DecisionEvents) {
    this.#state = state;
    this.#events = events;
    this.#settled = new SettledInstances(state.judge, state.spaces.length, state.settledKept);
    const changed = { batchDelayMs: 0, ...fitted(state.options) };
    const outbox = state.outbox.child('ezbft-decisions', changed);
    const host: SequenceHost = {
      judge: (batch) => this.#judge(batch),
      apply: (_sequence, batch) => {
        for (const request of batch) this.#apply(this.#commandOf(request));
      },
      snapshot: () => this.#settled.write(),
      differences: () => ['settled instances'],
      install: (snapshot) => {
        this.#settled.read(snapshot);
        this.#events.installed();
      },
    };
    this.#replica = new SequenceReplica(outbox, host, fabRule(state.options.resilience));
  }

  get isLost(): boolean {
    return this.#replica.isLost;
  }

  /** Instances settled so far, for metrics. */
  get position(): number {
    return this.#replica.position;
  }

  /** All that it has settled and knows of. */
  settled(): Iterable<SettledInstance> {
    return this.#settled.all();
  }

  /** Whether this replica would propose a command. */
  get isPrimary(): boolean {
    const { options, self } = this.#state;
    return primaryOf(options.resilience, this.#replica.view as View) === self;
  }

  restore(records: readonly StoredRecord[]): void {
    this.#replica.restore(records);
  }

  /** Has the instance settled by what is known of it. False where the batch that it may have is not at hand. */
  submit({ instance, replies, orders }: InstanceEntry): boolean {
    const said = [...replies]
      .sort(([a], [b]) => a - b)
      .map(([replica, reply]) => ({ replica, reply }));
    const value = likelyOf(
      weigh(
        said.map(({ reply }) => reply.statement.value),
        this.#state.options.resilience,
      ),
    );
    const batch = value && orders.get(value.digest)?.batch;
    if (value && !batch) return false;
    const touched = batch ? this.#state.judge.touchedBy(batch) : null;
    const payload = encodeSettlement({ said, touched });
    const client = instanceClient(instance.space);
    this.#replica.submit({ client, number: instance.index, payload });
    return true;
  }

  greet(replica: ReplicaId): void {
    this.#replica.greet(replica);
  }

  /** Lets another see how far this one is, so that it asks for what it lacks. */
  showPosition(replica: ReplicaId): void {
    this.#replica.showPosition(replica);
  }

  /** Returns false where the timer is not the Decision Module's. */
  onTimer(name: string): boolean {
    return this.#replica.onTimer(name);
  }

  onMessage(message: VerifiedOrderingMessage): void {
    this.#replica.onMessage(message);
  }

  /** Judges again what came too early. Returns false where the timer is not this. */
  onPatience(name: string): boolean {
    if (name !== PATIENCE) return false;
    this.#replica.recheck();
    return true;
  }

  /** A command may be a liar's that makes a no-op of what others are about to name: it comes later. */
  #judge(batch: Batch): Judgement {
    if (!batch.every((request) => this.#isSound(request))) return 'refuse';
    if (!batch.some((request) => this.#isTooEarly(request))) return 'accept';
    const { outbox, options } = this.#state;
    outbox.ensureTimer(PATIENCE, options.resendAfterMs * LOOKED_AT_AGAIN);
    return 'later';
  }

  #isTooEarly(request: OrderingRequest): boolean {
    const { instance, said } = this.#commandOf(request);
    return this.#state.isTooEarly(instance, said);
  }

  /** Its signatures are checked: whether it has what the batch touches, as a correct replica says that has the batch. */
  #isSound(request: OrderingRequest): boolean {
    const { touched, ...weighed } = this.#commandOf(request);
    return likelyOf(weighed)?.touched === (touched ? digestOfTouched(touched) : undefined);
  }

  /** A quorum has judged it; the first for its instance, as the client table sees to. */
  #apply({ instance, touched, ...weighed }: Command): void {
    if (this.#settled.isForgotten(instance)) return;
    const before = touched ? this.#settled.without(instance, touched) : [];
    const value = touched && settle(instance, weighed, before);
    const settled = { instance, value, touched: value && touched };
    this.#settled.add(settled);
    this.#events.settled(settled);
  }

  #commandOf(request: OrderingRequest): Command {
    const known = this.#parsed.get(request);
    if (known) return known;
    const { cluster, resilience } = this.#state.options;
    const { said, touched } = decodeSettlement(cluster, request.payload);
    const statements = said.map(({ reply }) => reply.statement);
    const [first] = statements;
    if (!first) throw new Error('a command of no replies');
    const values = statements.map(({ value }) => value);
    const weighed = weigh(values, resilience);
    const command = { instance: first.instance, said: values, touched, ...weighed };
    this.#parsed.set(request, command);
    return command;
  }
}

/** It names the batch that an instance may be decided as. */
function likelyOf({ candidate, merged }: Weighed): InstanceValue | undefined {
  return candidate ?? merged;
}
