import { z } from 'zod';
import { type ClusterId, unreachable } from '../../kernel/ids.js';
import type { Signed } from '../../kernel/signed.js';
import type { OperationStatus, SessionEvent, SessionOutput } from '../core/outbox.js';
import { encodeSessionStatement } from '../statement.js';
import type { AttestationStatement, OutcomeProof, SessionStatement, StateProof } from '../types.js';
import {
  base64,
  callResult,
  digest,
  position,
  replica,
  sequenceField,
  sessionIdField,
  toBase64,
} from './run-json.js';

/** A statement's fields with the signature. */
export function signedJson({ statement, signature }: Signed<SessionStatement>): object {
  return { ...statement, signature: toBase64(signature) };
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
        signature: toBase64(signature),
      })),
    },
  };
}

const signature = z.object({ replica, signature: base64 });

export const outcomeProofSchema = z.object({
  outcome: z.object({
    session: sessionIdField,
    sequence: sequenceField,
    head: digest,
    result: callResult,
  }),
  path: z.array(z.object({ side: z.enum(['left', 'right']), digest })).max(64),
  certificate: z.object({
    statement: z.object({ kind: z.literal('history'), position, before: digest, root: digest }),
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
  value: z.string(),
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
        value: digest.nullable(),
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

/** Where a session's operations stand, as one coordinator answers. */
export type SessionAnswer = Omit<
  Extract<SessionOutput, { readonly kind: 'answer' }>,
  'kind' | 'replyId'
>;

export function answerJson({ session, next, statuses }: SessionAnswer): object {
  return {
    session,
    next,
    statuses: statuses.map(({ sequence, status }) => ({ sequence, status: statusJson(status) })),
  };
}

export function statusJson(status: OperationStatus): object {
  switch (status.kind) {
    case 'provisional':
      return { ...status, receipt: signedJson(status.receipt) };
    case 'witnessed':
      return {
        ...status,
        receipt: signedJson(status.receipt),
        witnesses: status.witnesses.map(signedJson),
      };
    case 'committed':
    case 'changed':
    case 'aborted':
      return { ...status, proof: outcomeProofJson(status.proof) };
    default:
      return unreachable(status);
  }
}

/** What a server-sent event carries; its name is the event's kind. */
export function eventJson(event: SessionEvent): object {
  switch (event.kind) {
    case 'operation':
      return { sequence: event.sequence, status: statusJson(event.status) };
    case 'doubted':
      return { sequence: event.sequence, by: event.by };
    default:
      return unreachable(event);
  }
}

const receipt = z.object({
  kind: z.literal('receipt'),
  session: sessionIdField,
  sequence: sequenceField,
  head: digest,
  result: digest,
  base: position,
  baseHistory: digest,
  deadline: position,
  replica,
  signature: base64,
});

const witness = z.object({
  kind: z.literal('witness'),
  session: sessionIdField,
  sequence: sequenceField,
  head: digest,
  result: digest,
  replica,
  signature: base64,
});

const final = { result: callResult, simulated: callResult.optional(), proof: outcomeProofSchema };

const statusSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('provisional'), result: callResult, receipt }),
  z.object({
    kind: z.literal('witnessed'),
    result: callResult,
    receipt,
    witnesses: z.array(witness).max(64),
  }),
  z.object({ kind: z.literal('committed'), ...final }),
  z.object({ kind: z.literal('changed'), ...final }),
  z.object({ kind: z.literal('aborted'), ...final }),
]);

const numbered = z.object({ sequence: sequenceField, status: statusSchema });
const answerSchema = z.object({
  session: sessionIdField,
  next: sequenceField,
  statuses: z.array(numbered).max(4096),
});
const doubtSchema = z.object({ sequence: sequenceField, by: replica });

/** Throws `ZodError` or `WireError` where it is no answer. Checks no signature. */
export function readAnswer(cluster: ClusterId, json: unknown): SessionAnswer {
  const { session, next, statuses } = answerSchema.parse(json);
  return {
    session,
    next,
    statuses: statuses.map(({ sequence, status }) => ({
      sequence,
      status: statusFrom(cluster, status),
    })),
  };
}

/** Reads what a server-sent event carries; `undefined` for events of other names. Throws as above. */
export function readEvent(
  cluster: ClusterId,
  name: string,
  data: string,
): SessionEvent | undefined {
  switch (name) {
    case 'operation': {
      const { sequence, status } = numbered.parse(JSON.parse(data));
      return { kind: 'operation', sequence, status: statusFrom(cluster, status) };
    }
    case 'doubted':
      return { kind: 'doubted', ...doubtSchema.parse(JSON.parse(data)) };
    default:
      return undefined;
  }
}

function statusFrom(cluster: ClusterId, status: z.output<typeof statusSchema>): OperationStatus {
  switch (status.kind) {
    case 'provisional':
      return { ...status, receipt: signedReceipt(cluster, status.receipt) };
    case 'witnessed':
      return {
        ...status,
        receipt: signedReceipt(cluster, status.receipt),
        witnesses: status.witnesses.map(({ signature, ...statement }) =>
          signedFrom(cluster, statement, signature),
        ),
      };
    case 'committed':
    case 'changed':
    case 'aborted': {
      const { kind, result, simulated, proof } = status;
      return {
        kind,
        result,
        ...(simulated && { simulated }),
        proof: outcomeProofFrom(cluster, proof),
      };
    }
    default:
      return unreachable(status);
  }
}

function signedReceipt(cluster: ClusterId, { signature, ...statement }: z.output<typeof receipt>) {
  return signedFrom(cluster, statement, signature);
}
