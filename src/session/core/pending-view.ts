import type { ClientId } from '../../kernel/ids.js';
import type { CallResult, SessionId } from '../types.js';
import type { Application, Call } from './application.js';
import { called } from './machine/lanes.js';
import { costOf } from './machine/pages.js';
import { ApplicationFault } from './machine/resources.js';
import type { StateQuota } from './machine/settling.js';
import { mergedKeys, type Reads, type StateTable, type Writes } from './machine/state-table.js';

/**
 * The committed states with all calls on top that this replica knows to wait, in the order in which they
 * came. What a call was simulated to write stays until the call is done; where something else became of
 * it, what waits is simulated anew before the next simulation.
 */
export class PendingView {
  readonly #views: ReadonlyMap<string, View>;

  constructor(
    applications: readonly Application[],
    states: ReadonlyMap<string, StateTable>,
    quota: StateQuota,
  ) {
    this.#views = new Map(
      applications.flatMap((application) => {
        const base = states.get(application.name);
        return base ? [[application.name, new View(application, base, quota)] as const] : [];
      }),
    );
  }

  knows(application: string): boolean {
    return this.#views.has(application);
  }

  /**
   * The likely result of a call, which from now on is one of those that wait. Throws `ApplicationFault` where
   * the application runs out of something; then it does not wait.
   */
  simulate(application: string, call: Call): CallResult {
    const view = this.#views.get(application);
    return view?.simulate(call) ?? { kind: 'rejected', reason: 'no such application' };
  }

  /** After a restart: the call waits, with the result that was promised before. */
  restore(application: string, call: Call): void {
    this.#views.get(application)?.restore(call);
  }

  /** The call was done, and wrote this. */
  applied(application: string, call: Call, writes: Writes): void {
    this.#views.get(application)?.applied(call, writes);
  }

  /** The call does not wait any more, whatever became of it. */
  remove(application: string, call: CallName): void {
    this.#views.get(application)?.remove(call);
  }

  /** The committed states are others than before. */
  jumped(): void {
    for (const view of this.#views.values()) view.doubt();
  }
}

export type CallName = Pick<Call, 'session' | 'sequence'>;

interface Waiting {
  readonly call: Call;
  writes: Writes;
  /** Bytes that it would add to the state. */
  growth: number;
}

interface Simulated {
  readonly result: CallResult;
  readonly writes: Writes;
  readonly growth: number;
}

class View implements Reads {
  readonly #application: Application;
  readonly #base: StateTable;
  readonly #quota: StateQuota;
  /** In the order in which they came. */
  readonly #waiting = new Map<string, Waiting>();
  readonly #writes = new Map<string, string | null>();
  /** How many of those that wait write a key. */
  readonly #writers = new Map<string, number>();
  /** What those that wait would add to the state, by owner. */
  readonly #pending = new Map<ClientId, number>();
  #isDoubtful = false;

  constructor(application: Application, base: StateTable, quota: StateQuota) {
    this.#application = application;
    this.#base = base;
    this.#quota = quota;
  }

  get(key: string): string | undefined {
    const written = this.#writes.get(key);
    return written === undefined ? this.#base.get(key) : (written ?? undefined);
  }

  keys(prefix: string): readonly string[] {
    return mergedKeys(this.#base, this.#writes, prefix);
  }

  simulate(call: Call): CallResult {
    if (this.#isDoubtful) this.#rebuild();
    const { result, ...simulated } = this.#simulated(call);
    this.#wait({ call, ...simulated });
    return result;
  }

  restore(call: Call): void {
    this.#waiting.set(nameOf(call), { call, writes: new Map(), growth: 0 });
    this.#isDoubtful = true;
  }

  applied(call: Call, writes: Writes): void {
    const waiting = this.#waiting.get(nameOf(call));
    if (!waiting) {
      this.#isDoubtful ||= [...writes.keys()].some((key) => this.#writes.has(key));
    } else if (isSame(waiting.writes, writes)) {
      this.#take(waiting);
    } else {
      this.#leave(waiting);
      this.#isDoubtful = true;
    }
  }

  remove(call: CallName): void {
    const waiting = this.#waiting.get(nameOf(call));
    if (!waiting) return;
    this.#leave(waiting);
    this.#isDoubtful ||= waiting.writes.size > 0;
  }

  doubt(): void {
    this.#isDoubtful = true;
  }

  /** A call that would find no room in the agreed order is rejected here, too. */
  #simulated(call: Call): Simulated {
    const { result, writes } = called<CallResult>(this, call.payload, (state) =>
      this.#application.simulate(state, call),
    );
    const growth = this.#growthOf(writes);
    const { owner } = call;
    const all = [...this.#pending.values()].reduce((sum, bytes) => sum + bytes, 0);
    const pending = { own: this.#pending.get(owner) ?? 0, all };
    const added = { own: growth, all: growth };
    const reason = this.#quota.refusal(this.#base, owner, added, pending);
    if (reason === undefined) return { result, writes, growth };
    return { result: { kind: 'rejected', reason }, writes: new Map(), growth: 0 };
  }

  /** A call that fails here only now has its promise already. */
  #simulatedAgain(call: Call): Omit<Simulated, 'result'> {
    try {
      const { writes, growth } = this.#simulated(call);
      return { writes, growth };
    } catch (error) {
      if (error instanceof ApplicationFault) return { writes: new Map(), growth: 0 };
      throw error;
    }
  }

  /** On top of what waits. */
  #growthOf(writes: Writes): number {
    let growth = 0;
    for (const [key, value] of writes) {
      const before = this.get(key);
      if (before !== undefined) growth -= costOf(key, before);
      if (value !== null) growth += costOf(key, value);
    }
    return growth;
  }

  #wait(waiting: Waiting): void {
    this.#waiting.set(nameOf(waiting.call), waiting);
    this.#add(waiting.call.owner, waiting.growth);
    this.#write(waiting.writes);
  }

  #leave({ call, growth }: Waiting): void {
    this.#waiting.delete(nameOf(call));
    this.#add(call.owner, -growth);
  }

  #add(owner: ClientId, growth: number): void {
    const pending = (this.#pending.get(owner) ?? 0) + growth;
    if (pending === 0) this.#pending.delete(owner);
    else this.#pending.set(owner, pending);
  }

  #write(writes: Writes): void {
    for (const [key, value] of writes) {
      this.#writes.set(key, value);
      this.#writers.set(key, (this.#writers.get(key) ?? 0) + 1);
    }
  }

  /** What it wrote is in the base now. */
  #take(waiting: Waiting): void {
    this.#leave(waiting);
    for (const key of waiting.writes.keys()) {
      const others = (this.#writers.get(key) ?? 1) - 1;
      if (others > 0) {
        this.#writers.set(key, others);
      } else {
        this.#writers.delete(key);
        this.#writes.delete(key);
      }
    }
  }

  #rebuild(): void {
    this.#isDoubtful = false;
    this.#writes.clear();
    this.#writers.clear();
    this.#pending.clear();
    for (const { call } of [...this.#waiting.values()]) {
      this.#wait({ call, ...this.#simulatedAgain(call) });
    }
  }
}

function nameOf({ session, sequence }: { session: SessionId; sequence: number }): string {
  return `${session} ${sequence}`;
}

function isSame(a: Writes, b: Writes): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);
}
