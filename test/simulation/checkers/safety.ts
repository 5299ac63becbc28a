import type { SlotKey } from '../../../src/agreement/messages.js';
import { operationOf } from '../../../src/banking/initiator/outbound.js';
import { quorum, type Resilience } from '../../../src/kernel/ids.js';
import type { Violation } from '../kit/violation.js';
import { activations, enlistmentKey, type Facts, outcomeOf, requestOf } from './facts.js';

export interface SafetyContext {
  readonly facts: Facts;
  readonly resilience: Resilience;
  readonly isCorrect: (address: string) => boolean;
  readonly timing: { readonly voteTimeoutMs: number; readonly defaultExpiresMs: number };
  /** No clock runs faster than this. */
  readonly clockRateMax: number;
}

type Checker = (context: SafetyContext) => readonly string[];

/** No slot has two decisions. */
const outcomeAgreement: Checker = ({ facts }) =>
  [...facts.decisions].flatMap(([slot, decisions]) =>
    decisions.length > 1 ? [`${slot} was decided ${decisions.length} times, differently`] : [],
  );

/** No correct bank ends its part in another way than a correct bank, or than what was decided. */
const atomicity: Checker = ({ facts, isCorrect }) =>
  facts.settlements
    .filter(({ bank }) => isCorrect(bank))
    .flatMap(({ bank, tid, outcome }) => {
      const decided = outcomeOf(facts, tid)?.result;
      const agreed = decided?.kind === 'outcome' ? decided.outcome : 'none';
      // Without a decision a bank may still roll back: presumed abort.
      if (agreed === outcome || (agreed === 'none' && outcome === 'abort')) return [];
      return [`${bank} did ${outcome} in ${tid}, decided was ${agreed}`];
    });

/** A commit rests on `f + 1` initiators, and on the consent of all that a quorum had registered. */
const commitValidity: Checker = ({ facts, resilience, isCorrect }) =>
  [...facts.decisions.values()].flat().flatMap(({ slot, digest, result }) => {
    if (result.kind !== 'outcome' || result.outcome !== 'commit') return [];
    const value = facts.values.get(digest);
    if (value?.kind !== 'outcome') return [`${slot}: nobody showed what was decided`];
    const asked = facts.completions.get(`${value.tid} commit`)?.initiators.size ?? 0;
    const problems = asked > resilience.f ? [] : [`${slot}: committed, asked for by ${asked}`];
    for (const { registration, vote } of value.records) {
      const { participant } = registration.statement;
      const consent = vote?.statement.vote;
      const isCast =
        consent !== undefined &&
        facts.enlistments.get(enlistmentKey(registration.statement))?.votes.has(consent);
      if (isCast && (consent === 'prepared' || consent === 'readOnly')) continue;
      problems.push(`${slot}: committed without the consent of ${participant}`);
    }
    const listed = new Set(value.records.map((one) => one.registration.statement.enlistment));
    for (const one of facts.enlistments.values()) {
      const isRegistered = one.acknowledgedBy.size >= quorum(resilience);
      if (one.tid !== value.tid || !isRegistered || !isCorrect(one.participant)) continue;
      if (!listed.has(one.enlistment)) {
        problems.push(`${slot}: committed without ${one.enlistment}, which is registered`);
      }
    }
    return problems;
  });

/** An abort has a reason that can be seen, and one for a timeout did not come before the time. */
const abortValidity: Checker = ({ facts, resilience, timing, clockRateMax }) =>
  [...facts.decisions.values()].flat().flatMap(({ slot, digest, result }) => {
    if (result.kind !== 'outcome' || result.outcome !== 'abort') return [];
    const value = facts.values.get(digest);
    if (value?.kind !== 'outcome') return [`${slot}: nobody showed what was decided`];
    switch (value.reason) {
      case 'vote': {
        const refused = value.records.some(({ registration }) =>
          facts.enlistments.get(enlistmentKey(registration.statement))?.votes.has('aborted'),
        );
        return refused ? [] : [`${slot}: aborted for a vote that nobody cast`];
      }
      case 'rollback': {
        const asked = facts.completions.get(`${value.tid} rollback`)?.initiators.size ?? 0;
        return asked > resilience.f ? [] : [`${slot}: rolled back, asked for by ${asked}`];
      }
      case 'timeout': {
        const votedMs = facts.firstVoteMs.get(digest) ?? Number.POSITIVE_INFINITY;
        const activated = activations(facts).find(({ tid }) => tid === value.tid);
        const asked = facts.completions.get(`${value.tid} commit`)?.firstMs;
        const fromMs = Math.min(
          (activated?.decision.atMs ?? 0) + timing.defaultExpiresMs / clockRateMax,
          (asked ?? Number.POSITIVE_INFINITY) + timing.voteTimeoutMs / clockRateMax,
        );
        return votedMs >= fromMs - 1
          ? []
          : [`${slot}: aborted for a timeout ${Math.round(fromMs - votedMs)} ms early`];
      }
      default:
        return [`${slot}: aborted without a reason`];
    }
  });

/** A client's request makes one transaction at most. */
const exactlyOnce: Checker = ({ facts }) => {
  const made = new Map<string, Set<string>>();
  for (const { tid, decision } of activations(facts)) {
    const outcome = outcomeOf(facts, tid)?.result;
    if (outcome?.kind !== 'outcome' || outcome.outcome !== 'commit') continue;
    const request = requestOf(facts, decision);
    if (request === undefined) continue;
    made.set(request, (made.get(request) ?? new Set()).add(tid));
  }
  return [...made].flatMap(([request, tids]) =>
    tids.size > 1 ? [`request ${request} was committed ${tids.size} times`] : [],
  );
};

/** Of what a client signs with one timestamp one order at most is paid, however often it is signed. */
const paidOnce: Checker = ({ facts }) => {
  const paid = new Map<string, Set<string>>();
  for (const { tid, decision } of activations(facts)) {
    const committed = facts.decisions
      .get(`o:${tid}` as SlotKey)
      ?.some(({ result }) => result.kind === 'outcome' && result.outcome === 'commit');
    const digest = requestOf(facts, decision);
    const request = digest === undefined ? undefined : facts.requests.get(digest);
    if (!committed || !request) continue;
    const key = `${request.client} at ${request.timestamp}`;
    paid.set(key, (paid.get(key) ?? new Set()).add(tid));
  }
  return [...paid].flatMap(([key, tids]) =>
    tids.size > 1 ? [`the request of ${key} was paid ${tids.size} times`] : [],
  );
};

/** What rolls a transaction back, or is waited for, is a bank that its order names. */
const onlyInvited: Checker = ({ facts }) => {
  const requests = new Map(
    activations(facts).map(({ tid, decision }) => [tid, requestOf(facts, decision)]),
  );
  return [...facts.decisions.values()].flat().flatMap(({ slot, digest, result }) => {
    const value = facts.values.get(digest);
    if (result.kind !== 'outcome' || value?.kind !== 'outcome') return [];
    const request = facts.requests.get(requests.get(value.tid) ?? digest);
    if (!request) return [];
    const invited = new Set<string>(
      operationOf(request.order).legs.map(({ participant }) => participant),
    );
    return value.records
      .map(({ registration }) => registration.statement.participant)
      .filter((participant) => !invited.has(participant))
      .map((participant) => `${slot}: ${participant} has a say, which nobody invited`);
  });
};

/** No transaction id is made twice, and each belongs to a request that a client made. */
const uniqueIds: Checker = ({ facts }) => {
  const slots = new Map<string, string>();
  return activations(facts).flatMap(({ tid, decision }) => {
    const { slot } = decision;
    const before = slots.get(tid);
    slots.set(tid, slot);
    if (before !== undefined && before !== slot) return [`${tid} was made by two requests`];
    const request = requestOf(facts, decision);
    const isAsked = request !== undefined && facts.requests.has(request);
    return isAsked ? [] : [`${tid} was made for a request of nobody`];
  });
};

/** What a correct client believes was decided so, for its own request. */
const truthfulAnswers: Checker = ({ facts }) =>
  [...facts.requests.values()].flatMap(({ client, timestamp, digest, verdict, ...request }) => {
    if (!request.isOfCorrectClient || verdict?.kind !== 'result') return [];
    const { transactionId: tid, outcome } = verdict.result;
    const result = outcomeOf(facts, tid)?.result;
    const decided = result?.kind === 'outcome' ? result.outcome : 'none';
    const made = activations(facts).find((one) => one.tid === tid);
    const who = `${client} was told ${outcome} for its request at ${timestamp}`;
    if (outcome !== (decided === 'commit' ? 'committed' : 'aborted') || decided === 'none') {
      return [`${who}; ${tid} was decided ${decided}`];
    }
    return made && requestOf(facts, made.decision) === digest
      ? []
      : [`${who}; ${tid} is not its transaction`];
  });

const checkers: Readonly<Record<string, Checker>> = {
  'outcome-agreement': outcomeAgreement,
  atomicity,
  'commit-validity': commitValidity,
  'abort-validity': abortValidity,
  'exactly-once': exactlyOnce,
  'paid-once': paidOnce,
  'only-invited': onlyInvited,
  'unique-ids': uniqueIds,
  'truthful-answers': truthfulAnswers,
};

/** What must hold at any moment, whatever happens. */
export function checkSafety(context: SafetyContext): readonly Violation[] {
  return [
    ...context.facts.contradictions,
    ...Object.entries(checkers).flatMap(([checker, check]) =>
      check(context).map((what) => ({ checker, what })),
    ),
  ];
}
