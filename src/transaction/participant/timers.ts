import { type CommonOutput, invariant } from '../../kernel/core.js';
import {
  type Digest,
  digest,
  enlistmentId,
  type TransactionId,
  transactionId,
  unreachable,
} from '../../kernel/ids.js';
import type { EnlistmentRef } from './messages.js';

/**
 * The timers of one enlistment. `register`: coordinators have had their time to acknowledge its registration.
 * `expires`: the participant waits for its transaction no longer. `doubt`: the participant asks for the outcome
 * again.
 */
export type EnlistmentTimer = 'register' | 'expires' | 'doubt';

/** The timers of a participant. */
export type ParticipantTimer =
  | { readonly kind: EnlistmentTimer; readonly ref: EnlistmentRef }
  /** Too few initiators have asked for the operation in time. */
  | { readonly kind: 'invitation'; readonly tid: TransactionId; readonly digest: Digest };

/** One reader for each kind: a kind without one does not compile. */
const readers: Readonly<
  Record<ParticipantTimer['kind'], (tid: TransactionId, of: string) => ParticipantTimer>
> = {
  register: (tid, of) => ({ kind: 'register', ref: { tid, enlistment: enlistmentId(of) } }),
  expires: (tid, of) => ({ kind: 'expires', ref: { tid, enlistment: enlistmentId(of) } }),
  doubt: (tid, of) => ({ kind: 'doubt', ref: { tid, enlistment: enlistmentId(of) } }),
  invitation: (tid, of) => ({ kind: 'invitation', tid, digest: digest(of) }),
};

export function startTimer(timer: ParticipantTimer, delayMs: number): CommonOutput {
  return { kind: 'start-timer', name: nameOf(timer), delayMs };
}

export function stopTimer(timer: ParticipantTimer): CommonOutput {
  return { kind: 'stop-timer', name: nameOf(timer) };
}

/** Reads what `startTimer` has named. Another name ends the core: no step may be taken for it. */
export function readTimer(name: string): ParticipantTimer {
  const [kind = '', tid = '', of = ''] = name.split('/', 3);
  invariant(isKind(kind), `${name} is a timer of the participant`);
  return readers[kind](transactionId(tid), of);
}

function isKind(text: string): text is ParticipantTimer['kind'] {
  return Object.hasOwn(readers, text);
}

function nameOf(timer: ParticipantTimer): string {
  switch (timer.kind) {
    case 'register':
    case 'expires':
    case 'doubt':
      return `${timer.kind}/${timer.ref.tid}/${timer.ref.enlistment}`;
    case 'invitation':
      return `${timer.kind}/${timer.tid}/${timer.digest}`;
    default:
      return unreachable(timer);
  }
}
