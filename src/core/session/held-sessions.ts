import { headsOf, sessionIdOf } from '../../crypto/session/chain.js';
import { digestOfResult } from '../../crypto/session/sign.js';
import type { ReplicaId } from '../../vocabulary/ids.js';
import {
  type CallResult,
  lastOf,
  type SessionHeader,
  type SessionId,
  type SessionOperation,
  type VerifiedRun,
} from '../../vocabulary/session.js';
import type { Call } from './application.js';
import { type HeldOperation, type HeldRecord, HeldSession } from './held.js';
import { resultBytes } from './machine/position-limits.js';
import { ApplicationFault } from './machine/resources.js';
import type { SessionOutbox } from './outbox.js';
import type { PendingView } from './pending-view.js';
import { encodeHeld, type StoredRun } from './records.js';
import { type FullShare, Shares } from './shares.js';

const utf8 = new TextEncoder();

/** All operations that are held because they are not final here; bounded, and on disk. */
export class HeldSessions {
  readonly #outbox: SessionOutbox;
  readonly #view: PendingView;
  readonly #sessions = new Map<SessionId, HeldSession>();
  readonly #shares: Shares;
  #arrivals = 0;

  constructor(outbox: SessionOutbox, view: PendingView) {
    this.#outbox = outbox;
    this.#view = view;
    this.#shares = new Shares(outbox.options.resilience.n);
  }

  get(session: SessionId): HeldSession | undefined {
    return this.#sessions.get(session);
  }

  values(): readonly HeldSession[] {
    return [...this.#sessions.values()];
  }

  /** The share that these operations of a run, brought by `from`, do not fit into, if there is one. */
  fullFor({ session, run }: VerifiedRun, next: number, from: ReplicaId): FullShare | undefined {
    const fresh = run.operations.slice(next - run.first);
    return this.#shares.fullFor(from, run.header.owner, {
      sessions: this.#sessions.has(session) ? 0 : 1,
      operations: fresh.length,
      bytes: fresh.reduce((sum, one) => sum + bytesOf(one), 0),
    });
  }

  /**
   * Takes the run's operations from `next` on, and simulates them; `keep` follows. Takes none where the
   * application fails on one. Returns what is held of the session.
   */
  take(
    { session, run, heads }: VerifiedRun,
    next: number,
    from: ReplicaId,
  ): HeldSession | undefined {
    const index = next - run.first;
    const held =
      index < heads.length ? this.#open(session, run.header, from) : this.#sessions.get(session);
    held?.sign(run.first + heads.length - 1, run.signature);
    if (!held || index >= heads.length) return held;
    this.#arrivals += 1;
    const record = this.#record(held, run, from, this.#arrivals);
    for (const [offset, operation] of run.operations.slice(index).entries()) {
      const sequence = next + offset;
      const call = callOf(held, sequence, operation);
      const result = this.#simulated(held, call);
      if (!result) return this.#giveUp(held, record);
      const place = sequence - run.first;
      const before = heads[place - 1] ?? run.before;
      this.#add(held, record, {
        sequence,
        operation,
        before,
        head: heads[place] ?? before,
        result,
      });
    }
    return held;
  }

  /** One signature is over the whole run, so nothing of it is taken. */
  #giveUp(held: HeldSession, { operations }: HeldRecord): HeldSession | undefined {
    for (const operation of [...operations]) this.remove(held, operation);
    this.#closeIfEmpty(held);
    return this.#sessions.get(held.id);
  }

  /** `undefined` where the application fails on it: this replica neither promises it nor hands it in. */
  #simulated({ header, id }: HeldSession, call: Call | undefined): CallResult | undefined {
    if (!call) return { kind: 'done', result: '' };
    try {
      return this.#view.simulate(header.application, call);
    } catch (error) {
      if (!(error instanceof ApplicationFault)) throw error;
      const { sequence } = call;
      this.#outbox.log('error', 'application-failed', {
        session: id,
        sequence,
        why: error.message,
      });
      return undefined;
    }
  }

  /** Writes down what is held of these operations, before anything is said of them. */
  keep(operations: readonly HeldOperation[]): void {
    for (const record of new Set(operations.map((one) => one.record))) {
      this.#outbox.persist(record.key, encodeHeld(record));
    }
  }

  /** It is not needed any more: its outcome is proved, or something else is in its place. */
  remove(held: HeldSession, operation: HeldOperation): void {
    const record = held.remove(operation);
    if (record) this.#outbox.persist(record.key, null);
    this.#view.remove(held.header.application, { session: held.id, sequence: operation.sequence });
    const { owner } = held.header;
    this.#shares.giveBack(operation.from, owner, { operations: 1, bytes: operation.bytes });
    this.#closeIfEmpty(held);
  }

  /** After a restart, with the results of then; the view simulates anew when it has to. */
  restore(stored: readonly StoredRun[]): void {
    for (const { run, from, arrival, operations } of [...stored].sort(byArrival)) {
      this.#arrivals = arrival;
      const session = sessionIdOf(this.#outbox.options.cluster, run.header);
      const held = this.#open(session, run.header, from);
      const heads = [run.before, ...headsOf(run)];
      held.sign(lastOf(run), run.signature);
      const record = this.#record(held, run, from, arrival);
      for (const { sequence, result, receipt } of operations) {
        const place = sequence - run.first;
        const [operation, before, head] = [run.operations[place], heads[place], heads[place + 1]];
        if (!operation || !before || !head) continue;
        const added = this.#add(held, record, { sequence, operation, before, head, result });
        added.receipt = receipt;
        const call = callOf(held, sequence, operation);
        if (call) this.#view.restore(run.header.application, call);
      }
    }
  }

  #closeIfEmpty({ id, header, broughtBy, operations }: HeldSession): void {
    if (operations.size > 0 || !this.#sessions.delete(id)) return;
    this.#shares.giveBack(broughtBy, header.owner, { sessions: 1 });
  }

  #open(session: SessionId, header: SessionHeader, from: ReplicaId): HeldSession {
    const known = this.#sessions.get(session);
    if (known) return known;
    const held = new HeldSession(session, header, from);
    this.#sessions.set(session, held);
    this.#shares.take(from, header.owner, { sessions: 1 });
    return held;
  }

  #record(held: HeldSession, run: HeldRecord['run'], from: ReplicaId, arrival: number): HeldRecord {
    const last = lastOf(run);
    const key = `run/${held.id}/${String(last).padStart(16, '0')}`;
    return { key, run, from, arrival, operations: [] };
  }

  #add(
    held: HeldSession,
    record: HeldRecord,
    what: Pick<HeldOperation, 'sequence' | 'operation' | 'before' | 'head' | 'result'>,
  ): HeldOperation {
    const runBytes = bytesOf(what.operation);
    const operation: HeldOperation = {
      ...what,
      runBytes,
      bytes: runBytes + resultBytes(what.result),
      from: record.from,
      resultDigest: digestOfResult(what.result),
      record,
      receipt: undefined,
      promises: new Map(),
      witnesses: new Map(),
      doubts: new Set(),
      isFinal: false,
    };
    held.operations.set(operation.sequence, operation);
    record.operations.push(operation);
    const { bytes } = operation;
    this.#shares.take(record.from, held.header.owner, { operations: 1, bytes });
    return operation;
  }
}

/** The call that an operation is; `end` is none. */
export function callOf(
  { id, header }: HeldSession,
  sequence: number,
  operation: SessionOperation,
): Call | undefined {
  return operation.kind === 'call'
    ? { session: id, sequence, owner: header.owner, payload: operation.payload }
    : undefined;
}

/** As it travels in a run; see `sessionLimits`. */
function bytesOf(operation: SessionOperation): number {
  return operation.kind === 'call' ? 3 + utf8.encode(operation.payload).length : 1;
}

function byArrival(a: StoredRun, b: StoredRun): number {
  return a.arrival - b.arrival;
}
