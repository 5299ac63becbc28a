import type { Command } from 'commander';
import type { WindowProfiler } from './support/profile/window-profiler.js';

/** What a benchmark's run gets from the command line, and who may end it early. */
export interface RunContext {
  /** Aborted on Ctrl-C. A benchmark then stops what it has started and rejects with the reason. */
  readonly signal: AbortSignal;
  /** Tells people how far it is, on standard error. */
  readonly progress: (line: string) => void;
  /** What is measured is to be measured within it; only where profiles are asked for. */
  readonly profiler?: WindowProfiler;
}

/** One benchmark: adds its subcommand, whose action measures and prints. */
export type AddBenchmark = (program: Command, context: RunContext) => void;

/** The measurement is void: something went wrong that must not go wrong. */
export class BenchmarkError extends Error {
  override readonly name = 'BenchmarkError';
}
