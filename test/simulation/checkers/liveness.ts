import type { Violation } from '../kit/violation.js';
import { activations, type Facts, outcomeOf, type RequestFact } from './facts.js';

export interface LivenessContext {
  readonly facts: Facts;
  /** Requests that correct clients were going to make. */
  readonly expectedRequests: number;
  readonly inDoubt: readonly { readonly key: string; readonly bank: string }[];
  readonly isCorrect: (address: string) => boolean;
  /** Whether some correct replica has forgotten what the request became: it may be called too old. */
  readonly isForgotten: (request: RequestFact) => boolean;
}

/** What must have come about once the faults are over: what is still open. */
export function unfinished(context: LivenessContext): readonly Violation[] {
  const { facts, expectedRequests, inDoubt, isCorrect, isForgotten } = context;
  const problems: string[] = [];
  const own = [...facts.requests.values()].filter((request) => request.isOfCorrectClient);
  if (own.length < expectedRequests) {
    problems.push(`only ${own.length} of ${expectedRequests} requests were made`);
  }
  for (const request of own) {
    const { client, timestamp, verdict } = request;
    if (verdict === undefined) problems.push(`${client} has no answer to ${timestamp}`);
    else if (verdict.kind !== 'result' && !(isTooOld(verdict) && isForgotten(request))) {
      problems.push(`${client} got no outcome for ${timestamp}, but ${verdict.kind}`);
    }
  }
  for (const { tid } of activations(facts)) {
    if (!outcomeOf(facts, tid)) problems.push(`transaction ${tid} was never decided`);
  }
  const liveness = problems.map((what) => ({ checker: 'everything-finishes', what }));
  const doubts = inDoubt
    .filter(({ bank }) => isCorrect(bank))
    .map(({ key, bank }) => ({ checker: 'no-doubt', what: `${bank} is in doubt about ${key}` }));
  return [...liveness, ...doubts];
}

function isTooOld(verdict: NonNullable<RequestFact['verdict']>): boolean {
  return verdict.kind === 'refused' && verdict.isTooOld;
}
