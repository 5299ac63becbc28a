/** What this process has done so far of what costs. */
export interface Costs {
  /** Ed25519 signatures of statements and agreement messages made, and checked; those that are remembered aside. */
  statementsSigned: number;
  statementsChecked: number;
  /** XML signatures of SOAP messages made, and checked. */
  messagesSigned: number;
  messagesChecked: number;
  /** Turns of a core: what it does in one is written, signed and sent together. */
  turns: number;
  /** Synced writes of a store. */
  writes: number;
  /** SOAP messages sent that wait for an answer, by HTTP or on a link, and their bytes. */
  exchanges: number;
  exchangeBytes: number;
  /** Messages to other coordinators on their links, their bytes, and the times that some left together. */
  frames: number;
  frameBytes: number;
  flushes: number;
}

/** Counted where it happens. A replica's `/status` shows it; a test holds what a transfer may cost. */
export const costs: Costs = {
  statementsSigned: 0,
  statementsChecked: 0,
  messagesSigned: 0,
  messagesChecked: 0,
  turns: 0,
  writes: 0,
  exchanges: 0,
  exchangeBytes: 0,
  frames: 0,
  frameBytes: 0,
  flushes: 0,
};

/** What came to it since an earlier copy, for each of `count`. */
export function costsSince(before: Costs, count: number): Costs {
  const each = { ...costs };
  for (const name of Object.keys(each) as (keyof Costs)[]) {
    each[name] = (costs[name] - before[name]) / count;
  }
  return each;
}
