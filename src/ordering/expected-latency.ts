import { fastQuorum } from '../agreement/two-step.js';
import { oneCorrect, quorum, type Resilience } from '../kernel/ids.js';

/** One-way delays in milliseconds, by sender and receiver; 0 to itself. */
export type OneWayMs = readonly (readonly number[])[];

const primary = 0;

/** When each replica has something, by replica. */
type Times = readonly number[];

/**
 * How long a client beside each replica waits for an answer that it believes (of `f + 1` replicas; of all with ezBFT) where
 * messages alone take time: nobody fails, nothing else is under way, and the request meets no other. The first primary is replica 0.
 */
export function expectedLatencyMs(
  engine: keyof typeof saidMs,
  resilience: Resilience,
  oneWayMs: OneWayMs,
): number[] {
  return oneWayMs.map((_, home) => {
    const said = saidMs[engine](new Delays(resilience, oneWayMs), home);
    const answers = said.map((ms, replica) => ms + delay(oneWayMs, replica, home));
    return nth(answers, engine === 'ezbft' ? resilience.n : oneCorrect(resilience));
  });
}

/** When each replica answers: where it has decided, or with ezBFT's `speculated`. */
const saidMs = {
  antipaxos: byCycle,
  pbft: byThreePhases,
  fab: byTwoSteps,
  ezbft: byReplies,
} as const;

class Delays {
  readonly resilience: Resilience;
  readonly #oneWayMs: OneWayMs;

  constructor(resilience: Resilience, oneWayMs: OneWayMs) {
    this.resilience = resilience;
    this.#oneWayMs = oneWayMs;
  }

  /** One message of this replica to all. */
  from(sender: number, atMs: number): Times {
    return this.#oneWayMs.map((_, to) => atMs + delay(this.#oneWayMs, sender, to));
  }

  between(from: number, to: number): number {
    return delay(this.#oneWayMs, from, to);
  }

  /** When each replica has a message of so many of the senders, each of which sends when its time has come. */
  ofEach(sentMs: Times, count: number, senders = [...sentMs.keys()]): Times {
    return sentMs.map((_, to) =>
      nth(
        senders.map((from) => (sentMs[from] ?? 0) + this.between(from, to)),
        count,
      ),
    );
  }
}

/** Castro and Liskov §4.2. The primary sends no prepare. */
function byThreePhases(delays: Delays, home: number): Times {
  const quorumSize = quorum(delays.resilience);
  const proposed = delays.from(primary, delays.between(home, primary));
  const backups = [...proposed.keys()].filter((replica) => replica !== primary);
  const prepares = delays.ofEach(proposed, quorumSize - 1, backups);
  const prepared = later(proposed, prepares);
  return later(prepared, delays.ofEach(prepared, quorumSize));
}

/** `n - t` acknowledgements, of which the primary's proposal is one (`agreement/two-step.ts`). */
function byTwoSteps(delays: Delays, home: number): Times {
  const proposed = delays.from(primary, delays.between(home, primary));
  return later(proposed, delays.ofEach(proposed, fastQuorum(delays.resilience)));
}

/** ezBFT's fast path: all replicas tell the client the same of the instance that its replica leads. */
function byReplies(delays: Delays, home: number): Times {
  return delays.from(home, 0);
}

/**
 * Antipaxos' fast path (lines 2 to 22), where the client's replica alone has something to propose: the others join the
 * cycle when its value comes.
 */
function byCycle(delays: Delays, home: number): Times {
  const joined = delays.from(home, 0);
  const all = joined.length;
  const reported = delays.ofEach(joined, all);
  return delays.ofEach(reported, all);
}

function later(one: Times, other: Times): Times {
  return one.map((ms, index) => Math.max(ms, other[index] ?? 0));
}

function delay(oneWayMs: OneWayMs, from: number, to: number): number {
  return oneWayMs[from]?.[to] ?? 0;
}

/** The n-th of them in time, counted from 1. */
function nth(times: Times, count: number): number {
  return [...times].sort((a, b) => a - b)[count - 1] ?? 0;
}
