import { sha256 } from '../../../src/kernel/digest.js';
import type { StateMachine } from '../../../src/ordering/core/engine.js';
import { Judge } from '../../../src/ordering/core/ezbft/interference.js';
import type { Batch, OrderingRequest } from '../../../src/ordering/types.js';

/** A request as one machine applied it. */
export interface Applied {
  /** What does not interfere is in different lanes. */
  readonly lane: string;
  /** How many the machine had applied with it in its lane. */
  readonly index: number;
  readonly position: number;
  readonly request: OrderingRequest;
  /** Digest of all that it had applied in its lane, this included. */
  readonly chain: string;
}

export interface MachineEvents {
  applied(applied: Applied): void;
  installed(lanes: readonly Lane[]): void;
}

/** Lanes of a machine whose requests commute where their lanes differ. */
const LANES = 3;

/** How such a machine judges: it gives keys. */
const keysOfLane = (request: OrderingRequest) => [laneOf(request, LANES)];
const byLanes: Pick<StateMachine, 'interferes' | 'keysOf'> = {
  interferes: (a, b) => laneOf(a, LANES) === laneOf(b, LANES),
  keysOf: keysOfLane,
};

export const laneJudge = new Judge(byLanes);

/** How many requests of one lane a machine has applied, and the digest of them. */
export interface Lane {
  readonly lane: string;
  index: number;
  chain: string;
}

/**
 * Counts what it applies, and chains it: all of it, or each lane for itself where requests of different lanes commute.
 * Its snapshot is as long as a run wants it.
 */
export class SimMachine implements StateMachine {
  readonly #events: MachineEvents;
  readonly #padding: string;
  readonly #laneCount: number;
  declare readonly keysOf?: NonNullable<StateMachine['keysOf']>;
  #lanes = new Map<string, Lane>();
  #last = 0;

  constructor(events: MachineEvents, paddingBytes: number, hasLanes: boolean) {
    this.#events = events;
    this.#padding = '.'.repeat(paddingBytes);
    this.#laneCount = hasLanes ? LANES : 1;
    if (hasLanes) this.keysOf = keysOfLane;
  }

  apply(position: number, batch: Batch): void {
    if (position <= this.#last) throw new Error(`position ${position} after ${this.#last}`);
    this.#last = position;
    for (const request of batch) {
      const { client, number } = request;
      const state = this.#lane(this.#nameOf(request));
      state.index += 1;
      const place = this.#laneCount > 1 ? '' : position;
      const text = `${state.chain} ${place} ${client} ${number} ${sha256(request.payload)}`;
      state.chain = sha256(new TextEncoder().encode(text));
      this.#events.applied({ ...state, position, request });
    }
  }

  snapshot(): readonly Uint8Array[] {
    const lanes = [...this.#lanes.values()].sort((a, b) => (a.lane < b.lane ? -1 : 1));
    const last = this.#laneCount > 1 ? 0 : this.#last;
    return [new TextEncoder().encode(JSON.stringify([lanes, last, this.#padding]))];
  }

  differences(): readonly string[] {
    return ['history'];
  }

  install(snapshot: Uint8Array): void {
    const [lanes, last] = JSON.parse(new TextDecoder().decode(snapshot));
    this.#lanes = new Map((lanes as Lane[]).map((one) => [one.lane, one]));
    this.#last = Math.max(this.#last, last);
    this.#events.installed([...this.#lanes.values()].map((one) => ({ ...one })));
  }

  interferes(a: OrderingRequest, b: OrderingRequest): boolean {
    return this.#nameOf(a) === this.#nameOf(b);
  }

  #nameOf(request: OrderingRequest): string {
    return laneOf(request, this.#laneCount);
  }

  #lane(lane: string): Lane {
    const known = this.#lanes.get(lane);
    if (known) return known;
    const fresh = { lane, index: 0, chain: '' };
    this.#lanes.set(lane, fresh);
    return fresh;
  }
}

function laneOf({ number }: OrderingRequest, lanes: number): string {
  return String(number % lanes);
}
