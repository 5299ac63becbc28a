import type { RequestResult } from '../../src/service/client/poll-core.js';
import { RequestError } from '../../src/service/client/request-error.js';
import { BenchmarkError } from '../benchmark.js';

type Ended = Pick<RequestResult, 'outcome' | 'transactionId' | 'reason'>;

/** Waits for a request. Throws `BenchmarkError` unless it is committed; `system` names where it was made. */
export async function requireCommitted<Result extends Ended>(
  system: string,
  request: Promise<Result>,
): Promise<Result> {
  const result = await request.catch((error: unknown) => {
    if (!(error instanceof RequestError)) throw error;
    throw new BenchmarkError(`${system}: a transfer failed: ${error.message}`);
  });
  if (result.outcome !== 'committed') {
    const { transactionId, reason = 'no reason given' } = result;
    throw new BenchmarkError(`${system}: transfer ${transactionId} was aborted: ${reason}`);
  }
  return result;
}
