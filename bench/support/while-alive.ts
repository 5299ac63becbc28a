import type { RunContext } from '../benchmark.js';

/** The context of a run that starts processes. */
export interface LiveContext extends RunContext {
  /** Ends the run: a process ended that nobody had asked to. */
  readonly onDied: (error: Error) => void;
}

/**
 * Runs what starts processes and measures them. Rejects as soon as it is interrupted or one of the processes dies,
 * whatever the run still waits for.
 */
export async function whileAlive<Result>(
  context: RunContext,
  run: (context: LiveContext) => Promise<Result>,
): Promise<Result> {
  const died = new AbortController();
  const signal = AbortSignal.any([context.signal, died.signal]);
  const ended = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  const result = run({ ...context, signal, onDied: (error) => died.abort(error) });
  // What comes of it after an interruption is of no interest.
  result.catch(() => undefined);
  return Promise.race([result, ended]);
}
