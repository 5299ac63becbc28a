/** One request that ended well. Times are of `performance.now()`. */
export interface Completion {
  readonly endedMs: number;
  readonly latencyMs: number;
}

export interface ClosedLoop {
  /** Requests in flight at a time. */
  readonly clients: number;
  /** One request; whatever it throws ends the whole. Bounds its own time. */
  readonly request: () => Promise<void>;
}

/**
 * Runs `clients` loops without think time, each sending its next request when the last is answered,
 * for as long as `during` takes; `during` begins when each loop has had its first answer. Returns when
 * the last request is answered. Rejects with the first error of a request or of `during`.
 */
export async function underLoad<Result>(
  { clients, request }: ClosedLoop,
  during: (completed: readonly Completion[]) => Promise<Result>,
): Promise<Result> {
  const completed: Completion[] = [];
  let stopped = false;
  const once = async () => {
    const startedMs = performance.now();
    await request();
    const endedMs = performance.now();
    completed.push({ endedMs, latencyMs: endedMs - startedMs });
  };
  const firsts = Array.from({ length: clients }, once);
  const loops = firsts.map(async (first) => {
    await first;
    while (!stopped) await once();
  });
  const measured = Promise.all(firsts).then(() => during(completed));
  try {
    // A loop ends before `during` does only by failing.
    await Promise.race([measured, Promise.all(loops)]);
  } finally {
    stopped = true;
  }
  const [result] = await Promise.all([measured, ...loops]);
  return result;
}

/** Makes so many requests, as many at a time as there are clients. Rejects with the first error, or once aborted. */
export async function makeRequests(
  { clients, request }: ClosedLoop,
  count: number,
  signal: AbortSignal,
): Promise<void> {
  let left = count;
  const loop = async () => {
    while (left > 0) {
      left -= 1;
      signal.throwIfAborted();
      await request();
    }
  };
  await Promise.all(Array.from({ length: clients }, loop));
}
