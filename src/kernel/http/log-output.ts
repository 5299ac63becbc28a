import { constants, fstatSync, openSync, write, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Lines that wait to be written; some seconds of a busy node. */
const waitingBytesMax = 1_048_576;
/** What is written in one go. */
const chunkBytesMax = 65_536;
/** A log that could not be written is tried again after so long. */
const retryMs = 500;
/** A pipe that is full has a reader, which is slow. */
const fullPipeRetryMs = 20;
const endPollMs = 5;

export interface LogOutputOptions {
  /** Where the lines go. It should be one whose writes do not block. */
  readonly fd: number;
  /** Called when writing begins to fail, with the error's code, and with `undefined` when it is well again. */
  readonly onChange?: (failure: string | undefined) => void;
  /** Makes the line that says in the log how many are missing. */
  readonly gapLine: (dropped: number) => string;
}

/**
 * Writes lines to a file descriptor without ever waiting for it. What cannot be written waits within a
 * bound; past that lines are dropped and counted, and the log says so once it can be written again.
 */
export class LogOutput {
  readonly #options: LogOutputOptions;
  readonly #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** Under way, or to be tried again; may be the rest of a line. */
  #chunk: Buffer | undefined;
  #retry: NodeJS.Timeout | undefined;
  #failure: string | undefined;
  #dropped = 0;
  #unsaid = 0;

  constructor(options: LogOutputOptions) {
    this.#options = options;
  }

  /** Code of the error that keeps the log from being written; `undefined` where all is well. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Lines that were dropped since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  write(line: string): void {
    const bytes = Buffer.from(line);
    if (this.#waitingBytes + bytes.length > waitingBytesMax) {
      this.#dropped += 1;
      this.#unsaid += 1;
      return;
    }
    this.#sayGap();
    this.#push(bytes);
    if (this.#chunk === undefined) this.#next();
  }

  /** Resolves once all is written, or after so long, or at once where the log fails. */
  async end(timeoutMs: number): Promise<void> {
    const until = performance.now() + timeoutMs;
    while (this.#chunk !== undefined && this.#failure === undefined) {
      if (performance.now() > until) return;
      await sleep(endPollMs);
    }
  }

  /** As the process exits: one try at what waits, where nothing is known to be wrong. */
  endNow(): void {
    if (this.#failure !== undefined || this.#retry !== undefined) return;
    try {
      for (const bytes of this.#waiting.splice(0)) writeSync(this.#options.fd, bytes);
    } catch {
      // There is nowhere left to say it.
    }
  }

  #next(): void {
    if (this.#waiting.length === 0) this.#sayGap();
    const parts: Buffer[] = [];
    let length = 0;
    while (length < chunkBytesMax) {
      const part = this.#waiting.shift();
      if (part === undefined) break;
      parts.push(part);
      length += part.length;
    }
    if (parts.length === 0) return;
    this.#waitingBytes -= length;
    this.#send(Buffer.concat(parts));
  }

  #push(bytes: Buffer): void {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
  }

  /** Where the lines are missing. */
  #sayGap(): void {
    if (this.#unsaid === 0) return;
    this.#push(Buffer.from(this.#options.gapLine(this.#unsaid)));
    this.#unsaid = 0;
  }

  #send(chunk: Buffer): void {
    this.#chunk = chunk;
    write(this.#options.fd, chunk, 0, chunk.length, null, (error, written) => {
      if (error !== null) return this.#failed(error.code ?? error.message, chunk);
      if (written < chunk.length) return this.#send(chunk.subarray(written));
      this.#chunk = undefined;
      // Well again once it has caught up, so that a slow reader is reported once.
      if (this.#waiting.length === 0) this.#change(undefined);
      this.#next();
    });
  }

  /** The chunk is kept, and tried again. A pipe that is full for now is no failure until much waits for it. */
  #failed(code: string, chunk: Buffer): void {
    this.#chunk = chunk;
    if (code !== 'EAGAIN' || this.#waitingBytes > waitingBytesMax / 2) this.#change(code);
    const delayMs = code === 'EAGAIN' ? fullPipeRetryMs : retryMs;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#send(chunk);
    }, delayMs);
    this.#retry.unref();
  }

  #change(failure: string | undefined): void {
    if (failure === this.#failure) return;
    this.#failure = failure;
    this.#options.onChange?.(failure);
  }
}

/**
 * A descriptor for the same output whose writes do not block: a pipe is opened anew, so that a process that shares
 * it is not affected. Others are as they are; of them only the log's own thread waits.
 */
export function unblocked(fd: number): number {
  try {
    if (!fstatSync(fd).isFIFO()) return fd;
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    return fd;
  }
}
/** What it takes of a logger. */
export type LineLog = Readonly<
  Record<'info' | 'warn' | 'error', (data: object, event: string) => void>
>;

const intervalMs = 1000;
/** Pairs of event and source remembered at a time. */
const pairsMax = 256;

interface Pair {
  /** When the next line may be written, in milliseconds of `performance.now()`. */
  nextMs: number;
  leftOut: number;
}

/**
 * For lines about what others send, of which anybody could cause any number: at most one a second of
 * each event and source. The next one says by `leftOut` how many there were in between.
 */
export class OccasionalLog {
  readonly #log: LineLog;
  readonly #pairs = new Map<string, Pair>();

  constructor(log: LineLog) {
    this.#log = log;
  }

  /** `source` is the party that caused it, where there are few that can. */
  write(level: keyof LineLog, event: string, data: object, source: number | string = ''): void {
    const pair = this.#pairOf(`${event} ${source}`);
    const nowMs = performance.now();
    if (nowMs < pair.nextMs) {
      pair.leftOut += 1;
      return;
    }
    const { leftOut } = pair;
    pair.nextMs = nowMs + intervalMs;
    pair.leftOut = 0;
    this.#log[level](leftOut === 0 ? data : { ...data, leftOut }, event);
  }

  #pairOf(key: string): Pair {
    const known = this.#pairs.get(key);
    if (known !== undefined) return known;
    if (this.#pairs.size >= pairsMax) this.#pairs.clear();
    const made = { nextMs: 0, leftOut: 0 };
    this.#pairs.set(key, made);
    return made;
  }
}
