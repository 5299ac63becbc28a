import type { ClientId } from '../../../kernel/ids.js';
import {
  type CallResult,
  type OrderOutcome,
  type SessionTransfer,
  sessionLimits,
} from '../../types.js';
import type { Application, Call } from '../application.js';
import { type Called, called, type LaneOrder } from './lanes.js';
import { payersMax } from './pages.js';
import { positionLimits, resultBytes } from './resources.js';
import type { SessionEntry, WaitingOperation } from './session-table.js';
import { type Growth, StateTable, type Writes } from './state-table.js';

/**
 * Bounds of applications' states, the same at every replica: bytes of keys and values, with 32 for each entry.
 * A state of the largest size is some 2,000 pages, so it fits into one snapshot (`orderingLimits.chunks`).
 */
export const stateLimits = {
  /** Of all applications together; each has an equal part. */
  bytes: 256 * 1024 * 1024,
  /** So many owners at their limit fill an application's state. */
  ownersInFull: 8,
} as const;

const noGrowth: Growth = { own: 0, all: 0 };

/** How large an application's state may become, and any owner's part of it. */
export class StateQuota {
  readonly #bytes: number;
  readonly #bytesOfOwner: number;

  /** The cluster has so many applications. */
  constructor(applications: number) {
    this.#bytes = Math.floor(stateLimits.bytes / Math.max(1, applications));
    this.#bytesOfOwner = Math.floor(this.#bytes / stateLimits.ownersInFull);
  }

  /**
   * Why the owner's call cannot make the state grow so; `undefined` where it can. `pending` is what calls that
   * wait already add.
   */
  refusal(
    texts: StateTable,
    owner: ClientId,
    growth: Growth | undefined,
    pending: Growth = noGrowth,
  ): string | undefined {
    if (!growth) return `more than ${payersMax} owners would share an entry of the state`;
    if (growth.own > 0 && texts.usedBy(owner) + pending.own + growth.own > this.#bytesOfOwner) {
      return `the share of ${owner} is full: ${this.#bytesOfOwner} bytes of state; delete or archive something`;
    }
    if (growth.all > 0 && texts.bytes + pending.all + growth.all > this.#bytes) {
      return 'the state is full';
    }
    return undefined;
  }
}

/** Bounds of what is agreed on, the same at every replica. All of it has to fit into one snapshot. */
const settlingLimits = {
  /** Sessions that wait for orders, and the characters of what waits. */
  waitingSessions: 1024,
  waitingLength: positionLimits.waitingLength,
} as const;

const noWrites: Writes = new Map();
const tooMuch: CallResult = { kind: 'rejected', reason: 'too much waits for transfers' };
const tooMuchAtOnce: CallResult = {
  kind: 'rejected',
  reason: 'too many results at once after transfers; call again',
};

/** Brings the operations of sessions that are in the order to their results. */
export class Settling {
  readonly states: ReadonlyMap<string, StateTable>;
  readonly quota: StateQuota;
  readonly #applications: ReadonlyMap<string, Application>;
  readonly #applied: (call: Call, application: string, writes: Writes) => void;
  #waitingSessions = 0;
  #waitingLength = 0;

  /** `applied` is called for each call that is done, with what it wrote. */
  constructor(
    applications: readonly Application[],
    applied: (call: Call, application: string, writes: Writes) => void,
  ) {
    this.#applications = new Map(applications.map((one) => [one.name, one]));
    this.states = new Map(applications.map(({ name }) => [name, new StateTable()]));
    this.quota = new StateQuota(applications.length);
    this.#applied = applied;
  }

  knows(application: string): boolean {
    return this.#applications.has(application);
  }

  /** After the state has jumped. */
  recount(entries: Iterable<SessionEntry>): void {
    this.#waitingSessions = 0;
    this.#waitingLength = 0;
    for (const entry of entries) this.#count(entry, 1);
  }

  /**
   * Puts operations last, or says what became of an order, and brings the session as far as it comes.
   * Once results have taken `roomBytes`, further calls are rejected without being made. Returns the sequence numbers of operations that now need an order. `takeSettled` follows.
   */
  change(entry: SessionEntry, roomBytes: number, change: () => void): readonly number[] {
    this.#count(entry, -1);
    change();
    return this.#callQueued(entry, roomBytes);
  }

  /** Takes out what has its result and nothing before it that has not. */
  takeSettled(entry: SessionEntry): readonly Settled[] {
    const settled: Settled[] = [];
    for (const waiting of entry.waiting) {
      if (waiting.state !== 'settled') break;
      settled.push(waiting);
    }
    entry.waiting.splice(0, settled.length);
    entry.open += settled.length;
    this.#count(entry, 1);
    return settled;
  }

  /** Where too much waits already, what comes on top is rejected. */
  queue(entry: SessionEntry, waiting: Queued): void {
    const { sequence, head, operation } = waiting;
    const isBehind = entry.waiting.some(({ state }) => state === 'ordered');
    const isRefused = isBehind && !this.#hasRoomToWait(entry) && operation.kind === 'call';
    entry.waiting.push(isRefused ? { sequence, head, state: 'settled', result: tooMuch } : waiting);
  }

  /**
   * Calls what is queued in front: one after the other up to the first that wants transfers, then those
   * that want transfers, too, which are done together with it.
   */
  #callQueued(entry: SessionEntry, roomBytes: number): readonly number[] {
    const ordered: number[] = [];
    let transfers = 0;
    let usedBytes = 0;
    for (const [index, waiting] of entry.waiting.entries()) {
      if (waiting.state === 'settled') continue;
      if (waiting.state === 'ordered') break;
      const { sequence, head, operation } = waiting;
      if (operation.kind === 'end') {
        const result: CallResult = { kind: 'done', result: '' };
        entry.waiting[index] = { sequence, head, state: 'settled', result };
        continue;
      }
      const { session, owner, application } = entry;
      const call: Call = { session, sequence, owner, payload: operation.payload };
      if (usedBytes >= roomBytes) {
        entry.waiting[index] = { sequence, head, state: 'settled', result: tooMuchAtOnce };
        continue;
      }
      const { result, writes } = this.#call(entry, call);
      if (result.kind === 'transfers') {
        transfers += result.transfers.length;
        if (transfers > sessionLimits.transfers) break;
        ordered.push(sequence);
        const { transfers: wanted, result: text } = result;
        entry.waiting[index] = {
          sequence,
          head,
          state: 'ordered',
          transfers: wanted,
          result: text,
        };
        continue;
      }
      // What was done now would be seen before the transfers that it comes after.
      if (ordered.length > 0 && result.kind === 'done') break;
      // What waits behind an order is part of every snapshot.
      const isKept = ordered.length === 0 || this.#hasRoomToWait(entry);
      const settled = isKept ? result : tooMuch;
      entry.waiting[index] = { sequence, head, state: 'settled', result: settled };
      usedBytes += resultBytes(settled);
      if (result.kind === 'done') this.#commit(call, application, writes);
    }
    return ordered;
  }

  #call(entry: SessionEntry, call: Call): Called {
    const application = this.#applications.get(entry.application);
    const texts = this.states.get(entry.application);
    if (!application || !texts) throw new Error(`no application ${entry.application}`);
    const made = called(texts, call.payload, (state) => application.apply(state, call));
    if (made.result.kind === 'transfers') {
      return this.#hasRoomForOrder(entry) ? made : { result: tooMuch, writes: noWrites };
    }
    const growth = texts.growth(call.owner, made.writes);
    const reason = this.quota.refusal(texts, call.owner, growth);
    if (reason === undefined) return made;
    return { result: { kind: 'rejected', reason }, writes: noWrites };
  }

  #hasRoomForOrder(entry: SessionEntry): boolean {
    return this.#waitingSessions < settlingLimits.waitingSessions && this.#hasRoomToWait(entry);
  }

  #hasRoomToWait({ waiting }: SessionEntry): boolean {
    return this.#waitingLength + lengthOf(waiting) <= settlingLimits.waitingLength;
  }

  #commit(call: Call, application: string, writes: Writes): void {
    this.states.get(application)?.write(call.owner, writes);
    this.#applied(call, application, writes);
  }

  #count({ waiting }: SessionEntry, sign: 1 | -1): void {
    if (waiting.length === 0) return;
    this.#waitingSessions += sign;
    this.#waitingLength += sign * lengthOf(waiting);
  }
}

type Queued = Extract<WaitingOperation, { readonly state: 'queued' }>;
export type Settled = Extract<WaitingOperation, { readonly state: 'settled' }>;

/** The operations of an order that is over have its outcome for a result. */
export function settleOrdered(
  entry: SessionEntry,
  { sequences }: LaneOrder,
  outcome: OrderOutcome,
): void {
  entry.waiting = entry.waiting.map((waiting): WaitingOperation => {
    if (waiting.state !== 'ordered' || !sequences.includes(waiting.sequence)) return waiting;
    const { sequence, head } = waiting;
    const result: CallResult =
      outcome.kind === 'committed'
        ? { kind: 'done', result: waiting.result }
        : { kind: 'rejected', reason: outcome.reason };
    return { sequence, head, state: 'settled', result };
  });
}

/** What an order asks the banks for. */
export function transfersOf(
  entry: SessionEntry,
  { sequences }: LaneOrder,
): readonly SessionTransfer[] {
  return entry.waiting.flatMap((waiting) =>
    waiting.state === 'ordered' && sequences.includes(waiting.sequence) ? waiting.transfers : [],
  );
}

function lengthOf(waiting: readonly WaitingOperation[]): number {
  return waiting.reduce((sum, one) => sum + 64 + lengthOfOne(one), 0);
}

function lengthOfOne(waiting: WaitingOperation): number {
  switch (waiting.state) {
    case 'queued':
      return waiting.operation.kind === 'call' ? waiting.operation.payload.length : 0;
    case 'ordered':
      return waiting.result.length + 256 * waiting.transfers.length;
    case 'settled':
      return waiting.result.kind === 'done'
        ? waiting.result.result.length
        : waiting.result.reason.length;
  }
}
