import type { Ballot, SlotKey, SlotResult, SlotValue } from '../../../src/agreement/messages.js';
import type { Decision, Outcome, Vote } from '../../../src/agreement/statements.js';
import type { Transfer } from '../../../src/banking/soap.js';
import type { Digest, EnlistmentId, TransactionId } from '../../../src/kernel/ids.js';
import type { PollVerdict } from '../../../src/service/client/poll-core.js';
import type { Violation } from '../kit/violation.js';

/** What a client asked for, as it signed it. */
export interface RequestFact {
  readonly client: string;
  readonly timestamp: number;
  readonly digest: Digest;
  readonly order: Transfer;
  readonly isOfCorrectClient: boolean;
  readonly atMs: number;
  verdict?: Exclude<PollVerdict, { kind: 'open' }>;
}

/** A quorum of signed commits was seen. */
export interface DecisionFact {
  readonly slot: SlotKey;
  readonly ballot: Ballot;
  readonly digest: Digest;
  readonly result: SlotResult;
  readonly atMs: number;
}

/** An enlistment of a participant, as seen from outside. */
export interface EnlistmentFact {
  readonly participant: string;
  readonly tid: TransactionId;
  readonly enlistment: EnlistmentId;
  /** Replicas whose acknowledgement reached the participant. */
  readonly acknowledgedBy: Set<string>;
  readonly votes: Set<Vote>;
}

/** What a bank's book did with a prepared enlistment. */
export interface SettlementFact {
  readonly bank: string;
  readonly tid: TransactionId;
  readonly outcome: Outcome;
}

export interface CompletionFact {
  readonly initiators: Set<number>;
  /** When the first such request was sent. */
  readonly firstMs: number;
}

/** All that was seen from outside of the nodes. */
export interface Facts {
  readonly requests: ReadonlyMap<Digest, RequestFact>;
  /** Which client request the content of an activation is. */
  readonly requestOfContent: ReadonlyMap<Digest, Digest>;
  readonly decisions: ReadonlyMap<SlotKey, readonly DecisionFact[]>;
  readonly values: ReadonlyMap<Digest, SlotValue>;
  /** When the first correct replica voted for a value. */
  readonly firstVoteMs: ReadonlyMap<Digest, number>;
  readonly enlistments: ReadonlyMap<string, EnlistmentFact>;
  readonly completions: ReadonlyMap<`${TransactionId} ${Decision}`, CompletionFact>;
  readonly settlements: readonly SettlementFact[];
  /** Found while looking, not afterwards. */
  readonly contradictions: readonly Violation[];
}

/** Names an enlistment: liars use one id in several transactions. */
export function enlistmentKey({
  participant,
  tid,
  enlistment,
}: Pick<EnlistmentFact, 'participant' | 'tid' | 'enlistment'>): string {
  return `${tid} ${participant} ${enlistment}`;
}

/** The decision of an outcome slot, where there is one. */
export function outcomeOf(facts: Facts, tid: TransactionId): DecisionFact | undefined {
  return facts.decisions.get(`o:${tid}` as SlotKey)?.[0];
}

/** The decided transactions: their ids, and the activation slots that made them. */
export function activations(facts: Facts): { tid: TransactionId; decision: DecisionFact }[] {
  return [...facts.decisions.values()].flatMap((decisions) =>
    decisions.flatMap((decision) =>
      decision.result.kind === 'activation' ? [{ tid: decision.result.tid, decision }] : [],
    ),
  );
}

/** The client request that an activation was decided for. */
export function requestOf(facts: Facts, { result }: DecisionFact): Digest | undefined {
  return result.kind === 'activation' ? facts.requestOfContent.get(result.content) : undefined;
}
