import type { Disk } from './disk.js';
import type { Engine } from './engine.js';

/** What one incarnation of a process may use of the world. All of it is dead after a crash. */
export interface Host {
  readonly disk: Disk;
  /** By the process's own clock. */
  nowMs(): number;
  after(delayMs: number, run: () => void): void;
  /** Called before each output: false where the process has crashed just now. */
  survivesOutput(): boolean;
  /** The process cannot go on: it ends, and is started again a little later. */
  fail(error: unknown): void;
}

/** One incarnation of a process. */
export interface Life<Message> {
  /** A message; `id` is the same in a duplicate of it. */
  receive(from: string, message: Message, id: number): void;
  /** Links to another node have come up. */
  linked(other: string): void;
  /** Timers and outputs that wait, for the checker of bounds. */
  readonly load: { readonly timers: number; readonly outputs: number };
}

export interface ProcessOptions<Message> {
  readonly engine: Engine;
  readonly address: string;
  readonly disk: Disk;
  /** Seconds of its clock in a second of the world. */
  readonly clockRate: number;
  readonly clockOffsetMs: number;
  readonly boot: (host: Host) => Life<Message>;
  readonly onFailure: (error: unknown) => void;
}

const RESTART_AFTER_FAILURE_MS = 1000;

/** A process that can crash, start again from its disk, and stand still for a while. */
export class Process<Message> {
  readonly #options: ProcessOptions<Message>;
  #life: Life<Message> | undefined;
  #incarnation = 0;
  #pausedUntilMs = 0;
  #backlog: (() => void)[] = [];
  #outputsLeft = Number.POSITIVE_INFINITY;

  constructor(options: ProcessOptions<Message>) {
    this.#options = options;
  }

  get address(): string {
    return this.#options.address;
  }

  get disk(): Disk {
    return this.#options.disk;
  }

  get isUp(): boolean {
    return this.#life !== undefined;
  }

  get isPaused(): boolean {
    return this.#pausedUntilMs > this.#options.engine.nowMs;
  }

  get life(): Life<Message> | undefined {
    return this.#life;
  }

  start(): void {
    if (this.#life !== undefined) return;
    this.#incarnation += 1;
    this.#outputsLeft = Number.POSITIVE_INFINITY;
    this.#life = this.#options.boot(this.#host(this.#incarnation));
  }

  crash(): void {
    if (this.#life === undefined) return;
    this.#life = undefined;
    this.#incarnation += 1;
    this.#pausedUntilMs = 0;
    this.#backlog = [];
    this.#options.disk.crash();
  }

  /** It crashes in the midst of a step: what comes after so many outputs is lost. */
  crashAfterOutputs(count: number): void {
    this.#outputsLeft = count;
  }

  /** Stands still, like a process that is stopped or collects garbage; all comes in afterwards. */
  pause(durationMs: number): void {
    const { engine } = this.#options;
    this.#pausedUntilMs = engine.nowMs + durationMs;
    engine.after(durationMs, () => this.resume());
  }

  resume(): void {
    if (this.isPaused) this.#pausedUntilMs = 0;
    const waiting = this.#backlog;
    this.#backlog = [];
    for (const run of waiting) run();
  }

  receive(from: string, message: Message, id: number): void {
    this.#whenRunning(this.#incarnation, () => this.#life?.receive(from, message, id));
  }

  linked(other: string): void {
    this.#whenRunning(this.#incarnation, () => this.#life?.linked(other));
  }

  #whenRunning(incarnation: number, run: () => void): void {
    if (incarnation !== this.#incarnation || this.#life === undefined) return;
    if (this.isPaused) {
      this.#backlog.push(() => this.#whenRunning(incarnation, run));
      return;
    }
    run();
  }

  #host(incarnation: number): Host {
    const { engine, disk, clockRate, clockOffsetMs } = this.#options;
    const isCurrent = () => incarnation === this.#incarnation;
    return {
      disk,
      nowMs: () => engine.nowMs * clockRate + clockOffsetMs,
      after: (delayMs, run) =>
        engine.after(delayMs / clockRate, () => this.#whenRunning(incarnation, run)),
      survivesOutput: () => {
        this.#outputsLeft -= 1;
        if (this.#outputsLeft < 0) this.crash();
        return isCurrent();
      },
      fail: (error) => {
        if (!isCurrent()) return;
        this.crash();
        this.#options.onFailure(error);
        engine.after(RESTART_AFTER_FAILURE_MS, () => this.start());
      },
    };
  }
}
