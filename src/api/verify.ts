/**
 * Checks proofs with the cluster's public file and nothing else: no Node.js, no network.
 *
 * @packageDocumentation
 */

import { z } from 'zod';
import { decodeDecisionProof } from '../agreement/certificate.js';
import { verifyDecisionProof } from '../agreement/check-message.js';
import type { VerificationError } from '../agreement/check-signature.js';
import { findingText } from '../agreement/finding-text.js';
import type { DecisionProof } from '../agreement/messages.js';
import type { AgreementName } from '../kernel/cluster.js';
import { WireError } from '../kernel/codec/bytes.js';
import {
  type ClusterId,
  clusterId,
  failed,
  ok,
  type Result,
  resilience,
  unreachable,
} from '../kernel/ids.js';
import { type MemberKeys, PortableVerifier } from '../kernel/portable-verifier.js';
import { verifyOperationProof, verifyStateProof } from '../session/check-proof.js';
import {
  outcomeProofFrom,
  outcomeProofSchema,
  stateProofFrom,
  stateProofSchema,
} from '../session/http/proof-json.js';
import type { CallResult, OutcomeProof, StateProof } from '../session/types.js';

export type { VerificationError } from '../agreement/check-signature.js';
export type { Result } from '../kernel/ids.js';
export type { MemberKey, MemberKeys } from '../kernel/portable-verifier.js';
export type { Signer } from '../kernel/verifier.js';
export type { CallResult } from '../session/types.js';

/** What a proof is checked with: the cluster's public file, `cluster.json`, as JSON. More fields do no harm. */
export interface ClusterKeys extends MemberKeys {
  /** The cluster's id, which all signed texts name. */
  readonly id: string;
  /** How many coordinators may be Byzantine. */
  readonly f: number;
  /** How its coordinators agree; `three-phase` where the file says nothing. */
  readonly agreement?: AgreementName | undefined;
}

/** Why a proof does not hold. */
export type ProofFault =
  /** It is no proof of this cluster, or not in its one encoding. */
  { readonly code: 'malformed'; readonly reason: string } | VerificationError;

/** What a proof of a coordinator decision proves. */
export type ProvedDecision =
  | {
      /** The client's request got this transaction, and no other. */
      readonly kind: 'activation';
      readonly transactionId: string;
      /** Coordinators that signed the decision. */
      readonly coordinators: readonly number[];
    }
  | {
      /** The transaction ended so, and never otherwise. */
      readonly kind: 'outcome';
      readonly transactionId: string;
      readonly outcome: 'commit' | 'abort';
      /** Why the transaction was aborted. */
      readonly reason?: 'vote' | 'rollback' | 'timeout';
      /** Every registered participation, with its vote where the certificate holds one. */
      readonly participants: readonly {
        readonly participant: string;
        readonly enlistment: string;
        readonly vote?: string;
      }[];
      readonly coordinators: readonly number[];
    };

/** What a proof of layer 2 proves. */
export type ProvedSessionFact =
  | {
      /** The application's state has this value under the key. */
      readonly kind: 'state';
      readonly application: string;
      readonly key: string;
      readonly value: string;
      /** Coordinators that signed. */
      readonly coordinators: readonly number[];
    }
  | {
      /** The operation is final, with this result. */
      readonly kind: 'operation';
      readonly session: string;
      readonly sequence: number;
      /** Names the operation and all before it. */
      readonly head: string;
      readonly result: CallResult;
      /** Where in the agreed order. */
      readonly position: number;
      readonly coordinators: readonly number[];
    };

/**
 * Checks the proof of a coordinator decision, as `concordat proof` writes it, with nothing but the
 * cluster's public file. Throws `RangeError` or `TypeError` where the cluster's own fields are out of form.
 *
 * @example
 * ```ts
 * import { readFile } from 'node:fs/promises';
 * import { faultText, verifyOutcomeProof } from 'concordat/verify';
 *
 * const cluster = JSON.parse(await readFile('cluster.json', 'utf8'));
 * const checked = verifyOutcomeProof(cluster, await readFile('transfer.proof'));
 * console.log(checked.ok ? checked.value.transactionId : faultText(checked.error));
 * ```
 */
export function verifyOutcomeProof(
  cluster: ClusterKeys,
  bytes: Uint8Array,
): Result<ProvedDecision, ProofFault> {
  const { id, verifier } = keysOf(cluster);
  const proof = decoded(() => decodeDecisionProof(id, bytes));
  if (!proof.ok) return proof;
  const checked = verifyDecisionProof(verifier, proof.value);
  return checked.ok ? ok(provedDecision(checked.value)) : checked;
}

/**
 * Checks a proof of layer 2 in the JSON that coordinators answer: of a value of an application's state
 * (`GET /state/APPLICATION/KEY/proof`), or of a final operation (the `proof` of its status). Throws as
 * `verifyOutcomeProof` does.
 *
 * @example
 * ```ts
 * import { type ClusterKeys, faultText, verifySessionProof } from 'concordat/verify';
 *
 * export async function provedValue(cluster: ClusterKeys, url: string): Promise<string> {
 *   const answer = await fetch(`${url}/state/supply-chain/package%2FP-1/proof`);
 *   const checked = verifySessionProof(cluster, await answer.json());
 *   if (!checked.ok) throw new Error(faultText(checked.error));
 *   return checked.value.kind === 'state' ? checked.value.value : '';
 * }
 * ```
 */
export function verifySessionProof(
  cluster: ClusterKeys,
  json: unknown,
): Result<ProvedSessionFact, ProofFault> {
  const { id, verifier } = keysOf(cluster);
  const proof = decoded(() => sessionProofFrom(id, json));
  if (!proof.ok) return proof;
  if ('attestations' in proof.value) {
    const checked = verifyStateProof(verifier, proof.value);
    return checked.ok ? ok(provedState(checked.value)) : checked;
  }
  const checked = verifyOperationProof(verifier, proof.value);
  return checked.ok ? ok(provedOperation(checked.value)) : checked;
}

/**
 * Why a proof does not hold, in words for people.
 *
 * @example
 * ```ts
 * import { faultText } from 'concordat/verify';
 *
 * console.log(faultText({ code: 'malformed', reason: 'bytes after the end' }));
 * ```
 */
export function faultText(fault: ProofFault): string {
  return fault.code === 'malformed' ? fault.reason : findingText(fault);
}

function keysOf(cluster: ClusterKeys): { id: ClusterId; verifier: PortableVerifier } {
  const { length } = cluster.coordinators;
  const { agreement } = cluster;
  const verifier = new PortableVerifier(resilience(length, cluster.f), cluster, agreement);
  return { id: clusterId(cluster.id), verifier };
}

const sessionProofSchema = z.union([stateProofSchema, outcomeProofSchema]);

function sessionProofFrom(cluster: ClusterId, json: unknown): StateProof | OutcomeProof {
  const proof = sessionProofSchema.parse(json);
  return 'attestations' in proof
    ? stateProofFrom(cluster, proof)
    : outcomeProofFrom(cluster, proof);
}

function decoded<Proof>(decode: () => Proof): Result<Proof, ProofFault> {
  try {
    return ok(decode());
  } catch (error) {
    if (error instanceof WireError) return failed({ code: 'malformed', reason: error.message });
    if (error instanceof z.ZodError) {
      return failed({ code: 'malformed', reason: 'this is no proof as coordinators answer it' });
    }
    throw error;
  }
}

function provedDecision({ commits, value }: DecisionProof): ProvedDecision {
  const coordinators = commits.signatures.map(({ replica }) => replica);
  const { result } = commits.statement;
  switch (value.kind) {
    case 'activation':
      if (result.kind !== 'activation') throw new TypeError('an activation with another result');
      return { kind: 'activation', transactionId: result.tid, coordinators };
    case 'outcome':
      return {
        kind: 'outcome',
        transactionId: value.tid,
        outcome: value.outcome,
        ...(value.reason !== undefined && { reason: value.reason }),
        participants: value.records.map(({ registration, vote }) => ({
          participant: registration.statement.participant,
          enlistment: registration.statement.enlistment,
          ...(vote && { vote: vote.statement.vote }),
        })),
        coordinators,
      };
    default:
      return unreachable(value);
  }
}

function provedState({ application, key, value, attestations }: StateProof): ProvedSessionFact {
  const coordinators = attestations.map(({ replica }) => replica);
  return { kind: 'state', application, key, value, coordinators };
}

function provedOperation({ outcome, certificate }: OutcomeProof): ProvedSessionFact {
  const coordinators = certificate.signatures.map(({ replica }) => replica);
  return { kind: 'operation', ...outcome, position: certificate.statement.position, coordinators };
}
