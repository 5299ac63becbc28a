import type { Outcome } from '../../../src/agreement/statements.js';
import type { AccountId, Posting, Transfer } from '../../../src/banking/soap.js';
import type { ClientId, EnlistmentId, TransactionId } from '../../../src/kernel/ids.js';
import type { ParticipantNotice } from '../../../src/transaction/coordinator/core/messages.js';

/** A request, whose reply names the same `call`. */
export type Request =
  | { readonly kind: 'activate'; readonly call: number; readonly statement: Uint8Array }
  | { readonly kind: 'register'; readonly call: number; readonly statement: Uint8Array }
  /** Debit or Credit within a transaction. */
  | {
      readonly kind: 'post';
      readonly call: number;
      readonly tid: TransactionId;
      readonly expiresMs: number;
      readonly posting: Posting;
      readonly invitation: Uint8Array;
    }
  | {
      readonly kind: 'transfer';
      readonly call: number;
      readonly client: ClientId;
      readonly timestamp: number;
      readonly order: Transfer;
    }
  | { readonly kind: 'get-balance'; readonly call: number; readonly account: AccountId };

export type Reply =
  | {
      readonly kind: 'activated';
      readonly call: number;
      readonly tid: TransactionId;
      readonly proof?: Uint8Array;
    }
  | { readonly kind: 'registered'; readonly call: number }
  | { readonly kind: 'posted'; readonly call: number }
  | {
      readonly kind: 'transferred';
      readonly call: number;
      readonly tid: TransactionId;
      readonly outcome: 'committed' | 'aborted';
      readonly reason?: string;
    }
  | { readonly kind: 'balance'; readonly call: number; readonly amountMinor: number }
  /** `isForNow`: a receiver's fault in SOAP; the same request may succeed later. */
  | {
      readonly kind: 'fault';
      readonly call: number;
      readonly code: string;
      readonly isForNow: boolean;
    };

export type OneWay =
  /** Between coordinators: the bytes of the production codec. */
  | { readonly kind: 'peer'; readonly bytes: Uint8Array }
  /** Commit or Rollback of an initiator. */
  | { readonly kind: 'complete'; readonly statement: Uint8Array }
  /** Prepared, ReadOnly or Aborted with the signed vote. */
  | { readonly kind: 'vote'; readonly statement: Uint8Array }
  /** Committed, or Aborted as the answer to Rollback. */
  | { readonly kind: 'ended'; readonly statement: Uint8Array }
  /** Prepare, Commit or Rollback of a coordinator. */
  | {
      readonly kind: 'notice';
      readonly notice: ParticipantNotice;
      readonly tid: TransactionId;
      readonly enlistment: EnlistmentId;
      readonly proof?: Uint8Array;
      /** With Prepare: what the initiators asked for. */
      readonly completion?: readonly Uint8Array[];
      /** With Commit: how the participant voted. */
      readonly vote?: Uint8Array;
    }
  /** Committed or Aborted of a coordinator to an initiator. */
  | {
      readonly kind: 'outcome';
      readonly tid: TransactionId;
      readonly outcome: Outcome;
      readonly proof?: Uint8Array;
    }
  /** A coordinator's fault to an initiator that completes. */
  | {
      readonly kind: 'completion-fault';
      readonly tid: TransactionId;
      readonly fault: 'InvalidState' | 'UnknownTransaction';
    };

/**
 * What one node sends to another: what the SOAP messages and peer frames carry once their envelopes are
 * off. Who it is from, the link says; statements and proofs travel in the production encoding.
 */
export type Packet = Request | Reply | OneWay;

export function isReply(packet: Packet): packet is Reply {
  switch (packet.kind) {
    case 'activated':
    case 'registered':
    case 'posted':
    case 'transferred':
    case 'balance':
    case 'fault':
      return true;
    default:
      return false;
  }
}
