import { setImmediate } from 'node:timers/promises';
import type { RunContext } from '../benchmark.js';

/** The context of a run that starts processes. */
export interface LiveContext extends RunContext {
  /** Ends the run: a process ended that nobody had asked to. */
  readonly onDied: (error: Error) => void;
  /** Gives back what starts processes. An interruption waits until it has settled: then what there is to stop is known. */
  readonly starting: <Started>(start: Promise<Started>) => Promise<Started>;
}

/**
 * Runs what starts processes and measures them. Rejects as soon as it is interrupted or one of the processes dies,
 * whatever the run still waits for, but for what is starting.
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
  const starts = new Set<Promise<unknown>>();
  const starting = <Started>(start: Promise<Started>): Promise<Started> => {
    starts.add(start);
    const settled = () => void starts.delete(start);
    start.then(settled, settled);
    return start;
  };
  const result = run({ ...context, signal, starting, onDied: (error) => died.abort(error) });
  // What comes of it after an interruption is of no interest.
  result.catch(() => undefined);
  try {
    return await Promise.race([result, ended]);
  } finally {
    while (starts.size > 0) {
      await Promise.allSettled(starts);
      // The run takes note of what it has started.
      await setImmediate();
    }
  }
}
