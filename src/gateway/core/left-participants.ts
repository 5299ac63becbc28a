import type { EnlistmentKey, FromParticipant, GatewayOptions } from './messages.js';
import type { Outputs, PlainParticipant, Step } from './plain-participant.js';

/**
 * Durable participants of forgotten activities that were given up, but may have prepared. Each that comes back is sent its
 * Rollback, until it has acknowledged that: else it would hold its locks for ever. Of one that is on no record nothing is
 * known, and nothing is said: with a disk that was lost it may have committed.
 */
export class LeftParticipants {
  readonly #max: number;
  readonly #byKey = new Map<EnlistmentKey, PlainParticipant>();

  constructor({ limits }: GatewayOptions) {
    this.#max = limits.left;
  }

  /** Keeps those that are owed a Rollback, whose records are on disk. Where all places are taken the oldest goes. */
  keep(participants: Iterable<PlainParticipant>): Outputs {
    for (const participant of participants) {
      if (participant.isOwedRollback) this.#byKey.set(participant.key, participant);
    }
    const surplus = [...this.#byKey.values()].slice(0, Math.max(0, this.#byKey.size - this.#max));
    return surplus.flatMap((participant) => {
      this.#byKey.delete(participant.key);
      const data = { kept: this.#max };
      const log = {
        kind: 'log',
        level: 'warn',
        event: 'left-participant-forgotten',
        data,
      } as const;
      return [log, ...participant.forget()];
    });
  }

  /** A message of a participant; undefined where it is none of them. */
  notified(key: EnlistmentKey, event: FromParticipant): Step | undefined {
    const participant = this.#byKey.get(key);
    const step = participant?.notified(event);
    if (participant === undefined || step === undefined || participant.isOwedRollback) return step;
    this.#byKey.delete(key);
    return { ...step, outputs: [...step.outputs, ...participant.forget()] };
  }
}
