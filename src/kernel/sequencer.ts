import {
  type CommonOutput,
  type Core,
  Fifo,
  type StoredRecord,
  type StoreWrite,
  type TimerInput,
} from './core.js';

export interface SequencerOptions<Input, Output> {
  readonly core: Core<Input, Output>;
  /** Performs one output of the core's own. */
  readonly perform: (output: Output) => void;
  /** Starts one write; `done` is called when it is on disk, or cannot be. One write at a time. */
  readonly write: (writes: readonly StoreWrite[], done: (failure?: Failure) => void) => void;
  readonly startTimer: (name: string, delayMs: number) => void;
  readonly stopTimer: (name: string) => void;
  readonly log: (output: Extract<CommonOutput, { kind: 'log' }>) => void;
  /**
   * Called where a turn begins; it calls `endTurn` later. What the core says until then is written, signed and
   * performed together. Without it every input has a turn of its own.
   */
  readonly gather?: (endTurn: () => void) => void;
  /**
   * Called where a turn has ended, before anything of it leaves. Where it is given, what a turn writes goes before all that
   * was said in it.
   */
  readonly turnEnded?: (() => void) | undefined;
  /** The core or an output threw, or a write failed: nothing is performed any more. */
  readonly onFailed: (cause: unknown) => void;
  /** Asked before each output; false where the process has died, and performs nothing more. */
  readonly isAlive?: () => boolean;
}

/** What a write failed with. */
export interface Failure {
  readonly cause: unknown;
}

/**
 * The order in which a core's outputs are performed: their own, and nothing that follows a `persist`
 * before the write is on disk ("persist before you send").
 *
 * Group commit: while one write is under way the persists behind it gather; the next write takes
 * them all. Outputs with no unwritten `persist` before them are performed at once.
 *
 * A timer that runs out while a newer start or stop of it still waits here is not the one that the core knows:
 * the core does not get it.
 *
 * It has no clock, disk or socket of its own: the driver gives it those of the machine, the simulator
 * those of virtual time.
 */
export class Sequencer<Input, Output extends { readonly kind: string }> {
  readonly #options: SequencerOptions<Input, Output>;
  readonly #queue = new Fifo<Output | CommonOutput>();
  /** What the core has said in the turn that is not over, apart from what is to be written. */
  #said: (Output | CommonOutput)[] = [];
  #toWrite: CommonOutput[] = [];
  /** Persists in the queue that no write has taken yet. */
  #unwritten: StoreWrite[] = [];
  /** Starts and stops in the queue, by timer. */
  readonly #timersAhead = new Map<string, number>();
  /** Persists in the queue that are on disk: the queue may move past so many. */
  #synced = 0;
  #writing = false;
  #gathering = false;
  #performing = false;
  #ended = false;

  constructor(options: SequencerOptions<Input, Output>) {
    this.#options = options;
  }

  /** Outputs that wait. */
  get length(): number {
    return this.#queue.length + this.#said.length + this.#toWrite.length;
  }

  get isIdle(): boolean {
    return this.length === 0 && !this.#writing && !this.#performing && !this.#gathering;
  }

  restore(records: readonly StoredRecord[]): void {
    this.#take(() => this.#options.core.restore(records));
  }

  handle(input: Input | TimerInput): void {
    if (isTimer(input) && this.#timersAhead.has(input.name)) return;
    this.#take(() => this.#options.core.handle(input));
  }

  #take(step: () => readonly (Output | CommonOutput)[]): void {
    if (this.#ended) return;
    try {
      for (const output of step()) {
        this.#note(output);
        if (!isCommon(output)) continue;
        if (output.kind === 'persist') this.#unwritten.push(output);
        else if (output.kind !== 'log') this.#countAhead(output.name, 1);
      }
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#gather();
  }

  /**
   * What a turn writes goes before all that was said in it: a signature for several texts shows the hashes of the others,
   * so none of them may leave before what each of them rests on is on disk.
   */
  #note(output: Output | CommonOutput): void {
    if (this.#options.turnEnded === undefined) this.#queue.push(output);
    else if (isCommon(output) && output.kind === 'persist') this.#toWrite.push(output);
    else this.#said.push(output);
  }

  #gather(): void {
    const { gather } = this.#options;
    if (gather === undefined) return this.#endTurn();
    if (this.#gathering || this.length === 0) return;
    this.#gathering = true;
    gather(() => {
      this.#gathering = false;
      this.#endTurn();
    });
  }

  #endTurn(): void {
    for (const output of [...this.#toWrite, ...this.#said]) this.#queue.push(output);
    this.#toWrite = [];
    this.#said = [];
    this.#options.turnEnded?.();
    this.#advance();
  }

  /** Does what can be done now. The write goes first: the disk works while outputs are performed. */
  #advance(): void {
    this.#write();
    this.#performReady();
  }

  #write(): void {
    if (this.#writing || this.#unwritten.length === 0 || this.#ended) return;
    const writes = this.#takeUnwritten();
    if (writes === undefined) return;
    this.#writing = true;
    this.#options.write(writes, (failure) => {
      this.#writing = false;
      if (failure) return this.#fail(failure.cause);
      this.#synced += writes.length;
      if (this.#gathering) this.#performReady();
      else this.#advance();
    });
  }

  /** What is to be written, encoded now. `undefined` where it cannot be: then this has ended. */
  #takeUnwritten(): StoreWrite[] | undefined {
    const unwritten = this.#unwritten;
    this.#unwritten = [];
    try {
      return unwritten.map(({ key, value }) => ({ key, value }));
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
  }

  /** Performs from the front of the queue up to the first persist that is not on disk. */
  #performReady(): void {
    // An output may submit an input; the loop below comes to what that gives, in its order.
    if (this.#performing) return;
    this.#performing = true;
    try {
      while (!this.#ended) {
        const output = this.#queue.peek();
        if (output === undefined) break;
        if (isCommon(output) && output.kind === 'persist') {
          if (this.#synced === 0) break;
          this.#synced -= 1;
        }
        this.#queue.shift();
        if (this.#options.isAlive?.() === false) this.#end();
        else this.#perform(output);
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#performing = false;
    }
  }

  #perform(output: Output | CommonOutput): void {
    if (!isCommon(output)) return this.#options.perform(output);
    switch (output.kind) {
      case 'persist':
        return;
      case 'start-timer':
        this.#countAhead(output.name, -1);
        return this.#options.startTimer(output.name, output.delayMs);
      case 'stop-timer':
        this.#countAhead(output.name, -1);
        return this.#options.stopTimer(output.name);
      case 'log':
        return this.#options.log(output);
    }
  }

  #countAhead(timer: string, change: 1 | -1): void {
    const count = (this.#timersAhead.get(timer) ?? 0) + change;
    if (count === 0) this.#timersAhead.delete(timer);
    else this.#timersAhead.set(timer, count);
  }

  #fail(cause: unknown): void {
    if (this.#ended) return;
    this.#end();
    this.#options.onFailed(cause);
  }

  #end(): void {
    this.#ended = true;
    this.#queue.clear();
    this.#said = [];
    this.#toWrite = [];
    this.#unwritten = [];
  }
}

function isTimer(input: unknown): input is TimerInput {
  return (input as { readonly kind?: unknown } | null)?.kind === 'timer';
}

function isCommon(output: { readonly kind: string }): output is CommonOutput {
  switch (output.kind as CommonOutput['kind']) {
    case 'persist':
    case 'start-timer':
    case 'stop-timer':
    case 'log':
      return true;
    default:
      return false;
  }
}
