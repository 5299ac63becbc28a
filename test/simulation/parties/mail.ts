import type { Lost } from '../engine/network.js';
import type { Random } from '../engine/random.js';
import type { Packet } from './packets.js';

/** A node's way out. */
export interface Mail {
  readonly random: Random;
  send(to: string, packet: Packet, lost?: Lost): void;
  /** Unique in the run. */
  nextCall(): number;
}

/** Takes each SOAP message once, as the replay cache does. Forgotten at a restart, like that one. */
export class SeenMessages {
  readonly #seen = new Set<number>();

  /** Duplicates among peers are let through: their links have no such cache. */
  isNew(packet: Packet, id: number): boolean {
    if (packet.kind === 'peer') return true;
    if (this.#seen.has(id)) return false;
    this.#seen.add(id);
    return true;
  }
}
