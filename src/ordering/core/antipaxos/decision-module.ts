import { readAll, Writer } from '../../../kernel/codec/bytes.js';
import { invariant, type StoredRecord } from '../../../kernel/core.js';
import { clientId, type ReplicaId } from '../../../kernel/ids.js';
import type { Signed } from '../../../kernel/signed.js';
import { decodeAssistance, encodeAssistance } from '../../report-codec.js';
import {
  type Cycle,
  cycleNumber,
  type OrderingRequest,
  type ReportStatement,
  type VerifiedOrderingMessage,
} from '../../types.js';
import { fabRule } from '../fab/rule.js';
import { pbftRule } from '../pbft/rule.js';
import { type AnySequenceReplica, fitted, SequenceReplica } from '../sequence/replica.js';
import type { Judgement, SequenceHost } from '../sequence/state.js';
import { readVector, writeVector } from './cycle.js';
import { Roster } from './membership.js';
import { isAssistance, mergeReports, type Vector } from './reports.js';
import type { AntipaxosState } from './state.js';

/** Decisions remembered; more cycles than the log of cycles holds. */
const DECISIONS_MAX = 256;

/** All commands for a cycle have one name, so that the client table lets the first through (line 48). */
const commands = clientId('decision-module');

/** A command, read, and what it decides. */
interface Command {
  readonly excluded: readonly ReplicaId[];
  readonly reports: readonly ReportStatement[];
  readonly vector: Vector;
}

/**
 * Algorithm 4: what a cycle decides where reports differ or are missing. A command is an assistance
 * request, reports and the processes that are left out of the cycle; the decision follows from it by `mergeReports`.
 */
export class DecisionModule {
  readonly #state: AntipaxosState;
  readonly #replica: AnySequenceReplica;
  readonly #decided: (cycle: Cycle) => void;
  readonly #decisions = new Map<number, Vector>();
  readonly #parsed = new WeakMap<OrderingRequest, Command>();

  constructor(state: AntipaxosState, decided: (cycle: Cycle) => void) {
    this.#state = state;
    this.#decided = decided;
    const changed = { batchDelayMs: 0, ...fitted(state.options) };
    const outbox = state.outbox.child('decision-module', changed);
    const host: SequenceHost = {
      judge: (batch, what) => worst(batch.map((request) => this.#judge(request, what))),
      usualWaitMs: () => state.delay.commandMs,
      apply: (_sequence, batch) => {
        for (const request of batch) this.#apply(request);
      },
      snapshot: () => this.#snapshot(),
      differences: () => ['decisions'],
      install: (snapshot) => this.#install(snapshot),
    };
    const { decisionsBy, resilience } = state.options;
    this.#replica =
      decisionsBy === 'fab'
        ? new SequenceReplica(outbox, host, fabRule(resilience))
        : new SequenceReplica(outbox, host, pbftRule);
  }

  get view(): number {
    return this.#replica.view;
  }

  get isLost(): boolean {
    return this.#replica.isLost;
  }

  /** Commands executed so far. */
  get position(): number {
    return this.#replica.position;
  }

  decision(cycle: number): Vector | undefined {
    return this.#decisions.get(cycle);
  }

  restore(records: readonly StoredRecord[]): void {
    this.#replica.restore(records);
  }

  /** Line 26: a request for assistance. */
  assist(cycle: Cycle, reports: readonly Signed<ReportStatement>[]): void {
    const excluded = [...(this.#state.rosterAt(cycle)?.excluded ?? [])];
    const payload = encodeAssistance({ excluded, reports });
    this.#replica.submit({ client: commands, number: cycle, payload });
  }

  /** Values have come, or cycles have been delivered: commands may be judged anew. */
  recheck(): void {
    this.#replica.recheck();
  }

  /** Cycles up to here need no decision any more: a process that lacks one is shown its proof. */
  cut(cycle: number): void {
    this.#replica.retain((request) => request.number > cycle);
  }

  greet(replica: ReplicaId): void {
    this.#replica.greet(replica);
  }

  showPosition(replica: ReplicaId): void {
    this.#replica.showPosition(replica);
  }

  /** Returns false where the timer is not the Decision Module's. */
  onTimer(name: string): boolean {
    return this.#replica.onTimer(name);
  }

  onMessage(message: VerifiedOrderingMessage): void {
    this.#replica.onMessage(message);
    if (message.message.kind === 'requests') this.cut(this.#state.delivered);
  }

  /**
   * Table 1. A process prepares a decision only while it holds every value in it: so a decided value is
   * at `f + 1` correct processes and can be fetched (protocols.md 3.2).
   */
  #judge(request: OrderingRequest, what?: 'acknowledged'): Judgement {
    const { delivered } = this.#state;
    if (request.client !== commands) return 'refuse';
    const command = this.#commandOf(request);
    if (request.number <= delivered) return this.#judgePast(request.number, command, what);
    const roster = this.#state.rosterAt(request.number);
    const state = this.#state.cycle(cycleNumber(request.number));
    if (!roster || !state) return 'later';
    const isOfRoster = roster.excludes(command.excluded);
    if (!isOfRoster || !isAssistance(command.reports, roster)) return 'refuse';
    if (state.holds(command.vector)) {
      this.#state.storeValues(state, command.vector);
      return 'accept';
    }
    this.#state.seek(state, command.vector, command.reports);
    return 'later';
  }

  /**
   * A cycle that is delivered here may be decided elsewhere as it was here, and not otherwise. How one was decided that
   * is long past is forgotten here; a replica that acknowledged a command for it did so in time.
   */
  #judgePast(cycle: number, { vector }: Command, what?: 'acknowledged'): Judgement {
    const known = this.#state.past.get(cycle);
    if (!known && what === 'acknowledged') return 'accept';
    return known?.every((digest, index) => digest === vector[index]) ? 'accept' : 'refuse';
  }

  /** A quorum has judged it; the first for its cycle, as the client table sees to. */
  #apply(request: OrderingRequest): void {
    invariant(!this.#decisions.has(request.number), 'the first command for a cycle decides');
    this.#decisions.set(request.number, this.#commandOf(request).vector);
    if (this.#decisions.size > DECISIONS_MAX) {
      this.#decisions.delete(Math.min(...this.#decisions.keys()));
    }
    this.#decided(cycleNumber(request.number));
  }

  #commandOf(request: OrderingRequest): Command {
    const known = this.#parsed.get(request);
    if (known) return known;
    const { cluster, resilience } = this.#state.options;
    const { excluded, reports } = decodeAssistance(cluster, request.payload);
    const statements = reports.map(({ statement }) => statement);
    const vector = mergeReports(statements, new Roster(resilience, excluded));
    const command = { excluded, reports: statements, vector };
    this.#parsed.set(request, command);
    return command;
  }

  #snapshot(): readonly Uint8Array[] {
    const writer = new Writer();
    const decisions = [...this.#decisions].sort(([a], [b]) => a - b);
    writer.list(decisions, DECISIONS_MAX, ([cycle, vector]) => {
      writer.u64(cycle);
      writeVector(writer, vector);
    });
    return [writer.finish()];
  }

  #install(snapshot: Uint8Array): void {
    const { n } = this.#state.options.resilience;
    this.#decisions.clear();
    readAll(snapshot, (reader) =>
      reader.list(DECISIONS_MAX, () => {
        const cycle = reader.u64();
        this.#decisions.set(cycle, readVector(reader, n));
      }),
    );
    for (const cycle of [...this.#decisions.keys()]) this.#decided(cycleNumber(cycle));
  }
}

function worst(judgements: readonly Judgement[]): Judgement {
  if (judgements.includes('refuse')) return 'refuse';
  return judgements.includes('later') ? 'later' : 'accept';
}
