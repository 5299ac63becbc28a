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

  /** `source` is who caused it, where there are few who can. */
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
