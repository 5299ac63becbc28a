import type { Command } from 'commander';

/** What a benchmark's run gets from the command line, and who may end it early. */
export interface RunContext {
  /** Aborted on Ctrl-C. A benchmark then stops what it has started and rejects with the reason. */
  readonly signal: AbortSignal;
  /** Tells people how far it is, on standard error. */
  readonly progress: (line: string) => void;
}

/** One benchmark: adds its subcommand, whose action measures and prints. */
export type AddBenchmark = (program: Command, context: RunContext) => void;

/** The measurement is void: something went wrong that must not go wrong. */
export class BenchmarkError extends Error {
  override readonly name = 'BenchmarkError';
}
