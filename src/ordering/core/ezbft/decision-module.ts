import { readAll, Writer } from '../../../kernel/codec/bytes.js';
import type { StoredRecord } from '../../../kernel/core.js';
import { primaryOf, type ReplicaId, type View } from '../../../kernel/ids.js';
import { readBatch, writeBatch } from '../../batch-codec.js';
import { digestOfBatch } from '../../check-message.js';
import {
  readInstance,
  readInstanceValue,
  writeInstance,
  writeInstanceValue,
} from '../../instance-codec.js';
import { decodeSettlement, encodeSettlement } from '../../settlement-codec.js';
import {
  type Batch,
  type Instance,
  type InstanceValue,
  instanceClient,
  type OrderingRequest,
  type VerifiedOrderingMessage,
} from '../../types.js';
import { fabRule } from '../fab/rule.js';
import { fitted, SequenceReplica } from '../sequence/replica.js';
import type { SequenceHost } from '../sequence/state.js';
import { names, type Settled, settle, type Weighed, weigh } from './deciding.js';
import { Interference } from './interference.js';
import type { EzbftState, InstanceEntry } from './state.js';

/** An instance as it was settled. */
interface Entry {
  readonly instance: Instance;
  readonly value: InstanceValue | null;
  readonly batch: Batch;
}

/** A command, read. */
interface Command extends Weighed {
  readonly instance: Instance;
  readonly batch: Batch | null;
}

export interface DecisionEvents {
  settled(instance: Instance, value: InstanceValue | null, batch: Batch): void;
}

/**
 * Settles instances one after the other (`deciding.ts`), on a replicated state machine of its own, in two steps more. What it has
 * settled is its state, with the batches, since what is settled later may interfere. Of each space the last
 * instances are kept, twice the log's reach: what is older lies below a stable checkpoint whose barrier is not.
 */
export class DecisionModule {
  readonly #state: EzbftState;
  readonly #events: DecisionEvents;
  readonly #replica: SequenceReplica;
  /** By space. */
  readonly #settled: readonly Map<number, Entry>[];
  readonly #latest: number[];
  #interference: Interference;
  readonly #parsed = new WeakMap<OrderingRequest, Command>();

  constructor(state: EzbftState, events: DecisionEvents) {
    this.#state = state;
    this.#events = events;
    this.#settled = state.spaces.map(() => new Map<number, Entry>());
    this.#latest = state.spaces.map(() => 0);
    this.#interference = new Interference(state.judge);
    const changed = { batchDelayMs: 0, ...fitted(state.options) };
    const outbox = state.outbox.child('ezbft-decisions', changed);
    const host: SequenceHost = {
      judge: (batch) => (batch.every((request) => this.#isSound(request)) ? 'accept' : 'refuse'),
      apply: (_sequence, batch) => {
        for (const request of batch) this.#apply(this.#commandOf(request));
      },
      snapshot: () => this.#snapshot(),
      differences: () => ['settled instances'],
      install: (snapshot) => this.#install(snapshot),
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
    const digest = digestOf(
      weigh(
        said.map(({ reply }) => reply.statement.value),
        this.#state.options.resilience,
      ),
    );
    const batch = digest === undefined ? null : orders.get(digest)?.batch;
    if (batch === undefined) return false;
    const payload = encodeSettlement({ said, batch });
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

  /** Its signatures are checked: whether the batch is the one that follows. */
  #isSound(request: OrderingRequest): boolean {
    const { batch, ...weighed } = this.#commandOf(request);
    return digestOf(weighed) === (batch ? digestOfBatch(batch) : undefined);
  }

  /** A quorum has judged it; the first for its instance, as the client table sees to. */
  #apply({ instance, batch, ...weighed }: Command): void {
    const { space, index } = instance;
    if (index <= (this.#latest[space] ?? 0) - this.#kept) return;
    const value = batch ? settle(instance, weighed, this.#without(instance, batch)) : null;
    this.#keep({ instance, value, batch: (value && batch) ?? [] });
    this.#forget(instance);
    this.#events.settled(instance, value, (value && batch) ?? []);
  }

  /** Of what was settled, interferes and does not name the instance: the last in each space, which stands for those before it. */
  #without(instance: Instance, batch: Batch): readonly Settled[] {
    const after = this.#latest.map((_, space) => (space === instance.space ? Infinity : 0));
    const touched = this.#state.judge.touchedBy(batch);
    const last = this.#interference.lastWith(touched, after, (other) => {
      const value = this.#find(other)?.value;
      return value !== null && value !== undefined && !names(value.deps, instance);
    });
    return last.flatMap((index, space) => {
      const found = this.#settled[space]?.get(index);
      return found?.value ? [{ instance: found.instance, value: found.value }] : [];
    });
  }

  #find({ space, index }: Instance): Entry | undefined {
    return this.#settled[space]?.get(index);
  }

  #keep(entry: Entry): void {
    const { instance, value, batch } = entry;
    const { space, index } = instance;
    this.#settled[space]?.set(index, entry);
    this.#latest[space] = Math.max(index, this.#latest[space] ?? 0);
    if (value) this.#interference.add(instance, this.#state.judge.touchedBy(batch));
  }

  get #kept(): number {
    return 2 * this.#state.reach;
  }

  #forget({ space, index: last }: Instance): void {
    for (const [index, { instance }] of this.#settled[space] ?? []) {
      if (index > last - this.#kept) continue;
      this.#settled[space]?.delete(index);
      this.#interference.remove(instance);
    }
  }

  #commandOf(request: OrderingRequest): Command {
    const known = this.#parsed.get(request);
    if (known) return known;
    const { cluster, resilience } = this.#state.options;
    const { said, batch } = decodeSettlement(cluster, request.payload);
    const statements = said.map(({ reply }) => reply.statement);
    const [first] = statements;
    if (!first) throw new Error('a command of no replies');
    const weighed = weigh(
      statements.map(({ value }) => value),
      resilience,
    );
    const command = { instance: first.instance, batch, ...weighed };
    this.#parsed.set(request, command);
    return command;
  }

  #snapshot(): readonly Uint8Array[] {
    const writer = new Writer();
    const entries = this.#settled.flatMap((space) =>
      [...space.values()].sort((a, b) => a.instance.index - b.instance.index),
    );
    writer.list(entries, this.#entriesMax, ({ instance, value, batch }) => {
      writeInstance(writer, instance);
      writeInstanceValue(writer, value);
      writeBatch(writer, batch);
    });
    return [writer.finish()];
  }

  #install(snapshot: Uint8Array): void {
    for (const space of this.#settled) space.clear();
    this.#latest.fill(0);
    this.#interference = new Interference(this.#state.judge);
    readAll(snapshot, (reader) =>
      reader.list(this.#entriesMax, () => {
        const instance = readInstance(reader);
        const value = readInstanceValue(reader);
        this.#keep({ instance, value, batch: readBatch(reader) });
      }),
    );
    for (const { instance, value, batch } of this.#settled.flatMap((one) => [...one.values()])) {
      this.#events.settled(instance, value, batch);
    }
  }

  get #entriesMax(): number {
    return this.#kept * this.#state.options.resilience.n;
  }
}

/** The digest of the batch that an instance may be decided as. */
function digestOf({ candidate, merged }: Weighed): InstanceValue['digest'] | undefined {
  return (candidate ?? merged)?.digest;
}
