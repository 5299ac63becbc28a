import { z } from 'zod';
import { base64Of } from '../../kernel/codec/base64.js';
import type { ClusterId } from '../../kernel/ids.js';
import type { Signed } from '../../kernel/signed.js';
import { encodeSessionStatement } from '../statement.js';
import {
  type AttestationStatement,
  type OutcomeProof,
  type SessionStatement,
  type StateProof,
  sessionLimits,
} from '../types.js';
import {
  base64,
  callResult,
  digestText,
  position,
  replica,
  sequenceField,
  sessionIdField,
  textUpTo,
} from './fields.js';

/** A statement's fields with the signature. */
export function signedJson({ statement, signature }: Signed<SessionStatement>): object {
  return { ...statement, signature: base64Of(signature) };
}

/** The signed statement whose fields came; the signature is over the one encoding that they have. */
export function signedFrom<S extends SessionStatement>(
  cluster: ClusterId,
  statement: S,
  signature: Uint8Array,
): Signed<S> {
  return { statement, bytes: encodeSessionStatement(cluster, statement), signature };
}

export function outcomeProofJson({ outcome, path, certificate }: OutcomeProof): object {
  const { statement, signatures } = certificate;
  return {
    outcome,
    path,
    certificate: {
      statement,
      signatures: signatures.map(({ replica, signature }) => ({
        replica,
        signature: base64Of(signature),
      })),
    },
  };
}

const signature = z.object({ replica, signature: base64 });

export const outcomeProofSchema = z.object({
  outcome: z.object({
    session: sessionIdField,
    sequence: sequenceField,
    head: digestText,
    result: callResult,
  }),
  path: z.array(z.object({ side: z.enum(['left', 'right']), digest: digestText })).max(64),
  certificate: z.object({
    statement: z.object({
      kind: z.literal('history'),
      position,
      before: digestText,
      root: digestText,
    }),
    signatures: z.array(signature).max(64),
  }),
});

/** Throws `WireError` where the statement is one that no replica can have signed. */
export function outcomeProofFrom(
  cluster: ClusterId,
  { outcome, path, certificate }: z.output<typeof outcomeProofSchema>,
): OutcomeProof {
  const { statement, signatures } = certificate;
  const bytes = encodeSessionStatement(cluster, statement);
  return { outcome, path, certificate: { statement, bytes, signatures } };
}

export function stateProofJson({ attestations, ...rest }: StateProof): object {
  return {
    ...rest,
    attestations: attestations.map((attestation) => ({
      replica: attestation.replica,
      ...signedJson(attestation),
    })),
  };
}

export const stateProofSchema = z.object({
  application: z.string(),
  key: z.string(),
  value: textUpTo(sessionLimits.valueBytes),
  attestations: z
    .array(
      z.object({
        replica,
        kind: z.literal('attestation'),
        subject: z.object({
          kind: z.literal('state'),
          application: z.string(),
          key: z.string(),
        }),
        value: digestText.nullable(),
        position,
        signature: base64,
      }),
    )
    .max(64),
});

/** Throws `WireError` where a statement is one that no replica can have signed. */
export function stateProofFrom(
  cluster: ClusterId,
  { attestations, ...rest }: z.output<typeof stateProofSchema>,
): StateProof {
  return {
    ...rest,
    attestations: attestations.map(({ replica, signature, ...fields }) => {
      const statement: AttestationStatement = fields;
      return { replica, ...signedFrom(cluster, statement, signature) };
    }),
  };
}
