import { z } from 'zod';
import { type ClusterId, unreachable } from '../../kernel/ids.js';
import type { OperationStatus, SessionEvent, SessionOutput } from '../core/outbox.js';
import {
  base64,
  callResult,
  digestText,
  position,
  replica,
  sequenceField,
  sessionIdField,
} from './fields.js';
import {
  outcomeProofFrom,
  outcomeProofJson,
  outcomeProofSchema,
  signedFrom,
  signedJson,
} from './proof-json.js';

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

function statusJson(status: OperationStatus): object {
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
  head: digestText,
  result: digestText,
  base: position,
  baseHistory: digestText,
  deadline: position,
  replica,
  signature: base64,
});

const witness = z.object({
  kind: z.literal('witness'),
  session: sessionIdField,
  sequence: sequenceField,
  head: digestText,
  result: digestText,
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
