import { type CommonOutput, invariant } from '../../kernel/core.js';
import { type ReplicaId, replicaId, unreachable } from '../../kernel/ids.js';
import type { SlotKey } from '../messages.js';

/** The timers of the agreement. */
export type AgreementTimer =
  /**
   * `suspect`: the primary has had its time to get the slot decided. `resend`: this replica sends what it has
   * sent of the slot again, or drops one that only a peer has named.
   */
  | { readonly kind: 'suspect' | 'resend'; readonly slot: SlotKey }
  /** What was answered once in a delay may be answered again. */
  | { readonly kind: 'pace' }
  /**
   * `resend-view-change`: this replica asks for the next view again. `new-view`: the primary of the next view has
   * had its time to open it.
   */
  | { readonly kind: 'resend-view-change' | 'new-view' }
  /**
   * `forget-view-change`: the replica has not asked for a view again: it has withdrawn. `leave`: a view may be left for
   * the replica once more, which has lost its disk (two steps).
   */
  | { readonly kind: 'forget-view-change' | 'leave'; readonly replica: ReplicaId };

/** Before the name of each, as a coordinator replica has timers of its own. */
const PREFIX = 'agreement/';

/** One reader for each kind: a kind without one does not compile. */
const readers: Readonly<Record<AgreementTimer['kind'], (of: string) => AgreementTimer>> = {
  suspect: (of) => ({ kind: 'suspect', slot: of as SlotKey }),
  resend: (of) => ({ kind: 'resend', slot: of as SlotKey }),
  pace: () => ({ kind: 'pace' }),
  'resend-view-change': () => ({ kind: 'resend-view-change' }),
  'new-view': () => ({ kind: 'new-view' }),
  'forget-view-change': (of) => ({ kind: 'forget-view-change', replica: replicaId(Number(of)) }),
  leave: (of) => ({ kind: 'leave', replica: replicaId(Number(of)) }),
};

export function startTimer(timer: AgreementTimer, delayMs: number): CommonOutput {
  return { kind: 'start-timer', name: nameOf(timer), delayMs };
}

export function stopTimer(timer: AgreementTimer): CommonOutput {
  return { kind: 'stop-timer', name: nameOf(timer) };
}

/**
 * Reads what `startTimer` has named. Undefined where the timer is none of the agreement's; one that says it is,
 * and that the agreement does not know, stops the replica.
 */
export function readTimer(name: string): AgreementTimer | undefined {
  if (!name.startsWith(PREFIX)) return undefined;
  const [kind = '', ...rest] = name.slice(PREFIX.length).split('/');
  invariant(isKind(kind), `${name} is a timer of the agreement`);
  return readers[kind](rest.join('/'));
}

function isKind(text: string): text is AgreementTimer['kind'] {
  return Object.hasOwn(readers, text);
}

function nameOf(timer: AgreementTimer): string {
  switch (timer.kind) {
    case 'suspect':
    case 'resend':
      return `${PREFIX}${timer.kind}/${timer.slot}`;
    case 'forget-view-change':
    case 'leave':
      return `${PREFIX}${timer.kind}/${timer.replica}`;
    case 'pace':
    case 'resend-view-change':
    case 'new-view':
      return `${PREFIX}${timer.kind}`;
    default:
      return unreachable(timer);
  }
}
