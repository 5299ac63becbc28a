import type { Core, TimerInput } from '../../../src/kernel/core.js';
import { Deferred } from '../engine/deferred.js';
import type { Host, Life } from '../engine/process.js';
import { SimDriver } from '../engine/sim-driver.js';

export interface PartyOptions {
  readonly host: Host;
  readonly log: (event: string, data: object) => void;
}

/** One incarnation of a node: its core behind links, as its edge runs it. */
export abstract class Party<Message, Input, Output extends { readonly kind: string }>
  implements Life<Message>
{
  protected readonly host: Host;
  readonly #driver: SimDriver<Input, Output>;

  /** `deferred` is what the core does in memory, until it is on disk. */
  constructor({ host, log }: PartyOptions, core: Core<Input, Output>, deferred?: Deferred) {
    this.host = host;
    this.#driver = new SimDriver({
      core: deferred?.around(core) ?? core,
      host,
      perform: (output) => this.perform(output),
      log: (note) => {
        if (!Deferred.tells(note)) log(note.event, note.data);
      },
    });
  }

  get load(): { readonly timers: number; readonly outputs: number } {
    return this.#driver.load;
  }

  linked(_other: string): void {}

  abstract receive(from: string, message: Message, id: number): void;

  protected abstract perform(output: Output): void;

  /** The core gets what is on disk; its outputs need the whole party. */
  protected start(): void {
    this.#driver.start();
  }

  protected submit(input: Input | TimerInput): void {
    this.#driver.submit(input);
  }
}

interface Caller {
  readonly to: string;
  readonly call: number;
}

/** Callers who wait for an answer of the core; each gets one. `Id` is what the answer names. */
export class Callers<Id extends number> {
  readonly #waiting = new Map<Id, Caller>();
  #count = 0;

  add(caller: Caller): Id {
    this.#count += 1;
    const id = this.#count as Id;
    this.#waiting.set(id, caller);
    return id;
  }

  take(id: Id): Caller | undefined {
    const caller = this.#waiting.get(id);
    this.#waiting.delete(id);
    return caller;
  }
}
