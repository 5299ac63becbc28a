import { createHistogram } from 'node:perf_hooks';
import type {
  CoordinatorInput,
  CoordinatorOutput,
} from '../../core/transaction/coordinator-messages.js';

/** Durations of one kind since the start. `sumMs` and `count` let others take means over a time. */
export interface LatencyFigures {
  readonly count: number;
  readonly sumMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Begun and not ended; the oldest is given up. Backups do not see the end of most. */
const OPEN_MAX = 8192;

class Latency {
  readonly #histogram = createHistogram({ lowest: 1, highest: 600_000_000, figures: 3 });
  readonly #begun = new Map<string, number>();
  #sumMs = 0;

  begin(id: string): void {
    if (this.#begun.has(id)) return;
    this.#begun.set(id, performance.now());
    const [oldest] = this.#begun.keys();
    if (this.#begun.size > OPEN_MAX && oldest !== undefined) this.#begun.delete(oldest);
  }

  end(id: string): void {
    const begun = this.#begun.get(id);
    if (begun === undefined) return;
    this.#begun.delete(id);
    const tookMs = performance.now() - begun;
    this.#sumMs += tookMs;
    this.#histogram.record(Math.max(1, Math.round(tookMs * 1000)));
  }

  get figures(): LatencyFigures {
    const { count } = this.#histogram;
    const percentileMs = (p: number) => (count === 0 ? 0 : this.#histogram.percentile(p) / 1000);
    return { count, sumMs: this.#sumMs, p50Ms: percentileMs(50), p99Ms: percentileMs(99) };
  }
}

/** What Zhao §5 measures at a coordinator replica: activation, and two-phase commit with its agreement. */
export class Latencies {
  readonly #activation = new Latency();
  readonly #twoPhaseCommit = new Latency();

  onInput(input: CoordinatorInput): void {
    if (input.kind === 'activate') this.#activation.begin(input.replyId);
    else if (input.kind === 'complete') this.#twoPhaseCommit.begin(input.statement.statement.tid);
  }

  onOutput(output: CoordinatorOutput): void {
    if (output.kind === 'activated') this.#activation.end(output.replyId);
    else if (output.kind === 'notify-initiator') this.#twoPhaseCommit.end(output.tid);
  }

  get figures(): { activation: LatencyFigures; twoPhaseCommit: LatencyFigures } {
    return { activation: this.#activation.figures, twoPhaseCommit: this.#twoPhaseCommit.figures };
  }
}
