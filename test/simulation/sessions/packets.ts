import type { SessionInput, SessionOutput } from '../../../src/session/core/outbox.js';

/** What a client asks a replica; the edge adds who waits for the answer, and the time. */
export type Question = DistributiveOmit<
  Extract<SessionInput, { readonly kind: 'run' | 'commit' | 'status' | 'attest' }>,
  'replyId' | 'nowMs'
>;

export type Answer = Extract<
  SessionOutput,
  { readonly kind: 'answer' | 'refused' | 'attested' | 'proved' }
>;

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** What travels: bytes between replicas, and what JSON over HTTP stands for between them and clients. */
export type SessionPacket =
  | { readonly kind: 'ordering'; readonly bytes: Uint8Array }
  | { readonly kind: 'session'; readonly bytes: Uint8Array }
  | { readonly kind: 'question'; readonly call: number; readonly question: Question }
  | { readonly kind: 'answer'; readonly call: number; readonly answer: Answer };
