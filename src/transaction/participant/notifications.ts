import type { Outcome } from '../../agreement/statements.js';
import { oneCorrect, type ReplicaId, type Resilience } from '../../kernel/ids.js';
import type { Notification, Notified } from './messages.js';

const provedBy: Readonly<Record<Outcome, Notification>> = { commit: 'commit', abort: 'rollback' };

/**
 * Which replicas have sent which notification about one enlistment. A participant acts on what `f + 1` replicas
 * send, one of which is correct, or on one message that proves what it says (Zhao §4.3).
 */
export class NotificationTally {
  readonly #needed: number;
  readonly #said: Readonly<Record<Notification, Set<ReplicaId>>> = {
    prepare: new Set(),
    commit: new Set(),
    rollback: new Set(),
  };
  readonly #believed = new Set<Notification>();

  constructor(resilience: Resilience) {
    this.#needed = oneCorrect(resilience);
  }

  /** The replicas to answer once the notification is believed: all that sent it, later each that sends it again. */
  add(notified: Notified): readonly ReplicaId[] | undefined {
    const { replica, message } = notified;
    const said = this.#said[message];
    said.add(replica);
    if (this.#believed.has(message)) return [replica];
    if (said.size < this.#needed && !isProved(notified)) return undefined;
    this.#believed.add(message);
    return [...said];
  }

  /** Those that have sent it so far. */
  sendersOf(message: Notification): readonly ReplicaId[] {
    return [...this.#said[message]];
  }
}

/** Whether the message shows why, for just this transaction. */
function isProved(notified: Notified): boolean {
  const { message, ref, completion } = notified;
  return message === 'prepare'
    ? completion?.tid === ref.tid && completion.decision === 'commit'
    : isDecided(notified);
}

/**
 * The end of an enlistment that the message proves to a participant that does not remember it. A commit is
 * one only with the participant's own consent. It consents once a quorum has acknowledged its
 * registration, so a commit of that transaction has the enlistment, with that consent, in its certificate.
 */
export function provedEnd(notified: Notified): Outcome | undefined {
  if (notified.message === 'prepare' || !isDecided(notified)) return undefined;
  if (notified.message === 'rollback') return 'abort';
  const consent = notified.vote?.statement;
  return consent?.vote === 'prepared' &&
    consent.tid === notified.ref.tid &&
    consent.enlistment === notified.ref.enlistment
    ? 'commit'
    : undefined;
}

/** Whether the message proves the outcome that it names, for just this transaction. */
function isDecided({ certificate, message, ref }: Notified): boolean {
  if (certificate === undefined) return false;
  const { slot, result, phase } = certificate.statement;
  return (
    phase === 'commit' &&
    slot.kind === 'outcome' &&
    slot.tid === ref.tid &&
    result.kind === 'outcome' &&
    provedBy[result.outcome] === message
  );
}
