import type { ReplicaId, View } from '../../vocabulary/ids.js';
import { resendDelayMs } from '../effects.js';
import type { Outbox } from './outbox.js';

const RESEND = 'resend';
/** Times that a replica is told, after progress here, that it seems to be elsewhere. */
export const nudgesMax = 8;

/** How far a replica is: its view, the last position it applied, and its last stable checkpoint. */
export interface Place {
  readonly view: View;
  readonly position: number;
  readonly stable: number;
}

/** The engine's side: how far it is, and what there is to say. */
export interface Reminding {
  readonly place: Place;
  /** Says again what others may have missed, after `tries` times in vain; false where there is nothing. */
  sayAgain(tries: number): boolean;
  /** Whether one that is there has something that this replica lacks. */
  isBehind(theirs: Place): boolean;
  /** Shows one that is there what it lacks; false where it lacks nothing before this replica's place. */
  show(to: ReplicaId, theirs: Place): boolean;
}

/**
 * Links lose messages. So each replica says again what is open, less and less often; asks whoever is
 * further on; and, when nothing is open any more, tells those that it has not heard of at its own place.
 * Without load that comes to rest.
 */
export class Reminders {
  readonly #outbox: Outbox;
  readonly #engine: Reminding;
  /** How far the others have got, as far as this replica has heard. */
  readonly #positions = new Map<ReplicaId, number>();
  /** What each was last told, so that two do not go on telling each other the same. */
  readonly #told = new Map<ReplicaId, string>();
  #tries = 0;
  #nudges = 0;

  constructor(outbox: Outbox, engine: Reminding) {
    this.#outbox = outbox;
    this.#engine = engine;
  }

  /** There is something to be said again later, until it is settled. */
  watch(): void {
    const { resendAfterMs } = this.#outbox.options;
    this.#outbox.ensureTimer(RESEND, resendDelayMs(resendAfterMs, this.#tries));
  }

  progressed(): void {
    this.#tries = 0;
    this.#nudges = 0;
    this.watch();
  }

  /** A replica has shown that it has got so far. */
  heard(replica: ReplicaId, position: number): void {
    this.#positions.set(replica, Math.max(this.#positions.get(replica) ?? 0, position));
  }

  /** Returns false where the timer is not this. */
  onTimer(name: string): boolean {
    if (name !== RESEND) return false;
    this.#told.clear();
    const isOpen = this.#engine.sayAgain(this.#tries);
    if (isOpen) this.#outbox.broadcast({ kind: 'status', ...this.#engine.place });
    else if (!this.#nudge()) return true;
    this.#tries += 1;
    this.watch();
    return true;
  }

  /** Lets another replica see how far this one is, so that it shows, or asks for, what one of them lacks. */
  sendStatus(to: ReplicaId): void {
    const { place } = this.#engine;
    this.#told.set(to, textOf(place));
    this.#outbox.send(to, { kind: 'status', ...place });
  }

  onStatus(from: ReplicaId, theirs: Place): void {
    this.#positions.set(from, theirs.position);
    if (this.#engine.show(from, theirs)) this.sendStatus(from);
    if (this.#engine.isBehind(theirs)) this.#ask(from);
  }

  /** Once from a place, for a state takes a while to come; what is lost on its way, later again. */
  #ask(from: ReplicaId): void {
    if (this.#told.get(from) !== textOf(this.#engine.place)) this.sendStatus(from);
    this.watch();
  }

  /**
   * Whoever has not been heard of at this place may have missed the last messages; and whoever was heard
   * of further on may have more, which nobody offers again once a state has come. One that stays silent
   * is left alone until it comes back by itself.
   */
  #nudge(): boolean {
    const { resilience, self } = this.#outbox.options;
    if (this.#nudges >= nudgesMax) return false;
    this.#nudges += 1;
    const { position } = this.#engine.place;
    const elsewhere = Array.from({ length: resilience.n }, (_, index) => index as ReplicaId)
      .filter((replica) => replica !== self)
      .filter((replica) => (this.#positions.get(replica) ?? 0) !== position);
    for (const replica of elsewhere) this.sendStatus(replica);
    return elsewhere.length > 0;
  }
}

function textOf({ view, position, stable }: Place): string {
  return `${view}/${position}/${stable}`;
}
