import type { ReplicaId } from '../../../src/kernel/ids.js';
import { AntipaxosEngine } from '../../../src/ordering/core/antipaxos/engine.js';
import type { Violation } from '../kit/violation.js';
import { type Measured, promisedByAntipaxos, promisedByPbft } from './cost.js';
import { isFaulty } from './replica-plan.js';
import { genuineRequest } from './requests.js';
import { keyOf } from './witness.js';
import type { OrderingWorld } from './world.js';

/** Longest pause between two lone requests. */
const PAUSE_MS = 40;
const VIOLATIONS_MAX = 5;

interface Open {
  readonly replica: ReplicaId;
  readonly key: string;
  readonly sinceMs: number;
}

/**
 * Lone requests at the correct replicas in turn: how long each waits, and whether anybody correct is left out
 * meanwhile. Nothing is wrong but the liars, so every correct replica is in time.
 */
export class Measure {
  readonly violations: Violation[] = [];
  readonly #world: OrderingWorld;
  readonly #waitsMs: number[] = [];
  #open: Open | undefined;
  #delayMs = 0;
  #timeoutMs = 0;

  constructor(world: OrderingWorld) {
    this.#world = world;
    world.onProgress = () => this.#look();
    world.engine.after(this.#pauseMs(), () => this.#next());
  }

  get isDone(): boolean {
    const { measuring } = this.#world.plan;
    return this.#waitsMs.length >= (measuring?.requests ?? 0);
  }

  /** What took longer than is promised. */
  check(): readonly Violation[] {
    const { plan, coverage } = this.#world;
    const promised =
      plan.engine === 'antipaxos'
        ? promisedByAntipaxos(plan, this.#measured)
        : promisedByPbft(plan);
    const costly = this.#waitsMs.filter((waitMs) => waitMs > promised.usualMs).length;
    const worstMs = Math.max(...this.#waitsMs, 0);
    coverage.count('lone requests', this.#waitsMs.length);
    coverage.count('lone requests that cost more than usual', costly);
    coverage.atLeast('longest ms of a lone request', worstMs);
    coverage.atLeast('highest percent of costly requests', (100 * costly) / this.#waitsMs.length);
    const found = [...this.violations];
    const fault = (what: string) => found.push({ checker: 'cost-of-lies', what });
    if (worstMs > promised.worstMs) {
      fault(`a request took ${ms(worstMs)}, ${ms(promised.worstMs)} at most`);
    }
    if (costly > promised.costlyMax) {
      const all = `${costly} of ${this.#waitsMs.length}`;
      fault(
        `${all} requests took more than ${ms(promised.usualMs)}, ${promised.costlyMax} at most`,
      );
    }
    if (this.#timeoutMs > promised.timeoutMs) {
      fault(`phases wait ${ms(this.#timeoutMs)}, ${ms(promised.timeoutMs)} at most`);
    }
    return found;
  }

  get #measured(): Measured {
    const cycles = this.#world.witness.highestCycle;
    return { delayMs: this.#delayMs, timeoutMs: this.#timeoutMs, cycles };
  }

  #next(): void {
    if (this.isDone) return;
    const { correct, engine } = this.#world;
    const number = this.#waitsMs.length + 1;
    const replica = correct[number % correct.length] ?? (0 as ReplicaId);
    const request = genuineRequest(`lone-${replica}`, number, 'lone');
    this.#open = { replica, key: keyOf(request), sinceMs: engine.nowMs };
    this.#world.submit(replica, request);
  }

  #look(): void {
    this.#lookAtTheOthers();
    const open = this.#open;
    if (!open) return;
    const { witness, engine } = this.#world;
    if (!witness.hasApplied(open.replica, open.key)) return;
    this.#open = undefined;
    this.#waitsMs.push(engine.nowMs - open.sinceMs);
    this.#world.say(`lone request ${open.key} took ${ms(engine.nowMs - open.sinceMs)}`);
    engine.after(this.#pauseMs(), () => this.#next());
  }

  #lookAtTheOthers(): void {
    for (const { replica, core } of this.#world.cores) {
      if (!(core instanceof AntipaxosEngine)) continue;
      const { delayMs, timeoutMs, excluded } = core.metrics;
      this.#delayMs = Math.max(this.#delayMs, delayMs);
      this.#timeoutMs = Math.max(this.#timeoutMs, timeoutMs);
      const wronged = excluded.filter((one) => !isFaulty(this.#world.plan, one));
      if (wronged.length === 0 || this.violations.length >= VIOLATIONS_MAX) continue;
      const where = `${replica} at ${core.position}`;
      const what = `${wronged} correct and in time, and left out (${where})`;
      this.violations.push({ checker: 'nobody-correct-left-out', what });
    }
  }

  #pauseMs(): number {
    return this.#world.random.between(0, PAUSE_MS);
  }
}

function ms(durationMs: number): string {
  return `${Math.round(durationMs)} ms`;
}
