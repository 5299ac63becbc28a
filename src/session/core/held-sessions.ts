import { invariant } from '../../kernel/core.js';
import type { ClientId, ReplicaId } from '../../kernel/ids.js';
import { digestOfResult } from '../proof.js';
import { headsOf, sessionIdOf } from '../run.js';
import {
  type CallResult,
  lastOf,
  type SessionHeader,
  type SessionId,
  type SessionOperation,
  type VerifiedRun,
} from '../types.js';
import { type Call, heldLimits } from './application.js';
import {
  encodeHeld,
  type HeldOperation,
  type HeldRecord,
  HeldSession,
  type StoredRun,
} from './held.js';
import { ApplicationFault, resultBytes } from './machine/resources.js';
import type { SessionOutbox } from './outbox.js';
import type { PendingView } from './pending-view.js';

/** What an owner or a replica takes up of the places for what is not final. */
export interface Usage {
  readonly sessions: number;
  readonly operations: number;
  readonly bytes: number;
}

const kinds = ['sessions', 'operations', 'bytes'] as const;
const nothing: Usage = { sessions: 0, operations: 0, bytes: 0 };

/** Whose share is used up, and what of it. */
export interface FullShare {
  readonly of: 'replica' | 'owner';
  readonly what: (typeof kinds)[number];
}

/**
 * The places for what is not final, shared out: by the replica that brings it, this one for its own
 * clients, and of each of those shares by owner. So a replica or an owner that fills its share takes
 * nothing from the others.
 */
export class SessionShares {
  readonly #used = new Map<string, Usage>();
  readonly #ofReplica: Usage;
  readonly #ofOwner: Usage;

  /** For so many replicas. */
  constructor(n: number) {
    this.#ofReplica = divided(heldLimits, n);
    this.#ofOwner = divided(this.#ofReplica, heldLimits.ownersInFull);
  }

  /** The share that has no room for this, if there is one. */
  fullFor(from: ReplicaId, owner: ClientId, more: Usage): FullShare | undefined {
    const ofOwner = fullOf(this.#of(nameOf(from, owner)), more, this.#ofOwner);
    if (ofOwner) return { of: 'owner', what: ofOwner };
    const ofReplica = fullOf(this.#of(nameOf(from)), more, this.#ofReplica);
    return ofReplica && { of: 'replica', what: ofReplica };
  }

  take(from: ReplicaId, owner: ClientId, usage: Partial<Usage>): void {
    this.#add(from, owner, usage, 1);
  }

  giveBack(from: ReplicaId, owner: ClientId, usage: Partial<Usage>): void {
    this.#add(from, owner, usage, -1);
  }

  #of(name: string): Usage {
    return this.#used.get(name) ?? nothing;
  }

  #add(from: ReplicaId, owner: ClientId, change: Partial<Usage>, sign: 1 | -1): void {
    for (const name of [nameOf(from), nameOf(from, owner)]) {
      const used = this.#of(name);
      const after = {
        sessions: used.sessions + sign * (change.sessions ?? 0),
        operations: used.operations + sign * (change.operations ?? 0),
        bytes: used.bytes + sign * (change.bytes ?? 0),
      };
      invariant(
        kinds.every((kind) => after[kind] >= 0),
        'no more of a share is given back than was taken',
      );
      if (kinds.every((kind) => after[kind] === 0)) this.#used.delete(name);
      else this.#used.set(name, after);
    }
  }
}

function nameOf(from: ReplicaId, owner?: ClientId): string {
  return owner === undefined ? `${from}` : `${from} ${owner}`;
}

function divided({ sessions, operations, bytes }: Usage, by: number): Usage {
  return {
    sessions: Math.floor(sessions / by),
    operations: Math.floor(operations / by),
    bytes: Math.floor(bytes / by),
  };
}

function fullOf(used: Usage, more: Usage, share: Usage): (typeof kinds)[number] | undefined {
  return kinds.find((kind) => more[kind] > 0 && used[kind] + more[kind] > share[kind]);
}

const utf8 = new TextEncoder();

/** All operations that are held because they are not final here; bounded, and on disk. */
export class HeldSessions {
  readonly #outbox: SessionOutbox;
  readonly #view: PendingView;
  readonly #sessions = new Map<SessionId, HeldSession>();
  readonly #shares: SessionShares;
  #arrivals = 0;

  constructor(outbox: SessionOutbox, view: PendingView) {
    this.#outbox = outbox;
    this.#view = view;
    this.#shares = new SessionShares(outbox.options.resilience.n);
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
    if (record) this.#outbox.persistLater(record.key, null);
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
function callOf(
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
