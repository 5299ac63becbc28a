import { randomInt } from 'node:crypto';
import type { CoordinatorMember } from './cluster.js';

export type HomeVerdict =
  | { readonly kind: 'wait' }
  | { readonly kind: 'leave'; readonly reason: string }
  | { readonly kind: 'give-up' };

export interface PatienceOptions {
  /** An operation that the home was handed has a status after so long. */
  readonly answerAfterMs: number;
  /** The first operation that is not final is final after so long, at one home. */
  readonly finalAfterMs: number;
  /** There was no news from any coordinator for so long. */
  readonly giveUpAfterMs: number;
}

const pauseMs = 100;
export const pauseMaxMs = 2000;

/** How long a client waits after so many failures in a row, with so many homes to go to. */
export function pauseAfter(failures: number, homes: number): number {
  const round = Math.floor(failures / homes);
  return round === 0 ? 0 : Math.min(pauseMs * 2 ** round, pauseMaxMs);
}

/**
 * How long a client waits for its home. Only what was checked counts as progress: whatever a home says, and
 * however slowly or often it says it, it is left in time.
 */
export class Patience {
  readonly #options: PatienceOptions;
  #homeMs: number;
  #newsMs: number;
  #finalMs: number;

  constructor(options: PatienceOptions, nowMs: number) {
    this.#options = options;
    this.#homeMs = nowMs;
    this.#newsMs = nowMs;
    this.#finalMs = nowMs;
  }

  /** How often it is worth looking. */
  get lookAfterMs(): number {
    const { answerAfterMs, finalAfterMs, giveUpAfterMs } = this.#options;
    return Math.max(10, Math.min(answerAfterMs, finalAfterMs, giveUpAfterMs) / 4);
  }

  /** There was nothing to wait for before. */
  begin(nowMs: number): void {
    this.#homeMs = nowMs;
    this.#newsMs = nowMs;
    this.#finalMs = nowMs;
  }

  homeChanged(nowMs: number): void {
    this.#homeMs = nowMs;
  }

  /** A status that was checked said more than was known, or a coordinator answers and all have a status. */
  news(nowMs: number): void {
    this.#newsMs = nowMs;
  }

  /** The first operation that was not final is. */
  advanced(nowMs: number): void {
    this.#finalMs = nowMs;
  }

  /** While some operation is not final. `isUnanswered`: one of them has no status yet that was checked. */
  verdict(nowMs: number, isUnanswered: boolean): HomeVerdict {
    const { answerAfterMs, finalAfterMs, giveUpAfterMs } = this.#options;
    if (nowMs - this.#newsMs >= giveUpAfterMs) return { kind: 'give-up' };
    if (isUnanswered && nowMs - Math.max(this.#homeMs, this.#newsMs) >= answerAfterMs) {
      return { kind: 'leave', reason: `it shows no promise after ${answerAfterMs} ms` };
    }
    if (nowMs - Math.max(this.#homeMs, this.#finalMs) >= finalAfterMs) {
      return { kind: 'leave', reason: `what it has is not final after ${finalAfterMs} ms` };
    }
    return { kind: 'wait' };
  }
}
/**
 * Which initiators a client asks first: `f + 1` of `2f + 1` initiators are enough, other ones each time. One that kept a
 * request waiting goes to the end of the line until it has answered again.
 */
export class Turns<Member> {
  readonly #members: readonly Member[];
  readonly #late = new Set<Member>();
  #next = 0;

  constructor(members: readonly Member[]) {
    this.#members = members;
  }

  /** All members, those to be asked first in front. */
  take(): readonly Member[] {
    const start = this.#next;
    this.#next = (start + 1) % this.#members.length;
    const turned = [...this.#members.slice(start), ...this.#members.slice(0, start)];
    return [
      ...turned.filter((one) => !this.#late.has(one)),
      ...turned.filter((one) => this.#late.has(one)),
    ];
  }

  wasLate(member: Member): void {
    this.#late.add(member);
  }

  answered(member: Member): void {
    this.#late.delete(member);
  }
}

/** The coordinators in the order in which a client goes to them, round and round. */
export class HomeLine {
  readonly #line: readonly CoordinatorMember[];
  /** Counts the times that the client has gone on. */
  turn = 0;

  /** Begins at the one of this name, or at any. Throws `RangeError` where there is none. */
  constructor(coordinators: readonly CoordinatorMember[], first: string | undefined) {
    this.#line = lineFrom(coordinators, first);
  }

  get length(): number {
    return this.#line.length;
  }

  get home(): CoordinatorMember {
    const home = this.#line[this.turn % this.#line.length];
    if (home === undefined) throw new RangeError('the cluster has no coordinators');
    return home;
  }
}

/** All of them, the home first. */
function lineFrom(
  coordinators: readonly CoordinatorMember[],
  home: string | undefined,
): readonly CoordinatorMember[] {
  const named = coordinators.findIndex(({ name }) => name === home);
  if (home !== undefined && named < 0)
    throw new RangeError(`the cluster has no coordinator ${home}`);
  const first = named >= 0 ? named : randomInt(coordinators.length);
  return [...coordinators.slice(first), ...coordinators.slice(0, first)];
}
