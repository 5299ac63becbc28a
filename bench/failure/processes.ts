import { setTimeout as sleep } from 'node:timers/promises';
import type { RunContext } from '../benchmark.js';
import { Group } from '../ordering/processes/group.js';
import { type Failure, type Recovery, recoveryOf } from './timeline.js';

const replicas = [0, 1, 2, 3];
const depth = 10;
const requestBytes = 500;
/** Enough that the load stays the same while nothing is answered for so long. */
const silenceSeconds = 4;
const warmUpMs = 10_000;

/**
 * Figure 3 of Antipaxos over real processes: constant load at the replicas that stay, one replica killed
 * with SIGKILL. Throws `BenchmarkError` where those that stay have not executed the same.
 */
export async function failProcesses(
  { strategy, requestsPerSecond, killed, killAtMs, endMs }: Failure,
  { signal }: RunContext,
): Promise<Recovery> {
  const died = new AbortController();
  const ended = AbortSignal.any([signal, died.signal]);
  const group = await Group.start('antipaxos', { depth, exclusion: strategy }, (error) =>
    died.abort(error),
  );
  try {
    await group.load({
      clients: silenceSeconds * requestsPerSecond,
      requestBytes,
      sign: false,
      perSecond: requestsPerSecond,
      homes: replicas.filter((replica) => replica !== killed),
    });
    await sleep(warmUpMs, undefined, { signal: ended });
    await group.begin();
    await sleep(killAtMs, undefined, { signal: ended });
    group.kill(killed);
    await sleep(endMs - killAtMs, undefined, { signal: ended });
    const { requests, answeredMs, latenciesMs } = await group.timeline();
    await group.quiet();
    await group.agreedState();
    const answers = answeredMs.map((atMs, index) => {
      return { atMs, latencyMs: latenciesMs[index] ?? 0, requests: 1 };
    });
    return recoveryOf(answers, { failedMs: killAtMs, endMs, requests });
  } catch (error) {
    throw ended.aborted ? ended.reason : error;
  } finally {
    await group.stop();
  }
}
