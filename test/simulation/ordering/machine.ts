import { sha256 } from '../../../src/kernel/digest.js';
import type { StateMachine } from '../../../src/ordering/core/engine.js';
import type { Batch, OrderingRequest } from '../../../src/ordering/types.js';

/** A request as one machine applied it. */
export interface Applied {
  /** How many the machine had applied with it. */
  readonly index: number;
  readonly position: number;
  readonly request: OrderingRequest;
  /** Digest of all that it had applied, this included. */
  readonly chain: string;
}

export interface MachineEvents {
  applied(applied: Applied): void;
  installed(index: number, chain: string): void;
}

/** Counts what it applies, and chains it. Its snapshot is as long as a run wants it. */
export class SimMachine implements StateMachine {
  readonly #events: MachineEvents;
  readonly #padding: string;
  #index = 0;
  #chain = '';
  #last = 0;

  constructor(events: MachineEvents, paddingBytes: number) {
    this.#events = events;
    this.#padding = '.'.repeat(paddingBytes);
  }

  get index(): number {
    return this.#index;
  }

  apply(position: number, batch: Batch): void {
    if (position <= this.#last) throw new Error(`position ${position} after ${this.#last}`);
    this.#last = position;
    for (const request of batch) {
      this.#index += 1;
      const { client, number } = request;
      const text = `${this.#chain} ${position} ${client} ${number} ${sha256(request.payload)}`;
      this.#chain = sha256(new TextEncoder().encode(text));
      this.#events.applied({ index: this.#index, position, request, chain: this.#chain });
    }
  }

  snapshot(): readonly Uint8Array[] {
    const state = [this.#index, this.#chain, this.#last, this.#padding];
    return [new TextEncoder().encode(JSON.stringify(state))];
  }

  differences(): readonly string[] {
    return ['history'];
  }

  install(snapshot: Uint8Array): void {
    [this.#index, this.#chain, this.#last] = JSON.parse(new TextDecoder().decode(snapshot));
    this.#events.installed(this.#index, this.#chain);
  }

  interferes(): boolean {
    return true;
  }
}
