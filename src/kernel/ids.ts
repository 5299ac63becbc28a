declare const brand: unique symbol;

/**
 * A nominal type: a `Base` that only a named constructor may make. A brand of a brand is both; were the
 * name the property's type itself, that would be `never`.
 */
export type Brand<Base, Name extends string> = Base & {
  readonly [brand]: { readonly [Each in Name]: true };
};

/** Closes an exhaustive switch: does not compile while a case is missing. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}

/** Name of a cluster; every signature is bound to it. */
export type ClusterId = Brand<string, 'ClusterId'>;
/** Index of a coordinator replica, 0 to n-1. The primary of view v is replica v mod n. */
export type ReplicaId = Brand<number, 'ReplicaId'>;
/** Index of an initiator replica, 0 to 2f (or more). */
export type InitiatorId = Brand<number, 'InitiatorId'>;
/** Name of a participant as the cluster file lists it, for example `bank-a`. */
export type ParticipantId = Brand<string, 'ParticipantId'>;
/** Name of a client, or `name/lane` where one client certificate has several requests in flight. */
export type ClientId = Brand<string, 'ClientId'>;
/**
 * One participation of a participant in a transaction: the participant's id, a dot, and a part without
 * dots that the participant makes up, for example `bank-a.<uuid>`. So nobody can take another's.
 */
export type EnlistmentId = Brand<string, 'EnlistmentId'>;
/** A view number, counted from 0. */
export type View = Brand<number, 'View'>;
/** A proposal number within a view, counted from 0. */
export type Attempt = Brand<number, 'Attempt'>;
/** SHA-256, 64 lower-case hexadecimal digits. */
export type Digest = Brand<string, 'Digest'>;
/** A transaction id: a UUID in lower case, without `urn:uuid:`. */
export type TransactionId = Brand<string, 'TransactionId'>;

const digestForm = /^[0-9a-f]{64}$/;
const uuidForm = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const nameForm = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const enlistmentForm = /^[A-Za-z0-9][A-Za-z0-9._-]{0,126}$/;
const clientForm = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}(\/[0-9]{1,4})?$/;

function checked<Id extends string>(form: RegExp, what: string, text: string): Id {
  if (!form.test(text)) throw new RangeError(`not ${what}: ${JSON.stringify(text.slice(0, 80))}`);
  return text as Id;
}

function index<Id extends number>(what: string, value: number): Id {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not ${what}: ${value}`);
  return value as Id;
}

/** Throws `RangeError` unless the text is a name: letters, digits, `.`, `_`, `-`, at most 63. */
export const clusterId = (text: string): ClusterId => checked(nameForm, 'a cluster id', text);
/**
 * Names a participant of the cluster. Throws `RangeError` unless the text is a name: letters, digits, `.`, `_`, `-`,
 * at most 63.
 *
 * @example
 * ```ts
 * import { participantId } from 'concordat/client';
 *
 * const bank = participantId('bank-a');
 * console.log(bank);
 * ```
 */
export const participantId = (text: string): ParticipantId =>
  checked(nameForm, 'a participant id', text);
export const clientId = (text: string): ClientId => checked(clientForm, 'a client id', text);
/** Throws `RangeError` unless the text is made like a name, of at most 127 characters. */
export const enlistmentId = (text: string): EnlistmentId =>
  checked(enlistmentForm, 'an enlistment id', text);
export const digest = (text: string): Digest => checked(digestForm, 'a SHA-256 digest', text);
export const transactionId = (text: string): TransactionId =>
  checked(uuidForm, 'a transaction id', text);
export const replicaId = (value: number): ReplicaId => index('a replica id', value);
export const initiatorId = (value: number): InitiatorId => index('an initiator id', value);
export const view = (value: number): View => index('a view', value);
export const attempt = (value: number): Attempt => index('an attempt', value);

/** Whether the enlistment's id is one that the participant may make. */
export function belongsTo(enlistment: EnlistmentId, participant: ParticipantId): boolean {
  return enlistment.slice(0, enlistment.lastIndexOf('.')) === participant;
}

/** The principal behind a client id: the part before the lane. */
export function clientPrincipal(client: ClientId): string {
  return client.split('/', 1)[0] ?? client;
}

/** In whose name orders of sessions are carried out. Nobody else may bear the name. */
export const sessionsPrincipal = 'sessions';

/** The client id of a lane of orders, `sessions/<lane>`. Throws `RangeError` above lane 9999. */
export const sessionsClient = (lane: number): ClientId => clientId(`${sessionsPrincipal}/${lane}`);

/** The party that a transaction is carried out for: a client's principal, or the sessions, whose order it is. */
export type Requester =
  | { readonly kind: 'client'; readonly principal: string }
  | { readonly kind: 'sessions' };

/** The party that the client id stands for: an order of sessions is asked for under a client id as well. */
export function requesterOf(client: ClientId): Requester {
  const principal = clientPrincipal(client);
  return principal === sessionsPrincipal ? { kind: 'sessions' } : { kind: 'client', principal };
}

/** How many replicas there are and how many of them may be Byzantine: `n >= 3f + 1`. */
export interface Resilience {
  readonly n: number;
  readonly f: number;
}

/** Throws `RangeError` where `n < 3f + 1` or a number is not a whole one. */
export function resilience(n: number, f: number): Resilience {
  if (!Number.isSafeInteger(n) || !Number.isSafeInteger(f) || f < 0 || n < 3 * f + 1) {
    throw new RangeError(`n = ${n} replicas cannot tolerate f = ${f}: n must be at least 3f + 1`);
  }
  return { n, f };
}

/** Any two quorums share at least one correct replica: `ceil((n + f + 1) / 2)`. */
export function quorum({ n, f }: Resilience): number {
  return Math.ceil((n + f + 1) / 2);
}

/** At least one of so many is correct: `f + 1`. */
export function oneCorrect({ f }: Resilience): number {
  return f + 1;
}

/**
 * Other replicas that have to answer a replica without memory, `2f + 1` where `n = 3f + 1`: any quorum that
 * it was in shares `f + 1` of them with these, one of which is correct.
 */
export function witnesses(resilience: Resilience): number {
  return resilience.n + resilience.f + 1 - quorum(resilience);
}

/** The primary of a view. */
export function primaryOf({ n }: Resilience, view: View): ReplicaId {
  return (view % n) as ReplicaId;
}
/** The outcome of something that can fail in an expected way. */
export type Result<Value, Failure> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: Failure };

export function ok<Value>(value: Value): { readonly ok: true; readonly value: Value } {
  return { ok: true, value };
}

export function failed<Failure>(error: Failure): { readonly ok: false; readonly error: Failure } {
  return { ok: false, error };
}
