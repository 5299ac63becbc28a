import type { Brand, ClientId, Digest, ParticipantId, TransactionId } from '../../kernel/ids.js';
import type { CallId, EnlistmentRef } from '../../transaction/participant/messages.js';
import type { CompletionEvent, CoordinatorEvent } from '../../transaction/state-tables.js';

/** The secret in the address of an activity's Registration service: holders may register. */
export type ActivityKey = Brand<string, 'ActivityKey'>;
/** The secret in the address of an activity's Completion service: its holder may commit. */
export type CompletionKey = Brand<string, 'CompletionKey'>;
/** The secret in the address that one plain participant answers to. */
export type EnlistmentKey = Brand<string, 'EnlistmentKey'>;
/** An endpoint of plain software: its address, its reference parameters as XML, and the SOAP version it spoke. */
export interface PlainEndpoint {
  readonly address: string;
  readonly parameters: readonly string[];
  readonly version: '1.1' | '1.2';
}

/** A call of the dialogue: JSON text as its payload. */
export interface DialogueCall {
  readonly participant: ParticipantId;
  readonly operation: string;
  readonly payload: string;
}

/** What the initiators know a dialogue by: the request that began it. */
export interface DialogueRequest {
  readonly client: ClientId;
  readonly timestamp: number;
}

export type PlainProtocol = 'volatile' | 'durable';
export type Decision = 'commit' | 'rollback';
export type Outcome = 'committed' | 'aborted';
/** What a gateway sends to a plain participant. */
export type ToParticipant = 'Prepare' | 'Commit' | 'Rollback';
/** What a plain participant sends. */
export type FromParticipant = Extract<
  CoordinatorEvent,
  'prepared' | 'readOnly' | 'aborted' | 'committed'
>;

/**
 * - `busy`: there is no room now.
 * - `full`: the activity has as many calls or participants as it may.
 * - `unknown`: no such activity.
 * - `too-late`: the activity is being completed, or has ended.
 * - `failed`: the initiators or coordinators did not take it; the activity is rolled back.
 */
export type RefusalReason = 'busy' | 'full' | 'unknown' | 'too-late' | 'failed';

export type GatewayAnswer =
  | { readonly kind: 'created'; readonly tid: TransactionId }
  | { readonly kind: 'registered'; readonly key: EnlistmentKey | CompletionKey }
  /** The answer of the participant that was called; JSON text. */
  | { readonly kind: 'done'; readonly result: string }
  | { readonly kind: 'no'; readonly reason: string }
  | { readonly kind: 'accepted' }
  | { readonly kind: 'vote'; readonly vote: 'prepared' | 'readOnly' | 'aborted' }
  | { readonly kind: 'settled' }
  | { readonly kind: 'refused'; readonly reason: RefusalReason }
  | { readonly kind: 'fault'; readonly fault: 'InvalidState' | 'UnknownTransaction' };

export type CallAnswer =
  | { readonly kind: 'done'; readonly result: string }
  | { readonly kind: 'refused'; readonly reason: string };

/** Of plain software. */
export type PlainInput =
  | {
      readonly kind: 'create';
      readonly call: CallId;
      readonly activity: ActivityKey;
      readonly completion: CompletionKey;
      readonly request: DialogueRequest;
      readonly expiresMs: number;
    }
  | {
      readonly kind: 'register';
      readonly call: CallId;
      readonly activity: ActivityKey;
      readonly protocol: PlainProtocol | 'completion';
      readonly endpoint: PlainEndpoint;
      /** Fresh, for a participant. */
      readonly key: EnlistmentKey;
      /** Of the key and the endpoint. */
      readonly digest: Digest;
      /** The same Register again has the same. */
      readonly messageId: string;
    }
  | {
      readonly kind: 'invoke';
      readonly call: CallId;
      readonly activity: ActivityKey;
      readonly service: DialogueCall;
      /** The same call again has the same. */
      readonly messageId: string;
    }
  | {
      readonly kind: 'complete';
      readonly call: CallId;
      readonly key: CompletionKey;
      readonly event: Extract<CompletionEvent, Decision>;
      readonly messageId: string;
    }
  | {
      readonly kind: 'notified';
      readonly call: CallId;
      readonly key: EnlistmentKey;
      readonly event: FromParticipant;
    }
  /** The client has taken its outcome, or has not. */
  | { readonly kind: 'told'; readonly activity: ActivityKey; readonly isTaken: boolean };

/** Of the dialogue: what `f + 1` initiators said. */
export type DialogueInput =
  | { readonly kind: 'begun'; readonly activity: ActivityKey; readonly tid: TransactionId }
  | { readonly kind: 'not-begun'; readonly activity: ActivityKey }
  | {
      readonly kind: 'called';
      readonly activity: ActivityKey;
      readonly number: number;
      /** Undefined where too few initiators gave one answer. */
      readonly answer: CallAnswer | undefined;
    }
  | { readonly kind: 'completed'; readonly activity: ActivityKey; readonly outcome: Outcome }
  /** Asked for the commit, the initiators know nothing of it any more. */
  | { readonly kind: 'lost'; readonly activity: ActivityKey };

/** Of the gateway's own participant, which has checked what coordinators and initiators signed. */
export type EnlistedInput =
  /** First of all, after a start: the enlistments that it holds prepared. Of all others it has not voted. */
  | { readonly kind: 'held'; readonly call: CallId; readonly refs: readonly EnlistmentRef[] }
  | {
      readonly kind: 'enlist';
      readonly call: CallId;
      readonly ref: EnlistmentRef;
      readonly digest: Digest;
    }
  | {
      readonly kind: 'prepare' | 'commit' | 'roll-back';
      readonly call: CallId;
      readonly ref: EnlistmentRef;
    };

export type GatewayInput = PlainInput | DialogueInput | EnlistedInput;

export type GatewayOutput =
  | { readonly kind: 'answer'; readonly call: CallId; readonly answer: GatewayAnswer }
  | { readonly kind: 'begin'; readonly activity: ActivityKey; readonly request: DialogueRequest }
  | {
      readonly kind: 'call';
      readonly activity: ActivityKey;
      readonly number: number;
      readonly service: DialogueCall;
    }
  | {
      readonly kind: 'finish';
      readonly activity: ActivityKey;
      readonly request: DialogueRequest;
      readonly tid: TransactionId;
      readonly decision: Decision;
    }
  /** The dialogue is of no use any more. */
  | { readonly kind: 'leave'; readonly activity: ActivityKey }
  | {
      readonly kind: 'send';
      readonly to: PlainEndpoint;
      readonly key: EnlistmentKey;
      readonly message: ToParticipant;
    }
  | {
      readonly kind: 'tell';
      readonly activity: ActivityKey;
      readonly to: PlainEndpoint;
      readonly outcome: Outcome;
      readonly relatesTo: string | undefined;
    };

/** How long a gateway waits, in milliseconds. */
export interface GatewayTiming {
  /** For a vote of a plain participant. */
  readonly voteTimeoutMs: number;
  /** Before a message to a plain participant is repeated for the first time. */
  readonly resendAfterMs: number;
  /** For participants to answer before the client is told the outcome without them. */
  readonly tellAfterMs: number;
  /** For the question of a client whose activity has ended. */
  readonly keptMs: number;
}

export interface GatewayLimits {
  /** Open activities; one more is refused. */
  readonly activities: number;
  /** Of them those of one peer, and those of all that do not sign. */
  readonly activitiesOfPeer: number;
  /** Activities that have ended and are remembered. */
  readonly ended: number;
  /** Calls of one dialogue: enlistments of durable participants, and calls of others. */
  readonly calls: number;
  /** Volatile participants of one activity. */
  readonly volatile: number;
  /** Participants of forgotten activities that are owed a Rollback. */
  readonly left: number;
  /** Repetitions of an outcome to a party that need not have it. */
  readonly repetitions: number;
}

export interface GatewayOptions {
  /** The gateway's own participant. */
  readonly participant: ParticipantId;
  readonly timing: GatewayTiming;
  readonly limits: GatewayLimits;
}
